"""Senders that wrote before, and those that answered mail of this site (module known_senders)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from filter_engine.checks.remembered.keys import octets, reply_sender
from filter_engine.checks.remembered.verified import Verified, VerifiedOptions, keep_newest
from filter_engine.checks.services.options import SECONDS
from filter_engine.config.kinds import INTEGER, STRING, at_least
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, MapKind
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, option
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps import Map
from filter_engine.message.tags import smtp_address
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import Embedded, Script, Store, Value
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding, Outcome

_MODULE: Final = "known_senders"
_GROUPS: Final = ("known_senders",)
_DEFAULTS: Final = (
    ("symbol", "KNOWN_SENDER", -1.0, "The sender wrote before"),
    ("symbol_unknown", "UNKNOWN_SENDER", 0.5, "The sender is new"),
    (
        "symbol_check_mail_global",
        "INC_MAIL_KNOWN_GLOBALLY",
        -1.0,
        "The sender answered mail of this site",
    ),
    (
        "symbol_check_mail_local",
        "INC_MAIL_KNOWN_LOCALLY",
        -1.0,
        "The sender and a recipient have written to each other",
    ),
)


@options_class
class KnownSendersOptions(VerifiedOptions):
    """Senders of certain domains, free-mail ones above all, that wrote before."""

    anchor: ClassVar[str] = "modules/known_senders"
    known: ClassVar[Mapping[str, Option]] = unserved("known_senders")

    domains: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="domains whose senders are kept; without it nothing is"
    )
    max_senders: int = option(at_least(INTEGER, 1), 100_000, doc="senders kept")
    max_ttl: float = option(
        SECONDS, 2_592_000.0, unit="seconds", doc="how long a sender is known after the last mail"
    )
    redis_key: str = option(STRING, "rs_known_senders", doc="key of the senders")
    symbol: str = option(STRING, "KNOWN_SENDER", doc="symbol for a sender that wrote before")
    symbol_unknown: str = option(STRING, "UNKNOWN_SENDER", doc="symbol for a new sender")
    symbol_check_mail_global: str = option(
        STRING, "INC_MAIL_KNOWN_GLOBALLY", doc="symbol for who answered mail of this site"
    )
    symbol_check_mail_local: str = option(
        STRING, "INC_MAIL_KNOWN_LOCALLY", doc="symbol for who knows a recipient"
    )
    max_recipients: int = option(at_least(INTEGER, 1), 15, doc="recipients that are looked at")


#: KEYS: the senders. ARGV: now, the oldest that stay, how many stay, keys of senders. Answer: when
#: each was last seen, or nothing. In one step, as the next mail may come at once.
_SEEN: Final = """
local answer = {}
for i = 4, #ARGV do
  answer[i - 3] = redis.call('ZSCORE', KEYS[1], ARGV[i]) or ''
  redis.call('ZADD', KEYS[1], ARGV[1], ARGV[i])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[3]) - 1)
return answer
"""


def _seen(base: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    before = [value or b"" for value in base.fields(keys[0], *args[3:])]
    keep_newest(base, keys[0], args[0], args[3:], int(args[2]))
    return list(before)


_SEEN_SCRIPT: Final = Script("known senders", _SEEN, _seen, writes=True)


@frozen
class _Senders:
    store: Store
    domains: Map
    verified: Verified


def _prepare(options: KnownSendersOptions, setup: Setup) -> _Senders | None:
    store = setup.module_store(_MODULE, options)
    if store is None:
        return None
    domains = setup.maps.of(options.domains, MapKind.SET, "known_senders.domains")
    return _Senders(store, domains, Verified.of(options))


def _symbol(attribute: str, name: str) -> Symbol:
    """The symbol of an option; that for new senders is enabled with the one for known ones."""
    score, text = next((score, text) for key, _, score, text in _DEFAULTS if key == attribute)
    rule = "KNOWN_SENDER" if attribute == "symbol_unknown" else ""
    return Symbol(name, score, text, _GROUPS, one_shot=True, rule=rule)


def _symbols(options: KnownSendersOptions) -> Iterator[Symbol]:
    """Those under names of a site's own."""
    for attribute, name, *_ in _DEFAULTS:
        said = getattr(options, attribute)
        if said and said != name:
            yield _symbol(attribute, said)


@check(
    "known_senders",
    module=_MODULE,
    options=KnownSendersOptions,
    prepare=_prepare,
    symbols=tuple(_symbol(attribute, name) for attribute, name, *_ in _DEFAULTS),
    symbols_of=_symbols,
    has_work=lambda options: options.domains is not None,
)
async def known_senders(task: Task, ask: Ask) -> Outcome | None:
    """Whether the sender wrote before, or has answered mail of this site."""
    state: _Senders | None = task.state("known_senders")
    if state is None:
        return None
    options = task.options(KnownSendersOptions)
    senders = _senders(task, state)
    key = octets(options.redis_key)
    partner = reply_sender(task)
    questions = []
    oldest = task.now - options.max_ttl
    if senders:
        args = [b"%.6f" % task.now, b"%.6f" % oldest, b"%d" % options.max_senders, *senders]
        questions.append(ask.store(state.store.run(_SEEN_SCRIPT, [key], args)))
    if partner is not None:
        rcpts = [a.email for a in task.message.recipients[: options.max_recipients] if a.email]
        questions.append(ask.store(state.verified.known(state.store, partner, rcpts)))
    answers = list(await ask.all(*questions))
    found: list[Finding] = []
    if senders and (answer := answers.pop(0)).ok:
        for (name, kind), seen in zip(senders.items(), answer.value, strict=True):
            known = bool(seen) and float(seen) > oldest
            symbol = options.symbol if known else options.symbol_unknown
            if symbol:
                said = f"{kind}:{name.decode()}"
                found.append(Finding(symbol, (said,), evidence=f"{answer.server}: {said}"))
    if partner is not None and (answer := answers.pop(0)).ok:
        everywhere, here = answer.value
        if everywhere:
            found.append(Finding(options.symbol_check_mail_global, (partner,)))
        if here:
            who = state.verified.key_of(partner).decode()
            found.append(Finding(options.symbol_check_mail_local, (who,)))
    return Outcome(tuple(found))


def _senders(task: Task, state: _Senders) -> dict[bytes, str]:
    """Keys of the senders whose domains are watched, and where each stands."""
    found: dict[bytes, str] = {}
    header = task.message.from_addresses
    envelope = task.envelope.mail_from
    for kind, address in (
        ("mime", header[0] if header else None),
        ("smtp", smtp_address(envelope) if envelope else None),
    ):
        if address is not None and address.domain and address.domain in state.domains:
            digest = hashlib.md5(octets(address.email), usedforsecurity=False).hexdigest()
            found.setdefault(digest.encode(), kind)
    return found
