"""Addresses that nobody uses: mail to them is spam (module spamtrap)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from filter_engine.checks.remembered.greylist_options import ACTION
from filter_engine.checks.remembered.keys import octets
from filter_engine.checks.trapped import Trapped
from filter_engine.config.kinds import BOOLEAN, INTEGER, NUMBER, STRING, at_least, nullable
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, MapKind
from filter_engine.config.options_class import options_class
from filter_engine.config.redis import ModuleRedis
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, option
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps import Map
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import Store
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome, PreResult

_MODULE: Final = "spamtrap"
_GROUPS: Final = ("spamtrap",)
_MAX_RECIPIENTS: Final = 100
_TEXTS: Final = {Action.NO_ACTION: "message accepted", Action.REJECT: "message rejected"}


@options_class
class SpamtrapOptions(ModuleRedis):
    """Mail to addresses nobody uses. Off unless a site enables it."""

    anchor: ClassVar[str] = "modules/spamtrap"
    known: ClassVar[Mapping[str, Option]] = unserved("spamtrap")
    needs_redis: ClassVar[bool] = False

    map: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="the addresses (patterns); without it they are keys in Redis"
    )
    symbol: str = option(STRING, "SPAMTRAP", doc="symbol for mail to such an address")
    score: float = option(NUMBER, 0.0, doc="score of a symbol of another name")
    action: str | None = option(nullable(ACTION), None, doc="action of that mail")
    smtp_message: str = option(STRING, "", doc="reply of that action; $rcpt is the address")
    key_prefix: str = option(STRING, "sptr_", doc="put before the keys in Redis")
    learn_spam: bool = option(BOOLEAN, False, doc="learn that mail as spam")
    learn_fuzzy: bool = option(
        BOOLEAN, False, doc="teach its hashes to the storages of fuzzy_check with such a list"
    )
    fuzzy_flag: int = option(at_least(INTEGER, 0), 1, doc="number of that list")
    fuzzy_weight: float = option(NUMBER, 10.0, doc="weight that such a mail gives its hashes")
    allow_multiple_rcpts: bool = option(BOOLEAN, False, doc="also mail with other recipients")
    check_local: bool = option(BOOLEAN, False, doc="also for clients in local_networks")
    check_authed: bool = option(BOOLEAN, False, doc="also for clients that logged in")


@frozen
class _Traps:
    addresses: Map | None
    store: Store | None


def _prepare(options: SpamtrapOptions, setup: Setup) -> _Traps | None:
    if options.map is not None:
        return _Traps(setup.maps.of(options.map, MapKind.REGEXP, "spamtrap.map"), None)
    store = setup.module_store(_MODULE, options)
    return None if store is None else _Traps(None, store)


def _symbols(options: SpamtrapOptions) -> Iterator[Symbol]:
    if options.symbol != "SPAMTRAP":
        yield Symbol(options.symbol, options.score, "Mail to an address nobody uses", _GROUPS)


@check(
    "spamtrap",
    module=_MODULE,
    options=SpamtrapOptions,
    stage=Stage.POSTFILTER,
    callback="SPAMTRAP_CHECK",
    prepare=_prepare,
    symbols=(Symbol("SPAMTRAP", 0.0, "Mail to an address nobody uses", _GROUPS),),
    symbols_of=_symbols,
)
async def spamtrap(task: Task, ask: Ask) -> Outcome | None:
    """Whether the only recipient is such an address, or in such a domain."""
    state: _Traps | None = task.state("spamtrap")
    options = task.options(SpamtrapOptions)
    if state is None or (task.authenticated and not options.check_authed):
        return None
    if task.ip is not None and task.local and not options.check_local:
        return None
    targets = [rcpt.lower() for rcpt in task.envelope.rcpt_to[:_MAX_RECIPIENTS]]
    if not targets or (len(targets) > 1 and not options.allow_multiple_rcpts):
        return None
    hit, where = "", "map"
    if state.addresses is not None:
        hit = next((target for target in targets if target in state.addresses), "")
    elif state.store is not None:
        domain = targets[0].rpartition("@")[2]
        prefix = octets(options.key_prefix)
        keys = [prefix + octets(name) for name in (*targets, f"@{domain}")]
        answer = await ask.store(state.store.get_all(*keys))
        if answer.ok:
            known = zip((*targets, domain), answer.value, strict=True)
            hit, where = (
                next((name for name, value in known if value is not None), ""),
                answer.server,
            )
    if not hit:
        return None
    found = (Finding(options.symbol, (hit,), evidence=f"{where}: {hit} is a trap"),)
    learns = Trapped(as_spam=options.learn_spam, as_hashes=options.learn_fuzzy)
    if options.action is None:
        return Outcome(found, value=learns)
    text = options.smtp_message.replace("${rcpt}", hit).replace("$rcpt", hit)
    action = Action.parse(options.action)
    text = text or _TEXTS.get(action, "unknown error")
    return Outcome(found, value=learns, pre_result=PreResult(action, text, _MODULE))
