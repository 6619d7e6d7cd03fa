"""The options that say what is signed and with which keys: of dkim_signing, and of arc."""

# option() makes a dataclasses.field; evaluated once on purpose

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from filter_engine.auth.dkim_sign import parse_header_list
from filter_engine.checks.signing.names import KEY_PATH, SELECTOR, by_domain, is_safe
from filter_engine.config.addresses import AddressSet
from filter_engine.config.kinds import (
    ADDRESSES,
    BOOLEAN,
    STRING,
    list_of,
    section,
    sections_of,
    text_of,
)
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import Binder, Kind, MisfitError, Section, option
from filter_engine.config.tell import tell
from filter_engine.dns.names import organisational_domain, to_ascii
from filter_engine.ucl.nodes import UclNode

_DOMAIN = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+")
_OF_REQUESTS = (
    "allow_headers_fallback",
    "http_sign_header",
    "http_sign_on_reject_header",
    "http_domain_header",
    "http_selector_header",
    "http_key_header",
)
_OF_DOMAINS = ("domain", "path", "path_map", "selector_map", "use_domain", "use_esld")
IDENTITIES = ("header", "envelope", "auth", "recipient")
"""What ``use_domain`` may name; any other name with a dot is itself the domain that signs."""


def _header_list(nodes: list[UclNode], _binder: Binder) -> str:
    text = text_of(nodes[0])
    try:
        parse_header_list(text)
    except ValueError as error:
        raise MisfitError(str(error), "write names with colons: (o)from:(x)date:to") from None
    return text


HEADER_LIST: Kind[str] = Kind("header list", _header_list)


def _whose_domain(nodes: list[UclNode], _binder: Binder) -> str:
    text = text_of(nodes[0]).strip().lower()
    name = to_ascii(text) or ""
    if text not in IDENTITIES and not _DOMAIN.fullmatch(name):
        raise MisfitError(
            f"{text!r} is neither one of {', '.join(IDENTITIES)} nor a domain name",
            "header is From, envelope the sender, auth the login, recipient the first recipient",
        )
    return text if text in IDENTITIES else name


def _or_nothing(nodes: list[UclNode], binder: Binder) -> str:
    return _whose_domain(nodes, binder) if text_of(nodes[0]).strip() else ""


WHOSE_DOMAIN: Kind[str] = Kind("header, envelope, auth, recipient or a domain", _whose_domain)
_WHOSE_DOMAIN_HERE: Kind[str] = Kind(WHOSE_DOMAIN.name, _or_nothing)


@options_class
class KeyPlace(Section):
    """One key: ``{ path, selector }``."""

    path: str = option(KEY_PATH, "", doc="key file, may hold $domain and $selector")
    selector: str = option(SELECTOR, "", doc="selector under which the public key is published")
    key: str = option(
        STRING, "", doc="the key itself instead of a file: PEM or bare base64", secret=True
    )


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
        own = (
            KeyPlace(path=self.path, selector=self.selector, key=self.key, origins=self.origins),
        )
        named = self.path or self.selector or self.key
        return (*(own if named else ()), *self.selectors)


@options_class
class SigningOptions(Section):
    """What the sections ``dkim_signing`` and ``arc`` share."""

    path: str = option(
        KEY_PATH, "", doc="key file for domains without an own one, with $domain and $selector"
    )
    selector: str = option(SELECTOR, "dkim", doc="selector for domains without an own one")
    domain: Mapping[str, DomainKeys] = option(
        by_domain(sections_of(DomainKeys, "dkim_signing.domain")),
        MappingProxyType({}),
        doc="keys by domain",
    )
    path_map: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="key file by domain, for domains that have none under domain"
    )
    selector_map: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="selector by domain, for domains that have none under domain"
    )
    signing_table: MapDefinition | None = option(
        MAP_DEFINITION,
        None,
        doc="OpenDKIM's signing table: pattern of the From address, then the name of a key in "
        "key_table; % there is the From domain",
    )
    key_table: MapDefinition | None = option(
        MAP_DEFINITION,
        None,
        doc="OpenDKIM's key table: name, then domain:selector:key or domain:key; a key is a path "
        "or base64, % is the From domain",
    )
    sign_authenticated: bool = option(BOOLEAN, True, doc="sign mail of logged-in users")
    sign_local: bool = option(BOOLEAN, True, doc="sign mail from local networks")
    sign_inbound: bool = option(BOOLEAN, False, doc="sign mail from everybody else")
    sign_networks: AddressSet = option(
        ADDRESSES, AddressSet(), doc="sign mail from these addresses as well"
    )
    use_domain: str = option(
        WHOSE_DOMAIN,
        "header",
        doc="whose domain signs: From, envelope sender, login name or recipient",
    )
    use_domain_sign_networks: str = option(
        _WHOSE_DOMAIN_HERE, "", doc="use_domain for mail from sign_networks"
    )
    use_domain_sign_local: str = option(
        _WHOSE_DOMAIN_HERE, "", doc="use_domain for mail from local networks"
    )
    use_domain_sign_inbound: str = option(
        _WHOSE_DOMAIN_HERE, "", doc="use_domain for mail from everybody else"
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
    check_violation: bool = option(
        BOOLEAN, False, doc="do not sign what came with a signature (arc: a chain) that fails"
    )
    skip_spam_sign: bool = option(
        BOOLEAN, False, doc="sign nothing that gets any action; what is refused is never signed"
    )
    whitelist: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="clients whose mail is not signed"
    )
    allowed_ids: tuple[str, ...] = option(
        list_of(STRING), (), doc="sign only under settings with one of these ids"
    )
    forbidden_ids: tuple[str, ...] = option(
        list_of(STRING), (), doc="sign nothing under settings with one of these ids"
    )
    use_redis: bool = option(BOOLEAN, False, doc="keys come from Redis, not from files")
    key_prefix: str = option(
        STRING, "dkim_keys", doc="hash in Redis: selector.domain gives the key, PEM or base64"
    )
    selector_prefix: str = option(
        STRING, "", doc="hash in Redis: domain gives the selector; default: as without Redis"
    )
    use_http_headers: bool = option(
        BOOLEAN,
        False,
        doc="headers of the scan request name domain, selector and key; whoever may ask for scans "
        "may then have mail signed with a key of their own",
    )
    allow_headers_fallback: bool = option(
        BOOLEAN, False, doc="with use_http_headers: sign as usual when the request does not ask"
    )
    http_sign_header: str = option(
        STRING, "PerformDkimSign", doc="header of the request that asks for a signature"
    )
    http_sign_on_reject_header: str = option(
        STRING,
        "SignOnAuthFailed",
        doc="header of the request that asks for one though a signature of the mail fails",
    )
    http_domain_header: str = option(
        STRING, "DkimDomain", doc="header of the request with the domain"
    )
    http_selector_header: str = option(
        STRING, "DkimSelector", doc="header of the request with the selector"
    )
    http_key_header: str = option(
        STRING, "DkimPrivateKey", doc="header of the request with the key, PEM or bare base64"
    )

    @property
    def has_tables(self) -> bool:
        """Whether OpenDKIM's tables say what signs."""
        return self.signing_table is not None and self.key_table is not None

    @property
    def names_keys(self) -> bool:
        """Whether anything says where keys are: else nothing is ever signed."""
        maps = self.path_map is not None
        return bool(
            self.path
            or self.domain
            or maps
            or self.has_tables
            or self.use_redis
            or self.use_http_headers
        )

    retired: ClassVar[Mapping[str, str]] = {
        "oversign_headers": "write (o) before the names in sign_headers: (o)from:(o)subject:to"
    }

    def tell(self, binder: Binder) -> None:
        """Options that change nothing without another one."""
        tables = ("signing_table", "key_table")
        for name, other in (tables, tables[::-1]):
            if getattr(self, name) is not None and getattr(self, other) is None:
                self.tell_alone(binder, name, f"it takes {other} as well", f"write {other}")
        for name in _OF_REQUESTS:
            if self.is_changed(name) and not self.use_http_headers:
                hint = "write use_http_headers = true"
                self.tell_alone(binder, name, "the request's headers are not read", hint)
        if not self.has_tables:
            self._tell_subdomains(binder)
            return
        for name in _OF_DOMAINS:
            if self.is_changed(name):
                hint = "remove one of them"
                self.tell_alone(binder, name, "signing_table and key_table say what signs", hint)

    def _tell_subdomains(self, binder: Binder) -> None:
        """Keys of a name that ``use_esld`` never gives."""
        section = self.anchor.rpartition("/")[2]
        for name, keys in self.domain.items():
            # the list of public suffixes is read for those alone that may be below one
            if not self.use_esld or name.count(".") < 2 or not is_safe(name):
                continue
            registered = organisational_domain(name)
            if registered == name:
                continue
            tell(
                binder,
                min(keys.origins.values(), key=lambda at: at.line, default=self.origin("domain")),
                "no-effect",
                f"{section}.domain {name!r} has no effect: with use_esld its mail is signed as "
                f"{registered}",
                f"write use_esld = false, or the keys of {registered}, which sign for all below it",
            )

    def is_changed(self, name: str) -> bool:
        """Whether it was written, and otherwise than it is by default."""
        return name in self.origins and getattr(self, name) != getattr(type(self)(), name)

    def tell_alone(self, binder: Binder, name: str, why: str, hint: str) -> None:
        """Say that what was written under ``name`` has no effect."""
        section = self.anchor.rpartition("/")[2]
        at = self.origin(name)
        tell(binder, at, "no-effect", f"{section}.{name} has no effect: {why}", hint)
