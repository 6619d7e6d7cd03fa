"""The options of rate limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from filter_engine.checks.services.options import SECONDS
from filter_engine.config.kinds import BOOLEAN, NUMBER, STRING, list_of, merged_object, nullable
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.redis import ModuleRedis
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import (
    Binder,
    Kind,
    MisfitError,
    Option,
    Section,
    bind,
    option,
)
from filter_engine.config.tell import tell
from filter_engine.scan.declare import Symbol
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar

KEYWORDS: Final = frozenset("ip rip from bounce asn user to files".split())  # noqa: SIM905
"""Parts of a limit's name that say what is counted."""
_RATE: Final = re.compile(
    r"(\d+(?:\.\d+)?)\s*([kmg]?)\s*/\s*(\d+(?:\.\d+)?)?\s*(ms|s|min|m|h|d|w)?", re.IGNORECASE
)
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)", re.IGNORECASE)
_MANY: Final = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
_TIMES: Final = {
    "ms": 0.001, "": 1.0, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0,
    "w": 604_800.0,
}  # fmt: skip
_HINT: Final = 'write for example "100 / 1h"'


def _quotient(text: str) -> tuple[float, float]:
    """(messages, seconds) of ``100 / 1h``. Raises MisfitError."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise MisfitError(f"{text!r} is no rate", f"{_HINT}, or a number per second")
    seconds = float(match[3] or 1) * _TIMES[(match[4] or "").lower()]
    if seconds <= 0.0:
        raise MisfitError(f"{text!r} is no rate: its time is zero", _HINT)
    return float(match[1]) * _MANY[match[2].lower()], seconds


def _rate(nodes: list[UclNode], binder: Binder) -> float:
    node = nodes[0]
    if isinstance(node, UclScalar) and isinstance(node.value, str) and "/" in node.value:
        messages, seconds = _quotient(node.value)
        return messages / seconds
    return NUMBER.convert(nodes, binder)


def _size(nodes: list[UclNode], binder: Binder) -> float:
    node = nodes[0]
    if isinstance(node, UclScalar) and isinstance(node.value, str):
        match = _SIZE.fullmatch(node.value.strip())
        if match:
            return float(match[1]) * _MANY[match[2].lower()]
    return NUMBER.convert(nodes, binder)


@options_class
class Bucket(Section):
    """How many messages may come at once, and how fast their count goes down."""

    anchor: ClassVar[str] = "modules/ratelimit"

    burst: float = option(Kind("number", _size), 0.0, doc="messages at once; 0: no limit")
    rate: float = option(
        Kind("rate", _rate), 0.0, unit="messages a second", doc="how fast it empties; 0: no limit"
    )
    symbol: str = option(STRING, "", doc="symbol when it is full")
    message: str = option(STRING, "", doc='reply; default: Ratelimit "NAME" exceeded')
    skip_recipients: bool = option(
        BOOLEAN, False, doc="count a message once, whatever its recipients"
    )
    skip_soft_reject: bool = option(BOOLEAN, False, doc="only set the symbol")
    ham_factor_rate: float | None = option(nullable(NUMBER), None, doc="rate after ham, times this")
    spam_factor_rate: float | None = option(
        nullable(NUMBER), None, doc="rate after spam, times this"
    )
    ham_factor_burst: float | None = option(
        nullable(NUMBER), None, doc="burst after ham, times this"
    )
    spam_factor_burst: float | None = option(
        nullable(NUMBER), None, doc="burst after spam, times this"
    )


def _buckets(nodes: list[UclNode], binder: Binder) -> tuple[Bucket, ...]:
    """Sections, ``"100 / 1h"``, or ``[burst, rate]`` of older configurations."""
    first = nodes[0]
    if len(nodes) == 1 and isinstance(first, UclArray) and len(first.items) == 2:
        numbers = [node for node in first.items if isinstance(node, UclScalar)]
        if len(numbers) == 2 and not any(isinstance(node.value, str) for node in numbers):
            burst, rate = (NUMBER.convert([node], binder) for node in numbers)
            return (Bucket(burst=burst, rate=rate),)
    found: list[Bucket] = []
    for node in (i for n in nodes for i in (n.items if isinstance(n, UclArray) else [n])):
        if isinstance(node, UclObject):
            found.append(bind(Bucket, merged_object([node]), binder, "ratelimit.rates.bucket"))
        else:
            messages, seconds = _quotient(STRING.convert([node], binder))
            found.append(Bucket(burst=messages, rate=messages / seconds))
    return tuple(found)


@options_class
class Limit(Section):
    """What is counted, and in which buckets."""

    anchor: ClassVar[str] = "modules/ratelimit"

    bucket: tuple[Bucket, ...] = option(
        Kind("sections or rates", _buckets, multiple=True, inner=Bucket),
        (),
        doc="its buckets: every one applies",
        aliases=("buckets",),
    )
    selector: str = option(STRING, "", doc="what is counted; default: by the limit's name")
    enabled: bool = option(BOOLEAN, True, doc="use the limit")


def _limits(nodes: list[UclNode], binder: Binder) -> Mapping[str, Limit]:
    found: dict[str, Limit] = {}
    for name, values in merged_object(nodes).entries.items():
        objects = [value for value in values if isinstance(value, UclObject)]
        if len(objects) == len(values):
            section = merged_object(list(values))
            if "burst" in section or "rate" in section:
                found[name] = Limit(bucket=_buckets([section], binder))
            else:
                found[name] = bind(Limit, section, binder, f"ratelimit.rates {name!r}")
        else:
            found[name] = Limit(bucket=_buckets(list(values), binder))
    return MappingProxyType(found)


def _recipients(nodes: list[UclNode], binder: Binder) -> MapDefinition | tuple[str, ...]:
    """Words with commas between them, or a map."""
    node = nodes[0]
    if len(nodes) == 1 and isinstance(node, UclScalar) and "/" not in (text := str(node.value)):
        return tuple(word.strip() for word in text.split(",") if word.strip())
    return MAP_DEFINITION.convert(nodes, binder)


@options_class
class RatelimitOptions(ModuleRedis):
    """How much mail may come at once. Counted when a message is accepted; asked before."""

    anchor: ClassVar[str] = "modules/ratelimit"
    known: ClassVar[Mapping[str, Option]] = unserved("ratelimit")

    rates: Mapping[str, Limit] = option(
        Kind("named sections", _limits, multiple=True, inner=Limit, named=True),
        MappingProxyType({}),
        doc="limits by name; without selector the name says what is counted: words of bounce, "
        "from, ip, rip, to, user, asn, files with _ between them",
    )
    bounce_senders: tuple[str, ...] = option(
        list_of(STRING),
        ("postmaster", "mailer-daemon", "", "null", "fetchmail-daemon", "mdaemon"),
        doc="local parts that send bounces",
    )
    whitelisted_rcpts: MapDefinition | tuple[str, ...] = option(
        Kind("map or words", _recipients, multiple=True),
        ("postmaster", "mailer-daemon"),
        doc="recipients, or their local parts, whose mail is not limited",
    )
    whitelisted_ip: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="clients that are not limited"
    )
    whitelisted_user: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="logins that are not limited"
    )
    prefix: str = option(STRING, "RL", doc="put before the keys in Redis")
    expire: float = option(SECONDS, 172_800.0, unit="seconds", doc="how long a bucket is kept")
    symbol: str = option(STRING, "", doc="symbol of a full bucket, in place of an action")
    info_symbol: str = option(STRING, "", doc="symbol of a full bucket, beside the action")
    allow_local: bool = option(BOOLEAN, False, doc="also of messages scanned by hand")
    ham_factor_rate: float = option(NUMBER, 1.01, doc="rate after ham, times this")
    spam_factor_rate: float = option(NUMBER, 0.99, doc="rate after spam, times this")
    ham_factor_burst: float = option(NUMBER, 1.02, doc="burst after ham, times this")
    spam_factor_burst: float = option(NUMBER, 0.98, doc="burst after spam, times this")
    max_rate_mult: float = option(NUMBER, 5.0, doc="how much a rate may grow or shrink; 1: not")
    max_bucket_mult: float = option(NUMBER, 10.0, doc="how much a burst may grow or shrink; 1: not")

    def tell(self, binder: Binder) -> None:
        """Limits that count nothing."""
        for name, limit in self.rates.items():
            odd = sorted(set(name.split("_")) - KEYWORDS)
            if limit.enabled and not limit.selector and odd:
                tell(
                    binder,
                    limit.written_at("bucket") if limit.origins else self.origin("rates"),
                    "rule-not-served",
                    f"ratelimit {name!r}: {odd[0]!r} is nothing that is counted: no effect",
                    f"known: {', '.join(sorted(KEYWORDS))}; or write selector = ...",
                )
            if limit.enabled and limit.selector:
                _tell_selector(name, limit, binder)


def _tell_selector(name: str, limit: Limit, binder: Binder) -> None:
    from filter_engine.selectors import SelectorError, compile_selector  # few sites have one

    try:
        compile_selector(limit.selector)
    except SelectorError as error:
        text = f"ratelimit {name!r}: its selector {limit.selector!r}: {error}: no effect"
        hint = "docs/selectors.md lists what there is"
        tell(binder, limit.origin("selector"), "rule-not-served", text, hint)


def symbols_of_options(options: RatelimitOptions) -> Iterator[Symbol]:
    """The symbols that a site names."""
    buckets = (bucket for limit in options.rates.values() for bucket in limit.bucket)
    names = dict.fromkeys(
        (options.symbol, options.info_symbol, *(bucket.symbol for bucket in buckets))
    )
    for name in names:
        if name:
            yield Symbol(name, 0.0, "More mail comes than is allowed", ("ratelimit",))
