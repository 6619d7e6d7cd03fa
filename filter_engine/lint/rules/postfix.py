"""Postfix beside the filter: does it ask the proxy, and does it do the filter's work too?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from filter_engine.config.findings import Finding
from filter_engine.config.sockets import TcpSocket, UnixSocket
from filter_engine.config.workers import ProxyConfig
from filter_engine.lint.declare import rule
from filter_engine.lint.listeners import PORTS
from filter_engine.lint.postfix import Parameter, words
from filter_engine.lint.situation import Situation

_MILTERS = ("smtpd_milters", "non_smtpd_milters")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_OURS = re.compile(r"rspamd|filter[-_]engine")


def _milters(situation: Situation) -> Iterator[tuple[str, Parameter]]:
    if situation.postfix is not None:
        for parameter in situation.postfix.of(*_MILTERS):
            for word in words(parameter.value):
                yield word, parameter


@rule(
    "milter-endpoint",
    needs_host=True,
    doc="Postfix's smtpd_milters or non_smtpd_milters names a socket of this host where no proxy "
    "listens: Postfix does with each message what milter_default_action says, unfiltered or "
    "never.",
)
def milter_endpoint(situation: Situation) -> Iterator[Finding]:
    """The milter endpoint matches the proxy's bind."""
    milters = list(_milters(situation))
    reached = [_reaches(word, situation) for word, _ in milters]
    for (word, parameter), ok in zip(milters, reached, strict=True):
        if ok is not False:
            continue
        if any(reached) and not _looks_ours(word):
            continue  # another milter of this host
        listens = [
            str(listener.socket)
            for listener in situation.listeners
            if isinstance(listener.worker, ProxyConfig) and listener.worker.milter
        ]
        yield situation.finding(
            "milter-endpoint",
            parameter,
            f"{parameter.name} names {word}, where no proxy listens (it listens on "
            f"{', '.join(listens) or 'nothing'}): Postfix does what milter_default_action says",
            f"write {_endpoint(situation) or 'a bind_socket into worker-proxy.inc'}",
        )


def _reaches(word: str, situation: Situation) -> bool | None:
    """Whether a milter endpoint is a proxy's; None: it is another host's, or not understood."""
    kind, _, rest = word.partition(":")
    if kind == "unix":
        directory = "/var/spool/postfix"
        if situation.postfix is not None:
            for parameter in situation.postfix.of("queue_directory"):
                directory = parameter.value
        paths = {f"{directory}/{rest.lstrip('/')}", *([rest] if rest.startswith("/") else [])}
        return any(
            isinstance(listener.socket, UnixSocket) and listener.socket.path in paths
            for listener in situation.listeners
            if isinstance(listener.worker, ProxyConfig) and listener.worker.milter
        )
    if kind not in ("inet", "inet4", "inet6"):
        return None
    host, _, port_text = rest.rpartition(":")
    host = host.strip("[]")
    if not port_text.isdecimal() or len(port_text) > 5:
        return None
    if host not in _LOCAL and not _is_own(host, situation):
        return None
    wanted = {"127.0.0.1", "::1"} if host == "localhost" else {host}
    wanted |= {"0.0.0.0", "::"}  # noqa: S104  # what "*" listens on
    return any(
        isinstance(listener.socket, TcpSocket)
        and listener.socket.port == int(port_text)
        and listener.socket.address in wanted
        for listener in situation.listeners
        if isinstance(listener.worker, ProxyConfig) and listener.worker.milter
    ) or any(
        not isinstance(listener.socket, (TcpSocket, UnixSocket))  # systemd's, address unknown
        for listener in situation.listeners
        if isinstance(listener.worker, ProxyConfig)
    )


def _is_own(host: str, situation: Situation) -> bool:
    assert situation.host is not None
    if not re.fullmatch(r"[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", host):
        return False  # a name, which is not looked up here
    return not situation.host.is_picture and situation.host.has_address(host)


def _looks_ours(word: str) -> bool:
    port = word.rpartition(":")[2]
    return bool(_OURS.search(word)) or (port.isdecimal() and int(port[:6]) in PORTS)


def _endpoint(situation: Situation) -> str:
    for listener in situation.listeners:
        if isinstance(listener.worker, ProxyConfig) and listener.worker.milter:
            if isinstance(listener.socket, TcpSocket):
                return f"inet:{listener.socket}"
            if isinstance(listener.socket, UnixSocket):
                return f"unix:{listener.socket.path}"
    return ""


#: (what Postfix's configuration says, its name, the modules of the filter that do the same)
_OVERLAPS = (
    (re.compile(r"opendkim|:8891\b"), "OpenDKIM", ("dkim", "dkim_signing")),
    (re.compile(r"opendmarc|:8893\b"), "OpenDMARC", ("dmarc",)),
    (
        re.compile(r"policyd?-spf|pypolicyd|spf-policy|policy-spf"),
        "an SPF policy service",
        ("spf",),
    ),
    (re.compile(r"postgrey|sqlgrey|milter-greylist|:10023\b"), "a greylister", ("greylist",)),
    (re.compile(r"openarc"), "OpenARC", ("arc",)),
    (re.compile(r"clamav|clamsmtp|clmilter"), "a ClamAV milter", ("antivirus",)),
    (re.compile(r"amavis|:1002[46]\b"), "amavisd", ("rbl", "dkim", "spf", "antivirus")),
    (re.compile(r"spamass|spamd"), "SpamAssassin", ("rbl", "dkim", "spf")),
)


@rule(
    "overlapping-filter",
    needs_host=True,
    doc="Another milter, policy service or content filter of Postfix does what an enabled module "
    "of this filter does: mail is signed, delayed, judged or refused twice, by two sets of rules.",
)
def overlapping_filter(situation: Situation) -> Iterator[Finding]:
    """OpenDKIM, OpenDMARC, policyd-spf, Postgrey and Amavis beside the filter."""
    if situation.postfix is None:
        return
    services = [*_MILTERS, "content_filter", "smtpd_proxy_filter"]
    services += [name for name in situation.postfix.main if name.endswith("_restrictions")]
    for parameter in situation.postfix.of(*services):
        for word in _named_services(parameter):
            for pattern, name, modules in _OVERLAPS:
                doing = [module for module in modules if _is_on(module, situation)]
                if pattern.search(word) and doing:
                    yield situation.finding(
                        "overlapping-filter",
                        parameter,
                        f"{parameter.name}: {word} is {name}, whose work {', '.join(doing)} of "
                        "this filter does as well",
                        f"remove it from Postfix, or write enabled = false; into local.d/"
                        f"{doing[0]}.conf",
                    )


def _named_services(parameter: Parameter) -> list[str]:
    if parameter.name.endswith("_restrictions"):
        return re.findall(r"check_policy_service\s+\{?\s*([^\s,}]+)", parameter.value)
    return words(parameter.value)


def _is_on(module: str, situation: Situation) -> bool:
    config = situation.config
    if not config.is_enabled(module):
        return False
    return module in config.modules or bool(config.raw_modules.get(module))
