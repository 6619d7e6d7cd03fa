"""Signs the site's own mail (RFC 6376, Rspamd's module dkim_signing)."""

# option() makes a dataclasses.field; evaluated once on purpose

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from glob import escape, iglob
from types import MappingProxyType
from typing import ClassVar

from filter_engine.auth.dkim_sign import SIGN_HEADERS, parse_header_list, sign
from filter_engine.auth.signing_key import KeyRing, SigningKey
from filter_engine.checks.sender_policy import signed_content
from filter_engine.config.addresses import AddressSet
from filter_engine.config.kinds import (
    ADDRESSES,
    BOOLEAN,
    STRING,
    list_of,
    one_of,
    section,
    sections_of,
    text_of,
)
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Binder, Kind, MisfitError, Option, Section, option
from filter_engine.dns.names import organisational_domain, to_ascii
from filter_engine.headers.privacy import stripped
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding, Outcome
from filter_engine.ucl.nodes import UclNode

KEYS = KeyRing()
"""This process's keys; ``preload`` fills it before workers are forked."""

_SAFE_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_-]|\.(?!\.))*\Z")
_log = logging.getLogger(__name__)


def _header_list(nodes: list[UclNode], _binder: Binder) -> str:
    text = text_of(nodes[0])
    try:
        parse_header_list(text)
    except ValueError as error:
        raise MisfitError(str(error), "write names with colons: (o)from:(x)date:to") from None
    return text


HEADER_LIST: Kind[str] = Kind("header list", _header_list)


@options_class
class KeyPlace(Section):
    """One key: ``{ path, selector }``."""

    path: str = option(STRING, "", doc="key file, may hold $domain and $selector")
    selector: str = option(STRING, "", doc="selector under which the public key is published")


@options_class
class DomainKeys(KeyPlace):
    """``domain { example.net { ... } }``: the keys of a domain; ``*`` means all others."""

    selectors: tuple[KeyPlace, ...] = option(
        list_of(section(KeyPlace, "dkim_signing.domain.selectors")),
        (),
        doc="several keys; each signs",
    )

    @property
    def places(self) -> tuple[KeyPlace, ...]:
        """Every key named here."""
        own = (KeyPlace(path=self.path, selector=self.selector),)
        return (*(own if self.path or self.selector else ()), *self.selectors)


@options_class
class DkimSigningOptions(Section):
    """The section ``dkim_signing``."""

    path: str = option(
        STRING, "", doc="key file for domains without an own one, with $domain and $selector"
    )
    selector: str = option(STRING, "dkim", doc="selector for domains without an own one")
    domain: Mapping[str, DomainKeys] = option(
        sections_of(DomainKeys, "dkim_signing.domain"),
        MappingProxyType({}),
        doc="keys by domain",
    )
    sign_authenticated: bool = option(BOOLEAN, True, doc="sign mail of logged-in users")
    sign_local: bool = option(BOOLEAN, True, doc="sign mail from local networks")
    sign_inbound: bool = option(BOOLEAN, False, doc="sign mail from everybody else")
    sign_networks: AddressSet = option(
        ADDRESSES, AddressSet(), doc="sign mail from these addresses as well"
    )
    use_domain: str = option(
        one_of("header", "envelope", "auth", "recipient"),
        "header",
        doc="whose domain signs: From, envelope sender, login name or recipient",
    )
    use_esld: bool = option(BOOLEAN, True, doc="sign with the registered domain, not a subdomain")
    allow_envfrom_empty: bool = option(BOOLEAN, True, doc="sign mail with a null sender")
    allow_hdrfrom_mismatch: bool = option(
        BOOLEAN,
        False,
        doc="sign although From and envelope sender (the login if that is null) differ in domain",
    )
    allow_hdrfrom_mismatch_local: bool = option(
        BOOLEAN, False, doc="the same, for mail from local networks"
    )
    allow_hdrfrom_mismatch_sign_networks: bool = option(
        BOOLEAN, False, doc="the same, for mail from sign_networks"
    )
    allow_hdrfrom_multiple: bool = option(
        BOOLEAN, False, doc="sign mail with several From addresses"
    )
    allow_username_mismatch: bool = option(
        BOOLEAN,
        False,
        doc="sign although the login name is of another domain, also mail with a null sender",
    )
    try_fallback: bool = option(
        BOOLEAN, True, doc="use path and selector for domains not listed under domain"
    )
    check_pubkey: bool = option(
        BOOLEAN, False, doc="look up the public key and compare it before signing"
    )
    allow_pubkey_mismatch: bool = option(
        BOOLEAN, True, doc="with check_pubkey: sign all the same, and log what is wrong"
    )
    sign_headers: str = option(
        HEADER_LIST, SIGN_HEADERS, doc="headers to sign; (o) and (x) sign absence of more"
    )
    anchor: ClassVar[str] = "modules/dkim_signing"
    known: ClassVar[Mapping[str, Option]] = unserved("dkim_signing")


def preload(options: DkimSigningOptions, _setup: object = None) -> None:
    """Read every key the options name, so that no message waits for it; call before the fork."""
    patterns: set[str] = set()
    for domain, keys in options.domain.items():
        name = domain if domain != "*" else None
        patterns.update(_pattern(place, options, name) for place in keys.places)
    patterns.add(_pattern(KeyPlace(), options, None))
    for pattern in patterns:
        KEYS.preload(sorted(iglob(pattern)))


def _pattern(place: KeyPlace, options: DkimSigningOptions, domain: str | None) -> str:
    path = escape(place.path or options.path)
    selector = escape(place.selector or options.selector)
    name = "*" if domain is None else escape(domain)
    return path.replace("$domain", name).replace("$selector", selector)


@check(
    "dkim_signing",
    symbols=(
        Symbol("DKIM_SIGNED", 0.0, "The message was given a DKIM signature", ("policies", "dkim")),
    ),
    options=DkimSigningOptions,
    prepare=preload,
)
async def dkim_signing(task: Task, ask: Ask) -> Outcome | None:
    """Signs mail of logged-in users and from local networks, once for each key of the domain."""
    options = task.options(DkimSigningOptions)
    domain = signing_domain(task, options)
    if domain is None:
        return None
    content = None
    findings: list[Finding] = []
    signatures: list[str] = []
    for selector, path in key_places(domain, options):
        key = KEYS.get(path)
        if key is None or not await _is_published(ask, domain, selector, key, options):
            continue
        # Over the header as it leaves: what privacy takes away must not be signed.
        content = content or signed_content(task.message, stripped(task))
        headers = parse_header_list(options.sign_headers)
        signatures.append(sign(content, domain, selector, key, int(task.now), headers))
        used = f"key of {domain} in {path}"
        findings.append(Finding("DKIM_SIGNED", (f"{domain}:s={selector}",), evidence=used))
    return Outcome(tuple(findings), signatures=tuple(signatures)) if signatures else None


async def _is_published(
    ask: Ask, domain: str, selector: str, key: SigningKey, options: DkimSigningOptions
) -> bool:
    """Whether to sign with this key: DNS holds its public half, or nobody wants to know."""
    if not options.check_pubkey:
        return True
    answer = await ask.dns(f"{selector}._domainkey.{domain}", "TXT")
    if answer.failed:
        problem = f"DNS failed: {answer.detail}"
    elif not answer.records:
        problem = "no public key is published"
    else:
        problem = key.misfit(answer.records[0])
    if problem:
        verb = "signing although" if options.allow_pubkey_mismatch else "not signing:"
        _log.warning("%s %s._domainkey.%s: %s", verb, selector, domain, problem)
    return options.allow_pubkey_mismatch or not problem


def signing_domain(task: Task, options: DkimSigningOptions) -> str | None:
    """The domain that signs this message; None when it is not to be signed."""
    user = task.envelope.user
    local = task.local and task.ip is not None
    in_networks = task.ip in options.sign_networks
    if not (
        (options.sign_authenticated and user is not None)
        or in_networks
        or (options.sign_local and local)
        or (options.sign_inbound and not local and user is None)
    ):
        return None
    if not task.envelope.mail_from and not options.allow_envfrom_empty:
        return None
    senders = task.message.from_addresses
    if len(senders) > 1 and not options.allow_hdrfrom_multiple:
        return None
    header = senders[0].domain.lower() if senders else ""
    envelope = task.envelope.sender_domain
    login = (user or "").rpartition("@")[2].lower() if "@" in (user or "") else ""
    recipients = task.envelope.rcpt_to
    chosen = {
        "header": header,
        "envelope": envelope,
        "auth": login,
        "recipient": recipients[0].rpartition("@")[2].lower() if recipients else "",
    }[options.use_domain]
    domain = _registered(chosen, options)
    if not _SAFE_NAME.match(domain):
        # The name becomes part of a path and of a header.
        return None
    mismatch_allowed = (
        options.allow_hdrfrom_mismatch
        or (local and options.allow_hdrfrom_mismatch_local)
        or (in_networks and options.allow_hdrfrom_mismatch_sign_networks)
    )
    # Rspamd compares From with nothing when the sender is null, so that whoever logged in could
    # have mail in another hosted domain's name signed. Here the login stands in for the sender.
    sender = envelope or ("" if options.allow_username_mismatch else login)
    same_sender = _registered(header, options) == _registered(sender, options)
    if header and sender and not same_sender and not mismatch_allowed:
        return None
    mismatch = user is not None and _registered(login, options) != domain
    return None if mismatch and not options.allow_username_mismatch else domain


def _registered(name: str, options: DkimSigningOptions) -> str:
    name = to_ascii(name) or ""
    return organisational_domain(name) if options.use_esld else name


def key_places(domain: str, options: DkimSigningOptions) -> Iterator[tuple[str, str]]:
    """(selector, path) of every key that signs for the domain."""
    keys = options.domain.get(domain) or options.domain.get("*")
    places = keys.places if keys is not None else ()
    if not places and options.try_fallback:
        places = (KeyPlace(),)
    for place in places:
        selector = place.selector or options.selector
        path = place.path or options.path
        if path and selector:
            yield selector, path.replace("$domain", domain).replace("$selector", selector)
