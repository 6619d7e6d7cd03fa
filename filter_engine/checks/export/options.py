"""What may be written in the module metadata_exporter."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final
from urllib.parse import urlsplit

from filter_engine.checks.services.options import SECONDS
from filter_engine.config.findings import Severity
from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    at_least,
    list_of,
    sections_of,
    text_of,
)
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved, unserved_rule
from filter_engine.config.schema import Binder, Kind, MisfitError, Option, Section, option
from filter_engine.matching.pattern import PatternError, parse_slashed
from filter_engine.ucl.nodes import UclNode

BACKENDS: Final = ("http", "send_mail", "beanstalk")
FORMATTERS: Final = ("default", "json", "email_alert", "headers", "multipart")
SELECTORS: Final = (
    "default", "is_spam", "is_spam_authed", "is_reject", "is_reject_authed", "is_not_soft_reject",
)  # fmt: skip
_NEEDED: Final = {"http": ("url",), "send_mail": ("smtp",), "beanstalk": ("host",)}


def _url(nodes: list[UclNode], _binder: Binder) -> str:
    url = text_of(nodes[0])
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        fits = (
            fits and not parts.username and url.isascii() and url.isprintable() and " " not in url
        )
    except ValueError:
        fits = False
    if not fits:
        raise MisfitError(
            "expected an address of HTTP without login", "write https://host:port/path"
        )
    return url


def _pattern(nodes: list[UclNode], _binder: Binder) -> str:
    try:
        parse_slashed(text_of(nodes[0]))
    except PatternError as error:
        raise MisfitError(str(error)) from None
    return text_of(nodes[0])


def _share(nodes: list[UclNode], binder: Binder) -> float:
    share = NUMBER.convert(nodes, binder)
    if not 0.0 <= share <= 1.0:
        raise MisfitError(f"{share:g} is no probability", "write a number from 0 to 1")
    return share


_URL: Final[Kind[str]] = Kind("HTTP address", _url)
_PATTERN: Final[Kind[str]] = Kind("regular expression", _pattern)
_SHARE: Final[Kind[float]] = Kind("number from 0 to 1", _share)
_COUNT: Final = at_least(INTEGER, 0)


@options_class
class ExportRule(Section):
    """One way out."""

    enabled: bool = option(BOOLEAN, True, doc="use the rule")
    backend: str = option(STRING, "", doc="to whom: http, send_mail or beanstalk")
    selector: str = option(
        STRING, "default", doc="which mail: default (all), is_spam, is_spam_authed, is_reject, "
        "is_reject_authed, is_not_soft_reject",
    )  # fmt: skip
    formatter: str = option(
        STRING, "default", doc="in what form: default (the message), json, email_alert, headers, "
        "multipart (json and the message)",
    )  # fmt: skip
    probability: float = option(_SHARE, 1.0, doc="share of the selected mail that is told")
    timeout: float = option(SECONDS, 10.0, unit="seconds", doc="how long the other side may take")
    url: str = option(_URL, "", doc="http: address, of http or https")
    no_ssl_verify: bool = option(BOOLEAN, False, doc="http: accept any certificate")
    user: str = option(STRING, "", doc="http: user at the address")
    password: str = option(STRING, "", doc="http: password at the address", secret=True)
    meta_headers: bool = option(BOOLEAN, False, doc="http: tell about the mail in HTTP headers")
    meta_header_prefix: str = option(
        STRING, "X-Rspamd-", doc="http: put before those headers' names"
    )
    mime_type: str = option(STRING, "text/plain", doc="http: Content-Type")
    smtp: str = option(STRING, "", doc="send_mail: server that takes the mail")
    smtp_port: int = option(INTEGER, 25, doc="send_mail: port of that server")
    helo: str = option(STRING, "rspamd", doc="send_mail: HELO name")
    mail_from: str = option(STRING, "", doc="send_mail: sender")
    mail_to: tuple[str, ...] = option(
        list_of(STRING), ("postmaster@localhost",), doc="send_mail: recipients"
    )
    email_template: str = option(STRING, "", doc="send_mail: text of the mail, with $names")
    email_alert_user: bool = option(BOOLEAN, False, doc="send_mail: also to the login")
    email_alert_sender: bool = option(BOOLEAN, False, doc="send_mail: also to the sender")
    email_alert_recipients: bool = option(BOOLEAN, False, doc="send_mail: also to the recipients")
    host: str = option(STRING, "", doc="beanstalk: server")
    port: int = option(INTEGER, 11300, doc="beanstalk: port of that server")
    tube: str = option(STRING, "default", doc="beanstalk: tube that takes the job")
    priority: int = option(_COUNT, 1024, doc="beanstalk: 0 is the most urgent")
    delay: float = option(SECONDS, 0.0, unit="seconds", doc="beanstalk: until the job is ready")
    ttr: float = option(
        SECONDS, 120.0, unit="seconds", doc="beanstalk: time that a worker of the job has"
    )
    id_regexp: str = option(
        _PATTERN, "", doc="headers: the whole message where In-Reply-To matches"
    )
    known: ClassVar[Mapping[str, Option]] = unserved_rule("metadata_exporter")


_BOUND: Final = sections_of(ExportRule, "metadata_exporter.rules")


def _rules(nodes: list[UclNode], binder: Binder) -> Mapping[str, ExportRule]:
    """The rules; a site is told of those that cannot be used."""
    rules = _BOUND.convert(nodes, binder)
    for name, rule in rules.items():
        problem = problem_of(rule)
        if problem:
            binder.report(
                Severity.INFO,
                "not-served",
                nodes[0],
                f"metadata_exporter.rules.{name} is not used: {problem}",
            )
    return rules


def problem_of(rule: ExportRule) -> str:
    """Why a rule cannot be used; empty when it can."""
    missing = [key for key in _NEEDED.get(rule.backend, ()) if not getattr(rule, key)]
    if rule.backend not in BACKENDS:
        return f"there is no backend {rule.backend!r} here; there is {', '.join(BACKENDS)}"
    if rule.selector not in SELECTORS:
        return f"there is no selector {rule.selector!r}; there is {', '.join(SELECTORS)}"
    if rule.formatter not in FORMATTERS:
        return f"there is no formatter {rule.formatter!r}; there is {', '.join(FORMATTERS)}"
    return f"the backend {rule.backend} needs {missing[0]}" if missing else ""


_RULES: Final[Kind[Mapping[str, ExportRule]]] = Kind(
    _BOUND.name, _rules, multiple=True, inner=ExportRule, named=True
)


@options_class
class ExportOptions(Section):
    """Notices about certain mail, to others that want to know."""

    rules: Mapping[str, ExportRule] = option(_RULES, MappingProxyType({}), doc="the ways out")
    anchor: ClassVar[str] = "modules/metadata_exporter"
    known: ClassVar[Mapping[str, Option]] = unserved("metadata_exporter")
