"""Links that show one site and lead to another, and lists of known phishing (module phishing).

Weights, names of symbols and the form of PhishTank's questions are those of Rspamd's module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from math import tanh
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

from filter_engine.auth.results import DmarcCode, DmarcResult
from filter_engine.checks.confusables import looks_like
from filter_engine.checks.phishing_feed import Feed
from filter_engine.config.base32 import encode_base32
from filter_engine.config.kinds import BOOLEAN, STRING
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, option
from filter_engine.config.tables import table_of
from filter_engine.dns.names import is_below
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps import Map, MapKind
from filter_engine.message import Url, UrlFlag
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask, DnsAnswer
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP = ("phishing",)
_MAX_URLS: Final = 200
"""URLs of one message that are looked at."""
_MAX_ASKED: Final = 30
"""URLs of one message for which PhishTank's zone is asked."""
_REDIRECTORS: Final = "redirectors.inc"
_NO_MAPS: Final[Mapping[str, MapDefinition]] = MappingProxyType({})


@options_class
class PhishingOptions(Section):
    """Which lists are used, and which domains count otherwise."""

    symbol: str = option(STRING, "PHISHING", doc="symbol of a link that shows another site")
    domains: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="look only at links that show these domains"
    )
    exceptions: Mapping[str, MapDefinition] = option(
        table_of(MAP_DEFINITION),
        _NO_MAPS,
        doc="domains a link may lead to, by the symbol that is set instead; REDIRECTOR_FALSE "
        "always has the shipped list of redirectors",
    )
    strict_domains: Mapping[str, MapDefinition] = option(
        table_of(MAP_DEFINITION),
        _NO_MAPS,
        doc="domains a link may not just show, by the symbol that is set instead, in full weight",
    )
    openphish_enabled: bool = option(BOOLEAN, False, doc="use OpenPhish's list")
    openphish_map: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="where it is: a URL a line", aliases=("openphish_url",)
    )
    openphish_premium: bool = option(BOOLEAN, False, doc="the list is the one of JSON lines")
    openphish_symbol: str = option(STRING, "PHISHED_OPENPHISH", doc="symbol of a URL in it")
    generic_service_enabled: bool = option(BOOLEAN, False, doc="use a list of the site's own")
    generic_service_map: MapDefinition | None = option(
        MAP_DEFINITION,
        None,
        doc="where it is: a URL a line",
        aliases=("generic_service_url",),
    )
    generic_service_symbol: str = option(
        STRING, "PHISHED_GENERIC_SERVICE", doc="symbol of a URL in it"
    )
    phishtank_enabled: bool = option(BOOLEAN, True, doc="ask PhishTank's zone")
    phishtank_suffix: str = option(STRING, "phishtank.rspamd.com", doc="that zone")
    phishtank_symbol: str = option(STRING, "PHISHED_PHISHTANK", doc="symbol of a URL in it")
    anchor: ClassVar[str] = "modules/phishing"
    known: ClassVar[Mapping[str, Option]] = unserved("phishing")


@frozen
class _State:
    domains: Map | None
    exceptions: tuple[tuple[str, Map], ...]
    strict: tuple[tuple[str, Map], ...]
    feeds: tuple[tuple[str, Feed], ...]


def _prepare(options: PhishingOptions, setup: Setup) -> _State:
    maps = setup.maps
    feeds: list[tuple[str, Feed]] = []
    if options.generic_service_enabled:
        written = options.generic_service_map
        listed = maps.of(written, MapKind.TEXT, "phishing.generic_service_map")
        feeds.append((options.generic_service_symbol, Feed(listed)))
    if options.openphish_enabled:
        place = options.openphish_map or "https://www.openphish.com/feed.txt"
        listed = maps.of(place, MapKind.TEXT, "phishing.openphish_map")
        feeds.append((options.openphish_symbol, Feed(listed, json=options.openphish_premium)))
    exceptions = [
        (symbol, maps.of(written, MapKind.SET, f"phishing.exceptions.{symbol}"))
        for symbol, written in options.exceptions.items()
    ]
    shipped = Path(setup.config.variables.get("CONFDIR", ""), "maps.d", _REDIRECTORS)
    if shipped.is_absolute() and shipped.is_file():
        where = "phishing: the shipped redirectors"
        exceptions.append(("REDIRECTOR_FALSE", maps.of(str(shipped), MapKind.SET, where)))
    domains = options.domains
    return _State(
        None if domains is None else maps.of(domains, MapKind.SET, "phishing.domains"),
        tuple(exceptions),
        tuple(
            (symbol, maps.of(written, MapKind.SET, f"phishing.strict_domains.{symbol}"))
            for symbol, written in options.strict_domains.items()
        ),
        tuple(feeds),
    )


_SYMBOLS: Final = (
    Symbol("PHISHING", 4.0, "A link shows another site than it leads to", _GROUP, True),
    Symbol("PHISHED_OPENPHISH", 7.0, "A URL of OpenPhish's list", _GROUP),
    Symbol("PHISHED_PHISHTANK", 7.0, "A URL of PhishTank's list", _GROUP),
    Symbol("PHISHED_GENERIC_SERVICE", 5.0, "A URL of the site's list of phishing", _GROUP),
    Symbol("REDIRECTOR_FALSE", 0.0, "A link by a known redirector", _GROUP),
    Symbol("PHISHED_WHITELISTED", 0.0, "A link to a site that is known", _GROUP),
)


def _symbols_of(options: PhishingOptions) -> Iterator[Symbol]:
    declared = {symbol.name for symbol in _SYMBOLS}
    for name, score in (
        (options.symbol, 4.0),
        (options.openphish_symbol, 7.0),
        (options.generic_service_symbol, 5.0),
        (options.phishtank_symbol, 7.0),
        *((name, 0.0) for name in (*options.exceptions, *options.strict_domains)),
    ):
        if name not in declared:
            declared.add(name)
            yield Symbol(name, score, "Set by the module phishing", _GROUP)


@check(
    "phishing",
    options=PhishingOptions,
    prepare=_prepare,
    symbols_of=_symbols_of,
    needs=("dmarc",),
    symbols=_SYMBOLS,
)
async def phishing(task: Task, ask: Ask) -> list[Finding]:
    """Look at each link; ask PhishTank's zone for all URLs at once."""
    options = task.options(PhishingOptions)
    state: _State = task.state("phishing") or _State(None, (), (), ())
    urls = task.message.links[:_MAX_URLS]
    if not urls:
        return []
    found: list[Finding] = []
    for url in urls:
        for symbol, feed in state.feeds:
            found += _listed(url, symbol, feed)
    answers: tuple[DnsAnswer, ...] = ()
    names = _phishtank_names(urls, options.phishtank_suffix) if options.phishtank_enabled else {}
    phished = [url for url in urls if url.flags & UrlFlag.PHISHED and url.phished is not None]
    if names:
        answers = await ask.all(*(ask.dns(name, "TXT") for name in names))
    for answer, (name, (url, weight)) in zip(answers, names.items(), strict=False):
        if answer.records:
            texts = tuple(record.decode("utf-8", "replace") for record in answer.records)
            found.append(
                Finding(options.phishtank_symbol, texts, weight, f"{url.text}: {name} TXT")
            )
    if not phished:
        return found
    result = await ask.result("dmarc")
    passed = _passed_domain(result)
    for url in phished:
        found += _judge(url, state, options.symbol, passed)
    return found


def _passed_domain(result: DmarcResult | None) -> str | None:
    """The sender's domain, when DMARC says it is that."""
    if result is None or result.result is not DmarcCode.PASS:
        return None
    return result.record_domain


def _judge(url: Url, state: _State, symbol: str, passed: str | None) -> list[Finding]:
    """One link that shows another site."""
    shown = url.phished
    if shown is None or (passed is not None and is_below(url.esld, passed)):
        return []
    if _same_label(url.esld, shown.esld):
        return []
    weight = site_distance_weight(url.esld, shown.esld)
    evidence = f"shows {shown.text}, leads to {url.text}"
    for name, exceptions in state.exceptions:
        domain = _in_map(exceptions, url)
        if domain is not None:
            return [Finding(name, (f"{shown.esld}->{domain}",), weight, evidence)]
    for name, strict in state.strict:
        domain = _in_map(strict, shown)
        if domain is not None:
            return [Finding(name, (f"{shown.esld}->{domain}",), 1.0, evidence)]
    if state.domains is not None and _in_map(state.domains, shown) is None:
        return []
    return [Finding(symbol, (f"{shown.esld}->{url.esld}",), weight, evidence)]


def _same_label(site: str, shown: str) -> bool:
    """Whether both are one name under different public suffixes, which one owner often has."""
    return site.partition(".")[0] == shown.partition(".")[0]


def _in_map(listed: Map, url: Url) -> str | None:
    return next((name for name in (url.esld, url.host) if name in listed), None)


def site_distance_weight(site: str, shown: str) -> float:
    """How suspicious it is to show one registered domain and lead to another, 0.5 to 1.

    Names that look alike count most: they are meant to be confused.
    """
    if looks_like(site, shown) or site.isascii() != shown.isascii():
        return 1.0
    front, _, suffix = site.rpartition(".")
    shown_front, _, shown_suffix = shown.rpartition(".")
    one, other = (front, shown_front) if suffix == shown_suffix else (site, shown)
    distance = 2 * _edits(one, other) / max(1, len(one) + len(other))
    if distance <= 0.3:
        return 1.0
    return tanh(3 * (1 - distance + 0.1)) if distance <= 1 else 0.5


def _edits(one: str, other: str) -> int:
    """The least number of letters to insert or remove to make one name the other.

    By the longest common subsequence, in its bit-parallel form (Hyyro 2004).
    """
    places: dict[str, int] = {}
    for index, letter in enumerate(one):
        places[letter] = places.get(letter, 0) | 1 << index
    everything = (1 << len(one)) - 1
    left = everything
    for letter in other:
        same = left & places.get(letter, 0)
        left = (left + same | left - same) & everything
    return len(other) + 2 * left.bit_count() - len(one)


def _listed(url: Url, symbol: str, feed: Feed) -> Iterator[Finding]:
    """Whether a list has the URL: with its query, without, or only its host."""
    entries = feed.of_host(url.host)
    if not entries:
        return
    path, query = url.bare_path, url.query
    same_path = [entry for entry in entries if entry.path == path]
    if same_path:
        exact = any(not entry.query or entry.query == query for entry in same_path)
        options = same_path[-1].told or (url.host,)
        evidence = f"{url.text} in {feed.where}"
        yield Finding(symbol, options, 1.0 if exact else 0.3, evidence)
    elif url.flags & UrlFlag.PHISHED:
        yield Finding(symbol, (url.host,), 0.1, f"{url.host} in {feed.where}")


def _phishtank_names(urls: tuple[Url, ...], suffix: str) -> dict[str, tuple[Url, float]]:
    """What to ask for: host and path, and with the query; how much an answer weighs."""
    names: dict[str, tuple[Url, float]] = {}
    asked = 0
    for url in urls:
        path, query = url.bare_path, url.query
        if not path or url.flags & UrlFlag.NO_TLD:
            continue
        asked += 1
        if asked > _MAX_ASKED:
            break
        names.setdefault(_hashed(suffix, url.host, path), (url, 0.3 if query else 1.0))
        if query:
            names.setdefault(_hashed(suffix, url.host, path, query), (url, 1.0))
    return names


def _hashed(suffix: str, *pieces: str) -> str:
    digest = blake2b("".join(pieces).encode("utf-8", "replace")).digest()
    return f"{encode_base32(digest, 32)}.{suffix}"
