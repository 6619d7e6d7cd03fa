"""The options of aggregate reports: what is gathered, who sends it, through which server."""

# option() makes a dataclasses.field; evaluated once on purpose

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    STRING,
    TIME,
    at_least,
    list_of,
    section,
    text_of,
)
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import (
    Binder,
    Kind,
    MisfitError,
    Option,
    Section,
    declare_known,
    found_text,
    known,
    option,
)
from filter_engine.config.tell import tell
from filter_engine.config.upstreams import parse_port
from filter_engine.dns.names import to_ascii
from filter_engine.ucl.nodes import UclNode, UclScalar

_LABELS: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_LOCAL: Final = re.compile(r"""[^\s@<>(),;:\\"]{1,64}""")
_EXAMPLE: Final = "dmarc@example.net"


def _domain(nodes: list[UclNode], _binder: Binder) -> str:
    text = text_of(nodes[0]).strip()
    if text and not _LABELS.fullmatch(to_ascii(text) or ""):
        raise MisfitError(f"{text!r} is no domain's name", "write it as in mx.example.net")
    return text


def _address(nodes: list[UclNode], _binder: Binder) -> str:
    text = text_of(nodes[0]).strip()
    local, _, domain = text.rpartition("@")
    if text and not (_LOCAL.fullmatch(local) and _LABELS.fullmatch(to_ascii(domain) or "")):
        named = "" if "<" not in text else "; the name goes into from_name"
        raise MisfitError(f"{text!r} is no mail address", f"write it as in {_EXAMPLE}{named}")
    return text


def _port(nodes: list[UclNode], _binder: Binder) -> int:
    try:
        return parse_port(text_of(nodes[0]))
    except ValueError as error:
        raise MisfitError(str(error), "write 25, or 587") from None


_PORT: Kind[int] = Kind("port", _port)
_DOMAIN: Kind[str] = Kind("domain", _domain)
_ADDRESS: Kind[str] = Kind("mail address", _address)


@options_class
class DmarcReportKeys(Section):
    """``dmarc.reporting.redis_keys``: names of the keys in Redis."""

    index_prefix: str = option(STRING, "dmarc_idx", doc="the set of a day's reports")
    report_prefix: str = option(STRING, "dmarc_rpt", doc="the rows of a domain and day")
    join_char: str = option(STRING, ";", doc="between the parts of a key")


@options_class
class DmarcReporting(Section):
    """``dmarc.reporting``: aggregate reports to the domains that ask for them."""

    enabled: bool = option(BOOLEAN, False, doc="gather data for reports")
    email: str = option(_ADDRESS, "", doc="sender of reports; whom to ask about them")
    domain: str = option(_DOMAIN, "", doc="who reports: the domain of this site's MX")
    org_name: str = option(STRING, "", doc="organisation named in reports; default: domain")
    from_name: str = option(STRING, "", doc="name in From; default: org_name")
    msgid_from: str = option(_DOMAIN, "", doc="domain of Message-IDs; default: domain")
    bcc_addrs: tuple[str, ...] = option(
        list_of(_ADDRESS), (), doc="addresses that get a copy of every report"
    )
    helo: str = option(_DOMAIN, "", doc="HELO name when reports are sent; default: domain")
    smtp: str = option(STRING, "127.0.0.1", doc="server that takes reports")
    smtp_port: int = option(_PORT, 25, doc="port of that server")
    smtp_timeout: float = option(TIME, 30.0, unit="seconds", doc="how long that server may take")
    retries: int = option(at_least(INTEGER, 0), 2, doc="further attempts to send a report")
    max_entries: int = option(
        at_least(INTEGER, 1), 1000, unit="rows", doc="kept for a domain and day"
    )
    keys_expire: float = option(TIME, 172_800.0, unit="seconds", doc="how long data is kept")
    only_domains: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="report to these domains only"
    )
    exclude_domains: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="never report to these domains"
    )
    exclude_recipients: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="mail to these recipients is not reported"
    )
    exclude_rua_addresses: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="addresses that get no report"
    )
    redis_keys: DmarcReportKeys = option(
        section(DmarcReportKeys, "dmarc.reporting.redis_keys"),
        DmarcReportKeys(),
        doc="names of the keys in Redis",
    )
    anchor: ClassVar[str] = "modules/dmarc"

    def tell(self, binder: Binder) -> None:
        """Reports without anybody who sends them."""
        for name in ("email", "domain"):
            if self.enabled and not getattr(self, name):
                tell(
                    binder,
                    self.origin("enabled"),
                    "no-effect",
                    f"dmarc.reporting gathers data and has no {name}: no report can be sent",
                    f"write reporting {{ {name} = ...; }}",
                )

    known: ClassVar[Mapping[str, Option]] = declare_known(
        additional_address=known(STRING, doc="copy of every report, older name of bcc_addrs"),
        report_local_controller=known(BOOLEAN, False, doc="also gather from scans by hand"),
        allow_fallback=known(
            BOOLEAN, False, doc="report although From and sender cannot be made out"
        ),
    )


_SECTION: Kind[DmarcReporting] = section(DmarcReporting, "dmarc.reporting")


def _reporting(nodes: list[UclNode], binder: Binder) -> DmarcReporting:
    for node in nodes:
        if isinstance(node, UclScalar):
            raise MisfitError(
                f"expected a section {{ }}, found {found_text(node)}",
                'write reporting { enabled = true; email = "..."; domain = "..."; }',
                node=node,
            )
    return _SECTION.convert(nodes, binder)


DMARC_REPORTING: Kind[DmarcReporting] = replace(_SECTION, convert=_reporting)
"""``reporting { }``; ``reporting = true`` alone would say nobody who reports."""
