"""Odd URLs: users, numbers, suffixes, characters, structure (module url_suspect).

The module is of an Rspamd later than 3.4; names and scores of the symbols are its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from filter_engine.checks.confusables import is_spoofed
from filter_engine.checks.url_suspect.obfuscated import find_obfuscated
from filter_engine.checks.url_suspect.options import (
    StructureOptions,
    TldOptions,
    UnicodeOptions,
    UrlSuspectOptions,
    UserPasswordOptions,
)
from filter_engine.dns.names import public_suffixes
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps import Map, MapKind
from filter_engine.message import Url, UrlFlag
from filter_engine.message.links import query_urls
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP = ("url_suspect", "url")
_RTL_OVERRIDE: Final = "\u202e"
_MAX_SHOWN: Final = 50


@frozen
class _State:
    suffixes: Map | None
    whitelist: Map | None


def _prepare(options: UrlSuspectOptions, setup: Setup) -> _State:
    of, written = setup.maps.of, options.checks.tld.suspicious_tlds_map
    where = "url_suspect.checks.tld.suspicious_tlds_map"
    allowed = options.whitelist_map if options.use_whitelist else None
    return _State(
        None if written is None else of(written, MapKind.SET, where),
        None if allowed is None else of(allowed, MapKind.SET, "url_suspect.whitelist_map"),
    )


@check(
    "url_suspect",
    callback="URL_SUSPECT_CHECK",
    options=UrlSuspectOptions,
    prepare=_prepare,
    symbols=(
        Symbol("URL_USER_PASSWORD", 2.0, "A user name in a URL", _GROUP),
        Symbol("URL_USER_LONG", 3.0, "A long user name in a URL", _GROUP),
        Symbol("URL_USER_VERY_LONG", 5.0, "A very long user name in a URL", _GROUP),
        Symbol("URL_NUMERIC_IP", 1.5, "A URL of an address", _GROUP),
        Symbol("URL_NUMERIC_IP_USER", 4.0, "A URL of an address, with a user name", _GROUP),
        Symbol("URL_NUMERIC_PRIVATE_IP", 0.5, "A URL of a private address", _GROUP),
        Symbol("URL_NO_TLD", 2.0, "A URL of a host without public suffix", _GROUP),
        Symbol("URL_SUSPICIOUS_TLD", 3.0, "A URL under a suffix that is mostly abused", _GROUP),
        Symbol("URL_BAD_UNICODE", 3.0, "A URL with characters that cannot be read", _GROUP),
        Symbol("URL_HOMOGRAPH_ATTACK", 5.0, "A host with letters that look like others", _GROUP),
        Symbol("URL_RTL_OVERRIDE", 6.0, "A URL that turns the writing around", _GROUP),
        Symbol("URL_ZERO_WIDTH_SPACES", 7.0, "A URL with spaces without width", _GROUP),
        Symbol("URL_MULTIPLE_AT_SIGNS", 3.0, "A URL with several @", _GROUP),
        Symbol("URL_BACKSLASH_PATH", 2.0, "A URL with backslashes", _GROUP),
        Symbol("URL_EXCESSIVE_DOTS", 2.0, "A host with many dots", _GROUP),
        Symbol("URL_VERY_LONG", 1.5, "A very long URL", _GROUP),
        Symbol("URL_QUERY_MULTIPLE_URLS", 2.0, "Several URLs in the query of one", _GROUP),
    ),
)
def url_suspect(task: Task) -> list[Finding]:
    """Look at each URL of the text; those of images and attachments are passed over."""
    options = task.options(UrlSuspectOptions)
    if not options.enabled:
        return []
    state: _State = task.state("url_suspect") or _State(None, None)
    found: list[Finding] = []
    for url in task.message.links[: options.max_urls]:
        if state.whitelist is not None and url.host in state.whitelist:
            continue
        checks = options.checks
        if checks.user_password.enabled and url.flags & UrlFlag.HAS_USER:
            found += _user(url, checks.user_password)
        if checks.numeric_ip.enabled and url.flags & UrlFlag.NUMERIC:
            found += _numeric(url, private_apart=checks.numeric_ip.allow_private_ranges)
        if checks.tld.enabled and not url.flags & UrlFlag.NUMERIC:
            found += _suffix(url, checks.tld, state.suffixes)
        if checks.unicode.enabled:
            found += _unicode(url, checks.unicode)
        if checks.structure.enabled:
            found += _structure(url, checks.structure)
        if checks.query_urls.enabled:
            number = len(query_urls(url))
            if number > checks.query_urls.max_query_urls:
                found.append(_finding("URL_QUERY_MULTIPLE_URLS", str(number), url))
    return found


def _finding(symbol: str, text: str, url: Url) -> Finding:
    return Finding(symbol, (text,), evidence=url.text[:500])


def _user(url: Url, options: UserPasswordOptions) -> Iterator[Finding]:
    length = len(url.user or "")
    limits = options.length_thresholds
    if length > limits.very_long:
        yield _finding("URL_USER_VERY_LONG", str(length), url)
    elif length > limits.long:
        yield _finding("URL_USER_LONG", str(length), url)
    else:
        yield _finding("URL_USER_PASSWORD", url.host, url)


def _numeric(url: Url, *, private_apart: bool) -> Iterator[Finding]:
    if private_apart and _is_private(url.host):
        yield _finding("URL_NUMERIC_PRIVATE_IP", url.host, url)
    elif url.flags & UrlFlag.HAS_USER:
        yield _finding("URL_NUMERIC_IP_USER", url.host, url)
    else:
        yield _finding("URL_NUMERIC_IP", url.host, url)


_DOCUMENTATION: Final = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:")
"""Not reachable, and yet nobody's own (RFC 5737, RFC 3849)."""


def _is_private(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_private and not host.startswith(_DOCUMENTATION)


def _suffix(url: Url, options: TldOptions, listed: Map | None) -> Iterator[Finding]:
    if url.flags & UrlFlag.NO_TLD:
        yield _finding("URL_NO_TLD", url.host, url)
        return
    suffix = public_suffixes().publicsuffix(url.host) or ""
    if listed is not None:
        bad = f".{suffix}" in listed or suffix in listed
    else:
        bad = suffix in options.builtin_suspicious or f".{suffix}" in options.builtin_suspicious
    if bad:
        yield _finding("URL_SUSPICIOUS_TLD", suffix, url)


def _unicode(url: Url, options: UnicodeOptions) -> Iterator[Finding]:
    if options.check_zero_width and url.flags & UrlFlag.ZW_SPACES:
        yield _finding("URL_ZERO_WIDTH_SPACES", "zw", url)
    if options.check_homographs and url.flags & UrlFlag.IDN and is_spoofed(url.host):
        yield _finding("URL_HOMOGRAPH_ATTACK", url.host, url)
    if options.check_validity and "\ufffd" in url.text:
        yield _finding("URL_BAD_UNICODE", url.host, url)
    if options.check_rtl_override and _RTL_OVERRIDE in url.text:
        yield _finding("URL_RTL_OVERRIDE", url.host, url)


def _structure(url: Url, options: StructureOptions) -> Iterator[Finding]:
    dots = url.host.count(".")
    if options.check_excessive_dots and ":" not in url.host and dots > options.max_host_dots:
        yield _finding("URL_EXCESSIVE_DOTS", str(dots), url)
    if options.check_backslash and url.flags & UrlFlag.OBSCURED and "\\" in url.text:
        yield _finding("URL_BACKSLASH_PATH", url.host, url)
    if options.check_length and len(url.text) > options.max_url_length:
        yield _finding("URL_VERY_LONG", str(len(url.text)), url)
    signs = url.text.count("@")
    if options.check_multiple_at and signs > options.max_at_signs:
        yield _finding("URL_MULTIPLE_AT_SIGNS", str(signs), url)


@check(
    "url_obfuscated_text",
    module="url_suspect",
    options=UrlSuspectOptions,
    stage=Stage.PREFILTER,
    symbols=(Symbol("URL_OBFUSCATED_TEXT", 5.0, "A URL that only people can read", _GROUP),),
)
def url_obfuscated_text(task: Task) -> list[Finding]:
    """URLs with blanks, words or brackets inside, in any text."""
    options = task.options(UrlSuspectOptions)
    obfuscated = options.checks.obfuscated_text
    if not (options.enabled and obfuscated.enabled):
        return []
    found: list[Finding] = []
    for part in task.message.text_parts:
        for hidden in find_obfuscated(part.visible_text, obfuscated):
            if len(found) >= obfuscated.max_extracted_urls:
                return found
            shown = (
                f"type={hidden.way}",
                f"url={hidden.url[:_MAX_SHOWN]}",
                f"orig={hidden.written}",
            )
            evidence = f"part {part.index}: {hidden.written}"
            found.append(Finding("URL_OBFUSCATED_TEXT", shown, evidence=evidence))
    return found
