"""Which keys sign for a domain: per domain, by maps, by OpenDKIM's tables, from the request."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Final

from filter_engine.auth.signing_key import KeyRing, SigningKey
from filter_engine.checks.signing.names import is_safe
from filter_engine.checks.signing.options import SigningOptions
from filter_engine.checks.signing.places import existing_files, key_files, named_keys
from filter_engine.checks.signing.tables import table_key
from filter_engine.checks.signing.whose import is_eligible, may_use, signing_domain
from filter_engine.config.map_definition import MapDefinition, MapKind
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.map import Map
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import Store, StoreAnswer
from filter_engine.scan.task import Task

KEYS = KeyRing()
"""This process's keys; ``prepare`` fills it before workers are forked."""

_log = logging.getLogger(__name__)
_OFF: Final = frozenset({"", "0", "false", "no"})
_NOTHING: Final = Map("", MapKind.HASH)


@frozen
class Signer:
    """A key with the name under which its public half is published."""

    domain: str
    selector: str
    path: str = ""
    """The key's file."""
    material: str = field(default="", repr=False)
    """The key itself, where there is no file."""

    @property
    def source(self) -> str:
        """For evidence; never the key itself."""
        return self.path or "the configuration or the request"

    def key(self) -> SigningKey | None:
        """The private key; None when there is no usable one, which is logged once."""
        if self.path:
            return KEYS.get(self.path)
        return KEYS.of_text(self.material, f"the key of {self.selector} for {self.domain}")


@frozen
class SigningMaps:
    """The maps among the options, as they are asked."""

    paths: Map = _NOTHING
    selectors: Map = _NOTHING
    signing_table: Map | None = None
    key_table: Map | None = None
    whitelist: Map = _NOTHING
    store: Store | None = None
    """Where keys are, with ``use_redis``."""


def prepare(options: SigningOptions, setup: Setup, module: str) -> SigningMaps:
    """Read the maps, and every key that the options name, so that no message waits for it."""

    def map_of(definition: MapDefinition | None, kind: MapKind, name: str) -> Map:
        return setup.maps.of(definition, kind, f"{module}.{name}")

    tables = options.signing_table is not None and options.key_table is not None
    made = SigningMaps(
        map_of(options.path_map, MapKind.HASH, "path_map"),
        map_of(options.selector_map, MapKind.HASH, "selector_map"),
        map_of(options.signing_table, MapKind.GLOB, "signing_table") if tables else None,
        map_of(options.key_table, MapKind.GLOB, "key_table") if tables else None,
        map_of(options.whitelist, MapKind.RADIX, "whitelist"),
        _key_store(module, setup) if options.use_redis else None,
    )
    preload(options, made.paths, made.selectors, made.key_table or _NOTHING)
    return made


def _key_store(module: str, setup: Setup) -> Store:
    store = setup.store(module)
    store.secret = True  # a recording must not hold private keys
    return store


def preload(
    options: SigningOptions,
    paths: Map = _NOTHING,
    selectors: Map = _NOTHING,
    key_table: Map = _NOTHING,
) -> None:
    """Read every key file that the options name; call before the fork."""
    files = (existing_files(named) for named in key_files(options, paths, selectors, key_table))
    KEYS.preload(sorted({file for found in files for file in found}))


def signers(
    task: Task, options: SigningOptions, maps: SigningMaps, violated: str
) -> tuple[Signer, ...]:
    """The keys that sign this message; none when it is not to be signed.

    ``violated`` is the symbol that says that what the mail came with fails.
    """
    if options.use_http_headers:
        asked = options.http_sign_header
        if task.envelope.request_header(asked) is not None:
            return _of_request(task, options, violated)
        if not options.allow_headers_fallback:
            return ()
    if not is_eligible(task, options) or (task.ip is not None and task.ip in maps.whitelist):
        return ()
    if options.check_violation and _has(task, violated):
        return ()
    if maps.signing_table is not None and maps.key_table is not None:
        return _of_tables(task, options, maps.signing_table, maps.key_table)
    domain = signing_domain(task, options)
    if domain is None:
        return ()
    return tuple(domain_signers(domain, options, maps))


def _has(task: Task, symbol: str) -> bool:
    return any(finding.symbol == symbol for finding in task.findings)


def domain_signers(
    domain: str, options: SigningOptions, maps: SigningMaps | None = None
) -> Iterator[Signer]:
    """Every key that signs for the domain."""
    known = maps or SigningMaps()
    for named in named_keys(domain, options, known.paths, known.selectors):
        yield Signer(domain, named.selector, named.path, named.key)


def key_places(domain: str, options: SigningOptions) -> Iterator[tuple[str, str]]:
    """(selector, path) of every key file that the options name for the domain."""
    for signer in domain_signers(domain, options):
        if signer.path:
            yield signer.selector, signer.path


def _of_request(task: Task, options: SigningOptions, violated: str) -> tuple[Signer, ...]:
    """The key that the scan request brings (Rspamd's ``use_http_headers``)."""
    said = task.envelope.request_header
    domain = (said(options.http_domain_header) or "").lower()
    selector = (said(options.http_selector_header) or "").lower()
    key = said(options.http_key_header) or ""
    if not (is_safe(domain) and is_safe(selector) and key):
        _log.warning("not signing: the request lacks domain, selector or key, or they are no names")
        return ()
    despite = (said(options.http_sign_on_reject_header) or "").lower() not in _OFF
    if not despite and _has(task, violated):
        return ()
    return (Signer(domain, selector, material=key),)


def _of_tables(
    task: Task, options: SigningOptions, signing_table: Map, key_table: Map
) -> tuple[Signer, ...]:
    """The key that OpenDKIM's tables name for the From address."""
    senders = task.message.from_addresses
    if not senders:
        return ()
    origin = senders[0].domain.lower()
    # The tables say whose key it is; whether this sender may use it is said by the options.
    if not is_safe(origin) or not may_use(task, options, origin):
        return ()
    named = signing_table.get(senders[0].email.lower())
    if named is None:
        return ()
    entry = key_table.get(origin if named == "%" else named)
    if entry is None:
        _log.warning("not signing: key_table has no %s, which signing_table names", named[:80])
        return ()
    found = table_key(entry, origin, options.selector)
    if found is None:
        _log.warning(
            "not signing: the entry %s of key_table is not domain:selector:key", named[:80]
        )
        return ()
    return (Signer(found.domain, found.selector, found.path, found.material),)


async def fetched(
    ask: Ask, chosen: Sequence[Signer], options: SigningOptions, store: Store | None
) -> tuple[Signer, ...]:
    """The signers with the keys that the store has; others as they are. Without answer, none."""
    waiting = [signer for signer in chosen if not signer.path and not signer.material]
    if not waiting or store is None:
        return tuple(signer for signer in chosen if signer not in waiting)
    if options.selector_prefix:
        prefix, domain = options.selector_prefix.encode(), waiting[0].domain
        answer = await ask.store(store.fields(prefix, domain.encode()))
        selector = _told(answer, f"selector of {domain}").lower()
        waiting = [Signer(domain, selector)] if is_safe(selector) else []
    names = [f"{signer.selector}.{signer.domain}" for signer in waiting]
    keys = store.fields(options.key_prefix.encode(), *(name.encode() for name in names))
    reply = await ask.store(keys) if names else None
    found = [signer for signer in chosen if signer.path or signer.material]
    for place, (signer, name) in enumerate(zip(waiting, names, strict=True)):
        material = _told(reply, f"key {name}", place)
        if material:
            found.append(Signer(signer.domain, signer.selector, material=material))
    return tuple(found)


def _told(answer: StoreAnswer | None, what: str, place: int = 0) -> str:
    """The text of a field; empty without one, which is logged where the store failed."""
    if answer is None or not answer.ok:
        _log.warning("not signing: no %s: %s", what, answer.evidence if answer else "no store")
        return ""
    values = answer.value or []
    value = values[place] if place < len(values) else None
    return value.decode("ascii", "replace") if isinstance(value, bytes) else ""


async def is_published(ask: Ask, signer: Signer, key: SigningKey, options: SigningOptions) -> bool:
    """Whether to sign with this key: DNS holds its public half, or nobody wants to know."""
    if not options.check_pubkey:
        return True
    name = f"{signer.selector}._domainkey.{signer.domain}"
    answer = await ask.dns(name, "TXT")
    if answer.failed:
        problem = f"DNS failed: {answer.detail}"
    elif not answer.records:
        problem = "no public key is published"
    else:
        problem = key.misfit(answer.records[0])
    if problem:
        verb = "signing although" if options.allow_pubkey_mismatch else "not signing:"
        _log.warning("%s %s: %s", verb, name, problem)
    return options.allow_pubkey_mismatch or not problem
