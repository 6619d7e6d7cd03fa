"""Options of the module url_suspect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from filter_engine.config.kinds import BOOLEAN, INTEGER, STRING, list_of, section
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, declare_known, known, option

_LOOK = "look at it"
_ANCHOR = "modules/url_suspect"
_LATER = "for checks of a later version; without effect"
_UNSERVED = {
    "user_password": declare_known(
        patterns_map=known(MAP_DEFINITION, doc=_LATER),
        user_patterns_map=known(MAP_DEFINITION, doc=_LATER),
        blacklist_map=known(MAP_DEFINITION, doc=_LATER),
        user_blacklist_map=known(MAP_DEFINITION, doc=_LATER),
    ),
    "numeric_ip": declare_known(
        range_map=known(MAP_DEFINITION, doc=_LATER),
        suspicious_ips_map=known(MAP_DEFINITION, doc=_LATER),
    ),
    "tld": declare_known(use_tld_map=known(BOOLEAN, doc=_LATER)),
    "structure": declare_known(
        check_port=known(BOOLEAN, doc=_LATER),
        suspicious_ports_map=known(MAP_DEFINITION, doc=_LATER),
    ),
    "obfuscated_text": declare_known(
        max_match_length=known(INTEGER, 1024, unit="characters", doc=_LATER),
        patterns_map=known(MAP_DEFINITION, doc="further ways of writing"),
    ),
}
"""What Rspamd reads in these sections and does nothing with, or this engine does not serve."""


@options_class
class LengthThresholds(Section):
    """Lengths of user names in URLs."""

    suspicious: int = option(INTEGER, 64, unit="characters", doc="read, and without effect")
    long: int = option(INTEGER, 128, unit="characters", doc="longer is long")
    very_long: int = option(INTEGER, 256, unit="characters", doc="longer is very long")
    anchor: ClassVar[str] = _ANCHOR


@options_class
class UserPasswordOptions(Section):
    """User names in URLs."""

    enabled: bool = option(BOOLEAN, True, doc=_LOOK)
    length_thresholds: LengthThresholds = option(
        section(LengthThresholds, "url_suspect.checks.user_password.length_thresholds"),
        LengthThresholds(),
        doc="what is long",
    )
    anchor: ClassVar[str] = _ANCHOR
    known: ClassVar[Mapping[str, Option]] = _UNSERVED["user_password"]


@options_class
class NumericIpOptions(Section):
    """Addresses in place of hosts."""

    enabled: bool = option(BOOLEAN, True, doc=_LOOK)
    allow_private_ranges: bool = option(
        BOOLEAN, True, doc="private addresses have a symbol of their own"
    )
    anchor: ClassVar[str] = _ANCHOR
    known: ClassVar[Mapping[str, Option]] = _UNSERVED["numeric_ip"]


@options_class
class TldOptions(Section):
    """Public suffixes."""

    enabled: bool = option(BOOLEAN, True, doc=_LOOK)
    suspicious_tlds_map: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="bad ones, with or without the dot before", aliases=("tld_map",)
    )
    builtin_suspicious: tuple[str, ...] = option(
        list_of(STRING),
        (".tk", ".ml", ".ga", ".cf", ".gq"),
        doc="bad ones while there is no suspicious_tlds_map",
    )
    anchor: ClassVar[str] = _ANCHOR
    known: ClassVar[Mapping[str, Option]] = _UNSERVED["tld"]


@options_class
class UnicodeOptions(Section):
    """Characters of URLs."""

    enabled: bool = option(BOOLEAN, True, doc=_LOOK)
    check_validity: bool = option(BOOLEAN, True, doc="characters that could not be read")
    check_homographs: bool = option(BOOLEAN, True, doc="letters that look like others")
    check_rtl_override: bool = option(BOOLEAN, True, doc="marks that turn the writing around")
    check_zero_width: bool = option(BOOLEAN, True, doc="spaces without width")
    anchor: ClassVar[str] = _ANCHOR


@options_class
class StructureOptions(Section):
    """How URLs are built."""

    enabled: bool = option(BOOLEAN, True, doc=_LOOK)
    check_multiple_at: bool = option(BOOLEAN, True, doc="several @")
    max_at_signs: int = option(INTEGER, 2, doc="@ that are not odd")
    check_backslash: bool = option(BOOLEAN, True, doc="backslashes")
    check_excessive_dots: bool = option(BOOLEAN, True, doc="many dots")
    max_host_dots: int = option(INTEGER, 6, doc="dots in a host that are not odd")
    check_length: bool = option(BOOLEAN, True, doc="long URLs")
    max_url_length: int = option(INTEGER, 2048, unit="characters", doc="that is not odd")
    anchor: ClassVar[str] = _ANCHOR
    known: ClassVar[Mapping[str, Option]] = _UNSERVED["structure"]


@options_class
class QueryUrlsOptions(Section):
    """URLs inside URLs."""

    enabled: bool = option(BOOLEAN, True, doc=_LOOK)
    max_query_urls: int = option(INTEGER, 1, doc="that are not odd")
    anchor: ClassVar[str] = _ANCHOR


@options_class
class PatternsEnabled(Section):
    """Ways of hiding a URL from programs."""

    spaced_protocol: bool = option(BOOLEAN, True, doc="h t t p s : / /")
    hxxp: bool = option(BOOLEAN, True, doc="hxxp://")
    bracket_dots: bool = option(BOOLEAN, True, doc="example[.]com")
    word_dots: bool = option(BOOLEAN, True, doc="example dot com")
    html_entities: bool = option(BOOLEAN, True, doc="&#104;&#116;&#116;&#112;")
    anchor: ClassVar[str] = _ANCHOR


@options_class
class ObfuscatedTextOptions(Section):
    """URLs written so that programs do not see them."""

    enabled: bool = option(BOOLEAN, True, doc=_LOOK)
    max_matches_per_message: int = option(INTEGER, 50, doc="places that are looked at")
    max_extracted_urls: int = option(INTEGER, 20, doc="URLs that are taken")
    min_match_length: int = option(INTEGER, 8, unit="characters", doc="shortest")
    context_before: int = option(INTEGER, 64, unit="characters", doc="looked at before a place")
    context_after: int = option(INTEGER, 256, unit="characters", doc="looked at after it")
    max_normalize_length: int = option(INTEGER, 512, unit="characters", doc="made readable")
    patterns_enabled: PatternsEnabled = option(
        section(PatternsEnabled, "url_suspect.checks.obfuscated_text.patterns_enabled"),
        PatternsEnabled(),
        doc="which ways of writing",
    )
    anchor: ClassVar[str] = _ANCHOR
    known: ClassVar[Mapping[str, Option]] = _UNSERVED["obfuscated_text"]


@options_class
class UrlSuspectChecks(Section):
    """What is looked at."""

    user_password: UserPasswordOptions = option(
        section(UserPasswordOptions, "url_suspect.checks.user_password"),
        UserPasswordOptions(),
        doc="user names in URLs",
    )
    numeric_ip: NumericIpOptions = option(
        section(NumericIpOptions, "url_suspect.checks.numeric_ip"),
        NumericIpOptions(),
        doc="addresses in place of hosts",
    )
    tld: TldOptions = option(
        section(TldOptions, "url_suspect.checks.tld"), TldOptions(), doc="public suffixes"
    )
    unicode: UnicodeOptions = option(
        section(UnicodeOptions, "url_suspect.checks.unicode"), UnicodeOptions(), doc="characters"
    )
    structure: StructureOptions = option(
        section(StructureOptions, "url_suspect.checks.structure"),
        StructureOptions(),
        doc="how URLs are built",
    )
    query_urls: QueryUrlsOptions = option(
        section(QueryUrlsOptions, "url_suspect.checks.query_urls"),
        QueryUrlsOptions(),
        doc="URLs inside URLs",
    )
    obfuscated_text: ObfuscatedTextOptions = option(
        section(ObfuscatedTextOptions, "url_suspect.checks.obfuscated_text"),
        ObfuscatedTextOptions(),
        doc="URLs written so that programs do not see them",
    )
    anchor: ClassVar[str] = _ANCHOR


@options_class
class UrlSuspectOptions(Section):
    """Odd URLs. Off unless switched on, as Rspamd 3.4 does not have the module."""

    enabled: bool = option(BOOLEAN, False, doc="look at URLs")
    checks: UrlSuspectChecks = option(
        section(UrlSuspectChecks, "url_suspect.checks"), UrlSuspectChecks(), doc="what is looked at"
    )
    max_urls: int = option(INTEGER, 10_000, doc="looked at in a mail")
    use_whitelist: bool = option(BOOLEAN, False, doc="pass over whitelist_map")
    whitelist_map: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="hosts that are passed over"
    )
    anchor: ClassVar[str] = _ANCHOR
    known: ClassVar[Mapping[str, Option]] = unserved("url_suspect")
