"""Brand logos: does a sender with a strict DMARC policy show one, and is it certified? (BIMI)

The logo is fetched and its certificate verified by a helper, as in Rspamd's module bimi.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from filter_engine.auth.bimi_record import BimiRecord, parse_bimi_record
from filter_engine.auth.results import DmarcCode, DmarcPolicy, DmarcResult
from filter_engine.config.kinds import BOOLEAN, TIME, text_of
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Binder, Kind, MisfitError, Option, Section, option
from filter_engine.config.tell import tell
from filter_engine.config.upstreams import Upstream, UpstreamList
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.exchange import Exchange, Reply
from filter_engine.scan.question import Ask
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import AddHeader, Finding, Outcome, RemoveHeader
from filter_engine.ucl.nodes import UclNode

INDICATOR: Final = "BIMI-Indicator"
MAX_LOGO: Final = 256 * 1024
"""Octets of the helper's reply; certified logos have 32 KB at most."""
_WIDTH: Final = 73
_STRICT: Final = frozenset({DmarcPolicy.REJECT, DmarcPolicy.QUARANTINE})


def _helper(nodes: list[UclNode], _binder: Binder) -> str:
    text = text_of(nodes[0]).strip()
    try:
        parts = urlsplit(text)
        fine = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise MisfitError(f"{text!r} is no http URL", "write http://host:port")
    return text


HELPER_URL: Kind[str] = Kind("http URL", _helper)


@options_class
class BimiOptions(Section):
    """The section ``bimi``."""

    enabled: bool = option(BOOLEAN, True, doc="whether logos are asked for; off as shipped")
    helper_url: str = option(HELPER_URL, "http://127.0.0.1:3030", doc="address of the helper")
    helper_timeout: float = option(TIME, 5.0, unit="seconds", doc="how long the helper may take")
    helper_sync: bool = option(BOOLEAN, True, doc="wait for the helper's answer")
    vmc_only: bool = option(BOOLEAN, True, doc="only logos with a certificate")
    anchor: ClassVar[str] = "modules/bimi"
    known: ClassVar[Mapping[str, Option]] = unserved("bimi")

    def tell(self, binder: Binder) -> None:
        """A helper that nobody named: none is shipped."""
        if self.enabled and "helper_url" not in self.origins:
            tell(
                binder,
                self.origin("enabled"),
                "no-effect",
                "bimi.enabled has no effect without helper_url: the helper that fetches logos is "
                "a program of its own, which is not part of this engine",
                f'write helper_url = "{self.helper_url}"; with the address of your helper',
            )


@check(
    "bimi",
    callback="BIMI_CHECK",
    symbols=(Symbol("BIMI_VALID", 0.0, "BIMI: the sender's logo is certified", ("policies",)),),
    options=BimiOptions,
    needs=("dmarc",),
)
async def bimi(task: Task, ask: Ask) -> Outcome | None:
    """Asks for the logo of a domain that DMARC passed for; a header that came along goes."""
    forged = task.message.get(INDICATOR) is not None
    gone = (RemoveHeader(INDICATOR),) if forged else ()
    nothing = Outcome(headers=gone) if gone else None
    dmarc = await ask.result("dmarc")
    if not isinstance(dmarc, DmarcResult) or dmarc.result is not DmarcCode.PASS:
        return nothing
    if dmarc.policy not in _STRICT:
        return nothing
    domain = dmarc.record_domain
    answer = await ask.dns(f"default._bimi.{domain}", "TXT")
    records = [found for text in answer.records if (found := parse_bimi_record(text)) is not None]
    if len(records) != 1 or not records[0].evidence:  # a logo alone nobody vouches for
        return nothing
    options = task.options(BimiOptions)
    reply = await ask.exchange(_request(domain, records[0], options))
    logo = _logo(reply)
    if logo is None or not options.helper_sync:
        return nothing
    packed = b64encode(logo).decode()
    lines = [packed[at : at + _WIDTH] for at in range(0, len(packed), _WIDTH)]
    evidence = f"default._bimi.{domain}: {records[0].evidence[:200]}"
    finding = Finding("BIMI_VALID", (domain,), evidence=evidence)
    return Outcome((finding,), headers=(*gone, AddHeader(INDICATOR, "\n\t".join(lines), 0)))


def _request(domain: str, record: BimiRecord, options: BimiOptions) -> Exchange:
    """The helper's protocol: JSON by POST; ``sync`` asks for the logo in the reply."""
    said: dict[str, Any] = {
        "url": record.evidence,
        "sync": options.helper_sync,
        "domain": domain,
        "skip_redis": True,
    }
    body = json.dumps(said).encode()
    url = urlsplit(options.helper_url)
    host, port = url.hostname or "", url.port or 80
    path = f"{url.path.rstrip('/')}/v1/check"
    head = (
        f"POST {path} HTTP/1.0\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return Exchange(
        UpstreamList((Upstream(host, port),)),
        head.encode() + body,
        timeout=options.helper_timeout,
        limit=MAX_LOGO,
    )


def _logo(reply: Reply) -> bytes | None:
    """The logo in the helper's reply; None when there is none that can be used."""
    head, blank, body = reply.data.partition(b"\r\n\r\n")
    if not reply.ok or not blank or head.split(b" ", 2)[1:2] != [b"200"]:
        return None
    try:
        content = json.loads(body).get("content")
        return b64decode(content, validate=True) or None
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None
