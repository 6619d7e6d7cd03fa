"""Options of the module ``rbl`` and of its older spellings, ``surbl`` and ``emails``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    TIME,
    at_least,
    list_of,
    one_of,
    sections_of,
    text_of,
)
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, define
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Binder, Kind, MisfitError, Option, Section, option
from filter_engine.config.tables import table_of
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject

CHECKS: Final = (
    "from",
    "received",
    "helo",
    "rdns",
    "urls",
    "content_urls",
    "numeric_urls",
    "images",
    "emails",
    "replyto",
    "dkim",
    "selector",
)
"""What can be looked up in a list."""
SELECTOR_LABEL: Final = "selector"
"""What a lookup by the one, unnamed selector is called."""

_CHECKS: Final = list_of(one_of(*CHECKS))
_STRINGS: Final = list_of(STRING)
_TEXTS: Final = table_of(STRING)
_CODES: Final = table_of(_STRINGS)
_BITS: Final = table_of(list_of(INTEGER))
_HASHES: Final = one_of("", "sha1", "sha256", "sha384", "sha512", "md5", "blake2")
_FORMATS: Final = one_of("", "hex", "base32", "base64")
_NONE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


def _selectors(nodes: list[UclNode], binder: Binder) -> Mapping[str, str]:
    if isinstance(nodes[0], UclObject):
        return _TEXTS.convert(nodes, binder)
    return MappingProxyType({SELECTOR_LABEL: STRING.convert(nodes, binder)})


SELECTORS: Final[Kind[Mapping[str, str]]] = Kind(
    "selector or section of selectors", _selectors, multiple=True
)


def _maps_in(node: UclNode) -> Iterable[UclNode]:
    """The maps of an array, of one section, or of a section by name as ``configdump`` writes it."""
    if isinstance(node, UclArray):
        return node.items
    if isinstance(node, UclObject) and not node.values("selector_alias"):
        below = [value for values in node.entries.values() for value in values]
        if all(isinstance(value, UclObject) for value in below):
            return below
    return (node,)


def _attached_maps(nodes: list[UclNode], binder: Binder) -> Mapping[str, MapDefinition]:
    found = {}
    for node in nodes:
        for item in _maps_in(node):
            if not isinstance(item, UclObject) or not item.values("selector_alias"):
                raise MisfitError(
                    "a map for selectors has a name",
                    'write { selector_alias = "NAME"; url = "..."; }',
                    item,
                )
            found[text_of(item.values("selector_alias")[0])] = define([item], binder)
    return MappingProxyType(found)


ATTACHED_MAPS: Final[Kind[Mapping[str, MapDefinition]]] = Kind(
    "maps with names", _attached_maps, multiple=True
)


@options_class
class RblRule(Section):
    """One list. What is None is as the module's ``default_NAME`` says."""

    rbl: str = option(STRING, "", doc="zone of the list")
    symbol: str = option(STRING, "", doc="symbol for a hit; the rule's name in capitals by default")
    description: str = option(STRING, "", doc="what people read about the list")
    score: float | None = option(NUMBER, None, doc="score of the rule's symbols")
    group: str = option(STRING, "", doc="group of the rule's symbols; default: rbl")
    enabled: bool | None = option(BOOLEAN, None, doc="use the list")
    disabled: bool = option(BOOLEAN, False, doc="do not use the list")

    checks: tuple[str, ...] = option(_CHECKS, (), doc="what is looked up in the list")
    exclude_checks: tuple[str, ...] = option(_CHECKS, (), doc="what is not, of the checks")
    from_: bool | None = option(BOOLEAN, None, key="from", doc="look up the client's address")
    received: bool | None = option(BOOLEAN, None, doc="look up the addresses in Received")
    helo: bool | None = option(BOOLEAN, None, doc="look up the HELO name")
    rdns: bool | None = option(BOOLEAN, None, doc="look up the client's host name")
    urls: bool | None = option(BOOLEAN, None, doc="look up hosts of URLs")
    content_urls: bool | None = option(BOOLEAN, None, doc="look up URLs in attachments too")
    numeric_urls: bool | None = option(BOOLEAN, None, doc="look up only hosts that are addresses")
    images: bool | None = option(BOOLEAN, None, doc="look up URLs of pictures too")
    emails: bool | None = option(BOOLEAN, None, doc="look up addresses in the text")
    replyto: bool | None = option(BOOLEAN, None, doc="look up the Reply-To address")
    dkim: bool | None = option(BOOLEAN, None, doc="look up the domains of good signatures")
    selector: Mapping[str, str] = option(
        SELECTORS, MappingProxyType({}), doc="what to look up, told by selectors"
    )
    selector_flatten: bool | None = option(
        BOOLEAN, None, doc="look up each element a selector returns"
    )

    ipv4: bool | None = option(BOOLEAN, None, doc="look up IPv4 addresses")
    ipv6: bool | None = option(BOOLEAN, None, doc="look up IPv6 addresses")
    received_flags: tuple[str, ...] = option(
        _STRINGS, (), doc="only Received fields with these flags (ssl, authenticated)"
    )
    received_nflags: tuple[str, ...] = option(
        _STRINGS, (), doc="only Received fields without these flags"
    )
    received_min_pos: int | None = option(
        INTEGER, None, doc="first Received field that counts; below 0: counted from the oldest"
    )
    received_max_pos: int | None = option(
        INTEGER, None, doc="last Received field that counts; below 0: counted from the oldest"
    )
    no_ip: bool | None = option(BOOLEAN, None, doc="do not look up hosts that are addresses")
    resolve_ip: bool = option(BOOLEAN, False, doc="look up the addresses that names have")
    url_full_hostname: bool = option(
        BOOLEAN, False, doc="look up whole host names, not registered domains"
    )
    url_compose_map: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="under which domains more labels are looked up"
    )
    emails_domainonly: bool | None = option(BOOLEAN, None, doc="look up domains of addresses only")
    emails_delimiter: str = option(STRING, "", doc="put in place of @")
    dkim_domainonly: bool | None = option(
        BOOLEAN, None, doc="look up the registered domains of signatures"
    )
    dkim_match_from: bool | None = option(
        BOOLEAN, None, doc="only signatures of the domain in From"
    )
    hash: str = option(_HASHES, "", doc="look up a hash of the name")
    hash_format: str = option(_FORMATS, "", doc="how the hash is written; default: hex")
    hash_len: int | None = option(
        at_least(INTEGER, 1), None, unit="characters", doc="kept of the hash"
    )
    process_script: str = option(
        STRING,
        "",
        doc="Lua; only Rspamd's example is understood, which hashes the name (BLAKE2b, base32); "
        "a list with another script is not used",
    )
    requests_limit: int | None = option(
        at_least(INTEGER, 1), None, doc="names of one kind asked for one mail"
    )

    returncodes: Mapping[str, tuple[str, ...]] = option(
        _CODES, _NONE, doc="symbol by answer", aliases=("return_codes",)
    )
    returnbits: Mapping[str, tuple[int, ...]] = option(
        _BITS, MappingProxyType({}), doc="symbol by bits of the answer", aliases=("return_bits",)
    )
    returncodes_matcher: str = option(
        one_of("", "equality", "luapattern", "regexp", "glob", "radix"),
        "",
        doc="how returncodes are compared; default: equality, luapattern for codes with % or [",
    )
    unknown: bool | None = option(
        BOOLEAN, None, doc="an answer that no code explains sets the rule's symbol"
    )
    symbols_prefixes: Mapping[str, str] = option(
        _TEXTS, MappingProxyType({}), doc="symbols' prefix by what was looked up"
    )

    ignore_defaults: bool = option(
        BOOLEAN,
        False,
        doc="the module's default_* do not hold here: all that is not said is off",
        aliases=("ignore_default",),
    )
    exclude_users: bool | None = option(BOOLEAN, None, doc="not for mail of logged-in users")
    exclude_local: bool | None = option(BOOLEAN, None, doc="not for clients in local_networks")
    exclude_private_ips: bool | None = option(
        BOOLEAN, None, doc="not for private addresses, also in Received"
    )
    names_required: bool | None = option(
        BOOLEAN,
        None,
        doc="a rule with the check helo or rdns looks up nothing for a client without that name",
    )
    is_whitelist: bool | None = option(
        BOOLEAN, None, doc="what it lists counts in no other list that is not a whitelist"
    )
    whitelist_exception: tuple[str, ...] = option(
        _STRINGS, (), doc="symbols of a whitelist that let other lists count"
    )
    ignore_whitelist: bool | None = option(
        BOOLEAN,
        None,
        doc="counts whatever a whitelist says",
        aliases=("ignore_whitelists",),
    )
    whitelist: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="what is not looked up: addresses, or names"
    )
    url_whitelist: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="names that are not looked up, in place of the module's"
    )
    ignore_url_whitelist: bool = option(BOOLEAN, False, doc="look up what url_whitelist names too")
    local_exclude_ip_map: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="clients and addresses that are not looked up"
    )
    require_symbols: tuple[str, ...] = option(
        _STRINGS, (), doc="counts only beside all of these symbols"
    )

    disable_monitoring: bool = option(BOOLEAN, False, doc="do not test that the list is alive")
    monitored_address: str = option(STRING, "", doc="name that no list has, to test it with")
    random_monitored: bool | None = option(BOOLEAN, None, doc="test with a changing name")


@options_class
class RblOptions(Section):
    """Lists in DNS of addresses and names."""

    rbls: Mapping[str, RblRule] = option(
        sections_of(RblRule, "rbl.rbls"), MappingProxyType({}), doc="the lists"
    )
    rules: Mapping[str, RblRule] = option(
        sections_of(RblRule, "rbl.rules"), MappingProxyType({}), doc="more lists, put over rbls"
    )

    default_enabled: bool = option(BOOLEAN, True, doc="use the list")
    default_ipv4: bool = option(BOOLEAN, True, doc="look up IPv4 addresses")
    default_ipv6: bool = option(BOOLEAN, True, doc="look up IPv6 addresses")
    default_unknown: bool = option(
        BOOLEAN, True, doc="an answer that no code explains sets the rule's symbol"
    )
    default_dkim_domainonly: bool = option(
        BOOLEAN, True, doc="look up the registered domains of signatures"
    )
    default_dkim_match_from: bool = option(
        BOOLEAN, False, doc="only signatures of the domain in From"
    )
    default_emails_domainonly: bool = option(
        BOOLEAN, False, doc="look up domains of addresses only"
    )
    default_exclude_users: bool = option(BOOLEAN, True, doc="not for mail of logged-in users")
    default_exclude_local: bool = option(BOOLEAN, True, doc="not for clients in local_networks")
    default_exclude_private_ips: bool = option(
        BOOLEAN, True, doc="not for private addresses, also in Received"
    )
    default_no_ip: bool = option(BOOLEAN, False, doc="do not look up hosts that are addresses")
    default_selector_flatten: bool = option(
        BOOLEAN, True, doc="look up each element a selector returns"
    )
    default_exclude_checks: tuple[str, ...] = option(_CHECKS, (), doc="checks that no list makes")
    default_received_flags: tuple[str, ...] = option(
        _STRINGS, (), doc="only Received fields with these flags"
    )
    default_received_nflags: tuple[str, ...] = option(
        _STRINGS, (), doc="only Received fields without these flags"
    )
    names_required: bool = option(
        BOOLEAN,
        True,
        doc="for all lists: a rule with the check helo or rdns looks up nothing for a client "
        "without that name, as in Rspamd 3.4; false: its other checks are made, as later",
    )

    url_whitelist: MapDefinition | None = option(
        MAP_DEFINITION,
        None,
        doc="names that are not looked up; default: local.d/maps.d/surbl-whitelist.inc.local if "
        "that file exists, else the shipped maps.d/surbl-whitelist.inc",
    )
    local_exclude_ip_map: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="clients and addresses that are not looked up"
    )
    attached_maps: Mapping[str, MapDefinition] = option(
        ATTACHED_MAPS, MappingProxyType({}), doc="maps under names that selectors can use"
    )
    disabled_rbl_suffixes_map: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="zones of lists that are not used"
    )
    disable_monitoring: bool = option(BOOLEAN, False, doc="do not test that lists are alive")
    monitored_interval: float = option(
        TIME, 60.0, unit="seconds", doc="how often a list that is asked is tested"
    )
    anchor: ClassVar[str] = "modules/rbl"
    known: ClassVar[Mapping[str, Option]] = unserved("rbl")

    def tell(self, binder: Binder) -> None:
        """Rules that will be left out, and why."""
        from filter_engine.checks.rbl.faults import tell_faults  # it needs these classes

        tell_faults(self, binder)


@options_class
class SurblRule(Section):
    """One list of URLs, in the words of Rspamd before 2.0."""

    suffix: str = option(STRING, "", doc="zone of the list", aliases=("dnsbl", "rbl"))
    symbol: str = option(STRING, "", doc="symbol for a hit; the rule's name by default")
    ips: Mapping[str, tuple[str, ...]] = option(
        _CODES, _NONE, doc="symbol by answer", aliases=("returncodes",)
    )
    bits: Mapping[str, tuple[int, ...]] = option(
        _BITS, MappingProxyType({}), doc="symbol by bits of the answer", aliases=("returnbits",)
    )
    check_dkim: bool = option(BOOLEAN, False, doc="look up the domain of From if it signed")
    check_emails: bool = option(BOOLEAN, False, doc="look up the domains of addresses in the text")
    images: bool = option(BOOLEAN, False, doc="look up URLs of pictures too")
    no_ip: bool = option(
        BOOLEAN, False, doc="do not look up hosts that are addresses", aliases=("noip",)
    )
    options: str = option(one_of("", "noip", "no_ip"), "", doc="noip is the same as no_ip")
    resolve_ip: bool = option(BOOLEAN, False, doc="look up the addresses that names have")
    hash: str = option(_HASHES, "", doc="look up a hash of the name")
    process_script: str = option(STRING, "", doc="Lua; as in rbl")
    url_compose_map: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="under which domains more labels are looked up"
    )
    whitelist_exception: tuple[str, ...] = option(
        _STRINGS, (), doc="symbols of a whitelist that let other lists count"
    )
    monitored_domain: str = option(STRING, "", doc="name that no list has, to test it with")


@options_class
class SurblOptions(Section):
    """Lists of URLs; ``rbl`` took its place."""

    rules: Mapping[str, SurblRule] = option(
        sections_of(SurblRule, "surbl.rules"), MappingProxyType({}), doc="the lists"
    )
    whitelist: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="names that are not looked up"
    )
    anchor: ClassVar[str] = "modules/rbl"
    known: ClassVar[Mapping[str, Option]] = unserved("surbl")


@options_class
class EmailsRule(Section):
    """One list of mail addresses, in the words of Rspamd before 2.0."""

    dnsbl: str = option(STRING, "", doc="zone of the list", aliases=("rbl",))
    symbol: str = option(STRING, "", doc="symbol for a hit; the rule's name by default")
    domain_only: bool = option(BOOLEAN, False, doc="look up the domain only")
    replyto: bool = option(
        BOOLEAN, False, doc="look up the Reply-To address", aliases=("check_replyto",)
    )
    skip_body: bool = option(BOOLEAN, False, doc="look up nothing but the Reply-To address")
    hash: str = option(_HASHES, "", doc="look up a hash of the address")
    hashlen: int | None = option(
        at_least(INTEGER, 1), None, unit="characters", doc="kept of the hash", aliases=("hash_len",)
    )
    encoding: str = option(
        _FORMATS, "", doc="how the hash is written; default: hex", aliases=("hash_format",)
    )
    delimiter: str = option(STRING, "", doc="put in place of @", aliases=("emails_delimiter",))
    returncodes: Mapping[str, tuple[str, ...]] = option(_CODES, _NONE, doc="symbol by answer")
    expect_ip: str = option(STRING, "", doc="the answer that is a hit")


@options_class
class EmailsOptions(Section):
    """Lists of mail addresses; ``rbl`` took its place."""

    rules: Mapping[str, EmailsRule] = option(
        sections_of(EmailsRule, "emails.rules"), MappingProxyType({}), doc="the lists"
    )
    whitelist: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="addresses and domains that are not looked up"
    )
    anchor: ClassVar[str] = "modules/rbl"
    known: ClassVar[Mapping[str, Option]] = unserved("emails")
