"""The client's HELO and host name, and whether the sender's domain exists (module hfilter)."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar, Final

from filter_engine.checks.addresses import envelope_sender
from filter_engine.checks.host_patterns import (
    helo_weight,
    is_bare_address,
    is_fqdn,
    is_special_address,
    line_weight,
)
from filter_engine.config.kinds import BOOLEAN
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, option
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask, DnsAnswer
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP = ("hfilter",)
_URL_SHARE: Final = 0.8
_LONG_TEXT: Final = 65_536
"""Characters; a longer text is not a URL and nothing else."""
_MAX_MX: Final = 5
"""MX hosts that are looked up."""
_MAX_SHOWN: Final = 5
"""Addresses of HELO that are shown."""
_GRADES: Final = (
    (1, 0.5, "very low"),
    (2, 1.0, "low"),
    (3, 2.0, "medium"),
    (4, 2.5, "high"),
    (5, 3.0, "very high"),
)


@options_class
class HfilterOptions(Section):
    """Which names are looked at."""

    helo_enabled: bool = option(BOOLEAN, True, doc="look at the HELO name")
    hostname_enabled: bool = option(BOOLEAN, True, doc="look at the client's host name")
    from_enabled: bool = option(BOOLEAN, True, doc="look up the domain of the envelope's sender")
    rcpt_enabled: bool = option(BOOLEAN, True, doc="count the recipients of bounces")
    url_enabled: bool = option(BOOLEAN, True, doc="look for mails that are hardly more than a URL")
    mid_enabled: bool = option(BOOLEAN, False, doc="look up the domain of the Message-ID")
    check_local: bool = option(BOOLEAN, False, doc="also for clients in local_networks")
    check_authed: bool = option(BOOLEAN, False, doc="also for clients that logged in")
    helo_must_be_client: bool = option(
        BOOLEAN,
        False,
        doc="HFILTER_HELO_IP_A also where HELO has addresses and none is the client's",
    )
    anchor: ClassVar[str] = "modules/hfilter"
    known: ClassVar[Mapping[str, Option]] = unserved("hfilter")


def _lookups(
    name: str, text: str, mx: float, nothing: float, not_fqdn: float
) -> tuple[Symbol, ...]:
    return (
        Symbol(f"HFILTER_{name}_NORESOLVE_MX", mx, f"{text}: its MX has no address", _GROUP),
        Symbol(f"HFILTER_{name}_NORES_A_OR_MX", nothing, f"{text}: no address, no MX", _GROUP),
        Symbol(f"HFILTER_{name}_NOT_FQDN", not_fqdn, f"{text}: not a full domain name", _GROUP),
    )


@check(
    "hfilter",
    callback="HFILTER_CHECK",
    options=HfilterOptions,
    symbols=(
        *(
            Symbol(f"HFILTER_HELO_{n}", score, f"HELO looks like a customer's line: {text}", _GROUP)
            for n, score, text in _GRADES
        ),
        *(
            Symbol(f"HFILTER_HOSTNAME_{n}", score, f"The host looks like a line: {text}", _GROUP)
            for n, score, text in _GRADES
        ),
        Symbol("HFILTER_HELO_BADIP", 4.5, "HELO is an address nobody has", _GROUP),
        Symbol("HFILTER_HELO_BAREIP", 3.0, "HELO is an address without brackets", _GROUP),
        Symbol("HFILTER_HELO_IP_A", 1.0, "HELO has no address, so not the client's", _GROUP),
        Symbol("HFILTER_HOSTNAME_UNKNOWN", 2.5, "The client has no confirmed host name", _GROUP),
        Symbol("HFILTER_FROM_BOUNCE", 0.0, "A bounce: the null sender", _GROUP),
        Symbol("HFILTER_RCPT_BOUNCEMOREONE", 1.5, "A bounce to several recipients", _GROUP),
        *_lookups("HELO", "HELO", 0.2, 0.3, 2.0),
        *_lookups("FROMHOST", "The sender's domain", 0.5, 1.5, 3.0),
        *_lookups("MID", "The Message-ID's domain", 0.5, 0.5, 0.5),
    ),
)
async def hfilter(task: Task, ask: Ask) -> list[Finding]:
    """HELO, host name and sender's domain; not for local and authenticated clients."""
    options = task.options(HfilterOptions)
    if (task.authenticated and not options.check_authed) or (
        task.local and not options.check_local
    ):
        return []
    found, helo = _client(task, options)
    names: list[tuple[str, str]] = []
    if helo and task.ip is not None:
        names.append((helo, "HELO"))
    sender = envelope_sender(task)
    if options.from_enabled:
        if sender is None or not sender.spelled:
            found.append(Finding("HFILTER_FROM_BOUNCE", (task.envelope.helo or "",)))
        elif sender.domain and sender.local:
            names.append((sender.domain, "FROMHOST"))
        if sender is None or sender.local.lower() in ("", "postmaster"):
            found += _bounce(task, options)
    if options.mid_enabled:
        domain = (task.message.message_id or "").rpartition("@")[2]
        if domain and "local" not in domain:
            names.append((domain, "MID"))
    client = task.ip if options.helo_must_be_client else None
    return found + await _lookups_of(ask, names, client)


@check(
    "hfilter_url",
    callback="HFILTER_CHECK",
    module="hfilter",
    options=HfilterOptions,
    symbols=(Symbol("HFILTER_URL_ONLY", 2.2, "The text is hardly more than URLs", _GROUP),),
)
def url_only(task: Task) -> list[Finding]:
    """How much of the plain text is URLs; weighs from 80 to 100 percent of it."""
    texts = task.message.text_parts
    if not task.options(HfilterOptions).url_enabled or any(part.is_html for part in texts):
        return []
    if not texts or len(text := texts[-1].text) > _LONG_TEXT:
        return []
    length = sum(len(url.encode()) for url in task.message.urls_written_in(texts[-1]))
    share = length / len(text.encode()) if length else 0.0
    if share <= _URL_SHARE:
        return []
    weight = min(1.0, (share - _URL_SHARE) * 5.0)
    return [Finding("HFILTER_URL_ONLY", (f"{weight:.14g}",), weight)]


def _helo(task: Task) -> str:
    return (task.envelope.helo or "").replace("[", "").replace("]", "")


def _client(task: Task, options: HfilterOptions) -> tuple[list[Finding], str]:
    """The client's two names as they look; of two weights only the greater counts.

    And HELO, where it looks like a mail server's name; ``""`` where it does not.
    """
    found: list[Finding] = []
    helo = _helo(task)
    hostname = task.envelope.hostname
    weight = 0
    named = False
    if options.helo_enabled and helo:
        if is_special_address(helo):
            found.append(Finding("HFILTER_HELO_BADIP", (helo, "1")))
        elif is_bare_address(helo):
            found.append(Finding("HFILTER_HELO_BAREIP", (helo, "1")))
        else:
            weight = helo_weight(helo)
            named = not weight
    host_weight = 0
    if options.hostname_enabled:
        if hostname:
            host_weight = line_weight(hostname)
        else:
            found.append(Finding("HFILTER_HOSTNAME_UNKNOWN"))
    if weight and weight >= host_weight:
        found.append(Finding(f"HFILTER_HELO_{weight}", (helo,)))
    elif host_weight:
        found.append(Finding(f"HFILTER_HOSTNAME_{host_weight}", (hostname or "",)))
    return found, helo if named else ""


def _bounce(task: Task, options: HfilterOptions) -> list[Finding]:
    number = len(task.envelope.rcpt_to)
    if options.rcpt_enabled and number > 1:
        return [Finding("HFILTER_RCPT_BOUNCEMOREONE", (str(number),))]
    return []


async def _lookups_of(
    ask: Ask, names: list[tuple[str, str]], client: IPv4Address | IPv6Address | None
) -> list[Finding]:
    """Whether names have an address, or an MX that has one. A failing DNS finds nothing.

    Three rounds, each of all questions at once: the addresses of all names; the MX of those without
    any, which are few; the addresses of these MX. ``client`` is what HELO has to have, if anything.
    """
    found = []
    looked_up = []
    for written, name in names:
        host = written.lower()
        if is_fqdn(host):
            looked_up.append((host, name))
        else:
            found.append(Finding(f"HFILTER_{name}_NOT_FQDN", (host,)))
    without = []
    addresses = await _addresses(ask, [host for host, _ in looked_up])
    for (host, name), (ipv4, ipv6) in zip(looked_up, addresses, strict=True):
        known = (*ipv4.records, *ipv6.records)
        absent = ipv4.missing and ipv6.missing
        if absent:
            without.append((host, name))
        unlike = client is not None and known and str(client) not in known
        if name == "HELO" and (absent or (unlike and not (ipv4.failed or ipv6.failed))):
            found.append(Finding("HFILTER_HELO_IP_A", (host, *known[:_MAX_SHOWN])))
    mails = await ask.all(*(ask.dns(host, "MX") for host, _ in without)) if without else ()
    exchangers = []
    for (host, name), answer in zip(without, mails, strict=True):
        if answer.missing:
            found.append(Finding(f"HFILTER_{name}_NORES_A_OR_MX", (host,)))
        exchangers += [(exchange, name) for _, exchange in answer.records[:_MAX_MX]]
    addresses = await _addresses(ask, [exchange for exchange, _ in exchangers])
    for (exchange, name), (ipv4, ipv6) in zip(exchangers, addresses, strict=True):
        if ipv4.missing and ipv6.missing:
            found.append(Finding(f"HFILTER_{name}_NORESOLVE_MX", (exchange,)))
    return found


async def _addresses(ask: Ask, hosts: list[str]) -> list[tuple[DnsAnswer, DnsAnswer]]:
    """The answers for A and AAAA of each host, asked at once."""
    if not hosts:
        return []
    answers = await ask.all(*(ask.dns(host, kind) for host in hosts for kind in ("A", "AAAA")))
    return list(zip(answers[::2], answers[1::2], strict=True))
