"""What of one message can be looked up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from filter_engine.auth.results import DkimSignatureResult
from filter_engine.checks.addresses import without_tags
from filter_engine.checks.rbl.rules import OF_URLS, Rule
from filter_engine.config.addresses import AddressSet, parse_address
from filter_engine.dns.names import organisational_domain, to_ascii
from filter_engine.message import Address
from filter_engine.message.lazy import lazy
from filter_engine.message.received import Received
from filter_engine.message.url import UrlFlag
from filter_engine.scan.task import Task
from filter_engine.selectors import Selector

IP = IPv4Address | IPv6Address

_ALIASED: Final = frozenset({"gmail.com", "googlemail.com"})
_NO_HOST: Final = "unknown"
_NUMERIC: Final = UrlFlag.NUMERIC
_PLACED: Final = UrlFlag.IMAGE | UrlFlag.CONTENT
_MAX_LENGTH: Final = 320
"""Characters of a name or mail address that is looked up (RFC 3696, erratum 1690)."""


class Element(NamedTuple):
    """One thing to look up."""

    shown: str
    """As it stands in the symbol's options."""
    part: str
    """What stands before the list's zone."""
    label: str
    """What it was in the message: from, received, url, email, ..."""
    ip: IP | None = None


Elements = tuple[Element, ...]


def reversed_octets(ip: IP) -> str:
    """An address as lists want it (RFC 5782, sections 2.1 and 2.4)."""
    return _reversed(ip, str(ip))


def _reversed(ip: IP, shown: str) -> str:
    if isinstance(ip, IPv4Address):
        return ".".join(shown.split(".")[::-1])
    return ".".join(reversed(ip.packed.hex()))


def of_ip(ip: IP, label: str) -> Element:
    """An address to look up."""
    shown = str(ip)
    return Element(shown, _reversed(ip, shown), label, ip)


class Found:
    """The elements of one task."""

    def __init__(self, task: Task, local: AddressSet) -> None:
        """``local``: what belongs to the site, or to nobody on the Internet."""
        self._task = task
        self._local = local
        self.kept: dict[object, Elements] = {}
        """What was collected, by whatever says what that is."""
        self._selected: dict[tuple[str, bool], Sequence[str]] = {}
        self._hosts: dict[tuple[object, ...], Elements] = {}
        ip = task.ip
        self.local_client = ip is not None and ip in local
        """The client's address belongs to the site, or to nobody on the Internet."""

    def is_local(self, ip: IP) -> bool:
        """Whether an address belongs to the site, or to nobody on the Internet."""
        return ip in self._local

    # --- the client ----------------------------------------------------------------------------

    @property
    def has_helo(self) -> bool:
        """The client said HELO with a name."""
        return bool(self._task.envelope.helo)

    @property
    def has_hostname(self) -> bool:
        """The client's host name is known."""
        return (self._task.envelope.hostname or _NO_HOST).lower() != _NO_HOST

    def helo(self, rule: Rule) -> Elements:
        """The name the client said HELO with."""
        elements, is_address = self._helo
        return () if is_address and rule.no_ip else elements

    @lazy
    def _helo(self) -> tuple[Elements, bool]:
        return _of_host(self._task.envelope.helo or "", "helo")

    def rdns(self, rule: Rule) -> Elements:
        """The client's host name."""
        elements, is_address = self._rdns
        return () if is_address and rule.no_ip else elements

    @lazy
    def _rdns(self) -> tuple[Elements, bool]:
        name = self._task.envelope.hostname or "" if self.has_hostname else ""
        return _of_host(name, "rdns")

    def client(self, rule: Rule) -> Elements:
        """The client's address."""
        ip = self._task.ip
        return () if ip is None or not _wants(rule, ip) else (of_ip(ip, "from"),)

    def received(self, rule: Rule) -> Elements:
        """The addresses that Received fields name."""
        hops = self._hops
        total = len(hops)
        return tuple(
            element
            for position, (hop, element, local) in enumerate(hops, 1)
            if element is not None
            and element.ip is not None
            and _wants(rule, element.ip)
            and not (local and (rule.exclude_private or rule.exclude_local))
            and _in_position(rule, position, total)
            and _has_flags(rule, hop)
        )

    @lazy
    def _hops(self) -> tuple[tuple[Received, Element | None, bool], ...]:
        found = []
        for hop in self._task.message.received:
            ip = None if hop.from_ip is None else parse_address(hop.from_ip)
            element = None if ip is None else of_ip(ip, "received")
            found.append((hop, element, ip is not None and ip in self._local))
        return tuple(found)

    # --- names in the message ------------------------------------------------------------------

    def hosts(self, rule: Rule) -> Elements:
        """One URL of each registered domain, unless a compose map wants to see them all."""
        wanted = rule.checks & OF_URLS
        key = wanted, rule.full_hostname, id(rule.composition), rule.limit
        known = self._hosts.get(key)
        if known is not None:
            return known
        left_out = _left_out(wanted)
        # What a rule wants of URLs that stand neither in an image nor beside the text.
        plain, numeric = "urls" in wanted, "numeric_urls" in wanted
        some_numeric = False
        found: dict[str, Element] = {}
        domains: set[str] = set()
        for url in self._task.message.urls:
            esld, flags = url.esld, url.flags
            if esld in domains or flags & left_out:
                continue
            if flags & _NUMERIC:
                some_numeric = True
                if rule.no_ip or not (numeric or plain or flags & _PLACED):
                    continue
                part = _numeric_part(url.host)
            elif numeric or not (plain or flags & _PLACED):
                continue
            elif rule.composition is not None:
                part = _name(rule.composition.part(_name(esld), _name(url.host)))
            else:
                domains.add(esld)
                part = _name(url.host if rule.full_hostname else esld)
            if part and part not in found:
                found[part] = Element(part, part, "url")
                if len(found) >= rule.limit:
                    break
        elements = tuple(found.values())
        if not some_numeric:  # ``no_ip`` makes no difference
            self._hosts[key] = elements
        return elements

    def mailboxes(self, rule: Rule) -> Elements:
        """The mail addresses of the message, or their domains."""
        found: dict[str, Element] = {}
        domains: set[str] = set()
        for email in self._task.message.emails:
            host = _name(email.domain)
            domain = host
            if rule.domain_only and not rule.full_hostname:
                domain = organisational_domain(host)
                if rule.composition is not None:
                    domain = rule.composition.part(domain, host)
                elif domain in domains:
                    continue
                domains.add(domain)
            element = _of_mailbox(rule, email, domain, "email")
            if element is not None and element.part not in found:
                found[element.part] = element
                if len(found) >= rule.limit:
                    break
        return tuple(found.values())

    def answered_to(self, rule: Rule) -> Elements:
        """Whom answers go to."""
        for address in self._task.message.reply_to[:1]:
            element = _of_mailbox(rule, address, _name(address.domain), "replyto")
            if element is not None:
                return (element,)
        return ()

    def selected(self, rule: Rule) -> Elements:
        """What the rule's selectors give."""
        found: dict[tuple[str, str], Element] = {}
        for label, selector in rule.selectors:
            for text in self._texts(selector, rule.flatten):
                part = (_name(text) if rule.hashing is None else text[:_MAX_LENGTH]).lower()
                if part and len(found) < rule.limit:
                    found[label, part] = Element(text, part, label)
        return tuple(found.values())

    def _texts(self, selector: Selector, flatten: bool) -> Sequence[str]:
        key = selector.text, flatten
        texts = self._selected.get(key)
        if texts is None:
            read = selector.flat if flatten else selector.values
            texts = self._selected[key] = read(self._task)
        return texts

    # --- signatures ----------------------------------------------------------------------------

    def signers(self, rule: Rule, passed: Iterable[DkimSignatureResult]) -> Elements:
        """The domains of signatures that verify."""
        wanted = self._from_domain(rule) if rule.dkim_match_from else None
        found: dict[str, Element] = {}
        for signature in passed:
            domain = _name(signature.domain)
            # With dkim_match_from, dkim_domainonly means: the domain as it signed (as in Rspamd).
            if rule.dkim_domain_only != rule.dkim_match_from:
                domain = _registered(rule, domain)
            if domain and (not rule.dkim_match_from or domain == wanted):
                found.setdefault(domain, Element(domain, domain, "dkim"))
            if len(found) >= rule.limit:
                break
        return tuple(found.values())

    def _from_domain(self, rule: Rule) -> str:
        senders = self._task.message.from_addresses
        return _registered(rule, _name(senders[0].domain)) if senders else ""


def _left_out(wanted: Collection[str]) -> int:
    """Rspamd's choice of URLs by where they stand: the flags of those that are not wanted."""
    return (0 if "images" in wanted else UrlFlag.IMAGE) | (
        0 if "content_urls" in wanted else UrlFlag.CONTENT
    )


def _numeric_part(host: str) -> str:
    ip = parse_address(host)
    return host if ip is None else reversed_octets(ip)


def _name(text: str) -> str:
    """A domain name in its ASCII form, empty where it has none."""
    if not text or len(text) > _MAX_LENGTH:
        return ""
    return to_ascii(text.rstrip(".")) or ""


def _of_host(name: str, label: str) -> tuple[Elements, bool]:
    """The name to look up, if it is one, and whether it is an address."""
    part = _name(name)
    if not part or "[" in part:
        return (), False
    return (Element(name, part, label),), parse_address(part) is not None


def _wants(rule: Rule, ip: IP) -> bool:
    return rule.ipv4 if ip.version == 4 else rule.ipv6


def _in_position(rule: Rule, position: int, total: int) -> bool:
    """Whether a Received field (the newest is 1) lies within the rule's positions."""
    low, high = rule.received_min, rule.received_max
    if low is not None:
        if low < 0:
            if position <= total + low:
                return False
        elif position < low:
            return False
    if high is not None:
        if high < -1:
            return position > total + high
        if high > 0:
            return position <= high
    return True


def _has_flags(rule: Rule, hop: Received) -> bool:
    if not rule.received_flags and not rule.received_nflags:
        return True
    flags = {name for name in ("ssl", "authenticated") if getattr(hop, name)}
    return rule.received_flags <= flags and not rule.received_nflags & flags


def _of_mailbox(rule: Rule, address: Address, domain: str, label: str) -> Element | None:
    """A mail address without tags, as the rule wants it."""
    local = address.local.lower()
    if "+" in local or domain in _ALIASED:
        bare = without_tags(replace(address, domain=domain, local=local))[0]
        local, domain = bare.local, bare.domain
    if not local or not domain or len(local) > _MAX_LENGTH:
        return None
    text = domain if rule.domain_only else f"{local}{rule.delimiter}{domain}"
    return Element(text, text, label)


def _registered(rule: Rule, host: str) -> str:
    if not host or (rule.full_hostname and rule.composition is None):
        return host
    domain = organisational_domain(host)
    return domain if rule.composition is None else rule.composition.part(domain, host)
