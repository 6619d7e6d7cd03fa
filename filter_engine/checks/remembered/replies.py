"""Answers to mail that this site sent (module replies).

Message-IDs of outgoing mail are kept for a while with a digest of whom an answer goes to; mail that
names one in In-Reply-To and is for that address is an answer. Its recipients' correspondents are
kept as well, for known_senders (as Rspamd does since 3.9).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from filter_engine.checks.remembered.greylist_options import ACTION
from filter_engine.checks.remembered.keys import digest, octets, reply_sender
from filter_engine.checks.remembered.verified import Verified, VerifiedOptions
from filter_engine.checks.services.options import SECONDS
from filter_engine.config.kinds import BOOLEAN, INTEGER, NUMBER, STRING, at_least, nullable
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, option
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import Store, StoreQuestion
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome, PreResult

_MODULE: Final = "replies"
_GROUPS: Final = ("replies",)
_WHO: Final = 8
"""Characters of the digest of an address."""


@options_class
class RepliesOptions(VerifiedOptions):
    """Answers to mail that this site sent are welcome."""

    anchor: ClassVar[str] = "modules/replies"
    known: ClassVar[Mapping[str, Option]] = unserved("replies")

    expire: float = option(SECONDS, 86_400.0, unit="seconds", doc="how long a Message-ID is kept")
    key_prefix: str = option(STRING, "rr", doc="put before the keys in Redis")
    key_size: int = option(at_least(INTEGER, 1), 20, unit="characters", doc="of a key")
    min_message_id: int = option(
        at_least(INTEGER, 0), 2, unit="characters", doc="a Message-ID that counts is longer"
    )
    use_auth: bool = option(BOOLEAN, True, doc="keep Message-IDs of clients that logged in")
    use_local: bool = option(BOOLEAN, True, doc="keep Message-IDs of clients in local_networks")
    symbol: str = option(STRING, "REPLY", doc="symbol for an answer")
    score: float = option(NUMBER, -4.0, doc="score of an answer under a symbol of its own")
    action: str | None = option(nullable(ACTION), None, doc="action of an answer")
    message: str = option(
        STRING, "Message is reply to one we originated", doc="text of a forced action"
    )
    max_local_size: int = option(at_least(INTEGER, 1), 20, doc="correspondents kept of a sender")
    max_global_size: int = option(at_least(INTEGER, 1), 30, doc="correspondents kept of the site")


@frozen
class _Replies:
    store: Store
    verified: Verified


def _prepare(options: RepliesOptions, setup: Setup) -> _Replies | None:
    store = setup.module_store(_MODULE, options)
    return None if store is None else _Replies(store, Verified.of(options))


def _symbols(options: RepliesOptions) -> Iterator[Symbol]:
    if options.symbol != "REPLY":
        yield Symbol(options.symbol, options.score, "An answer to mail of this site", _GROUPS)


def _is_own(task: Task, options: RepliesOptions) -> bool:
    """Mail that goes out."""
    if options.use_auth and task.authenticated:
        return True
    return options.use_local and task.ip is not None and task.local


def _key(task: Task, field: str, options: RepliesOptions) -> bytes | None:
    found = task.message.get(field)
    value = b"" if found is None else found.raw.strip()
    if not value or len(value) <= options.min_message_id:
        return None
    return octets(options.key_prefix) + digest(value, options.key_size)


@check(
    "replies",
    module=_MODULE,
    options=RepliesOptions,
    stage=Stage.PREFILTER,
    priority=5,
    callback="REPLIES_CHECK",
    prepare=_prepare,
    symbols=(Symbol("REPLY", -4.0, "An answer to mail of this site", _GROUPS),),
    symbols_of=_symbols,
)
async def replies(task: Task, ask: Ask) -> Outcome | None:
    """Whether the message answers one that this site sent, and goes to who sent that."""
    state: _Replies | None = task.state("replies")
    if state is None:
        return None
    options = task.options(RepliesOptions)
    key = _key(task, "in-reply-to", options)
    if key is None:
        return None
    answer = await ask.store(state.store.get(key))
    if not answer.ok or answer.value is None:
        return None
    recipients = [address.email for address in task.message.recipients if address.email]
    # As later Rspamd does; 3.4 goes by the header, which the sender writes as it likes.
    if not any(_who(email) == answer.value for email in task.envelope.rcpt_to or recipients):
        return None
    evidence = f"{answer.server}: In-Reply-To is a Message-ID of mail that went out"
    found = (Finding(options.symbol, evidence=evidence),)
    forced = None
    if options.action is not None and not _is_own(task, options):
        forced = PreResult(Action.parse(options.action), options.message, _MODULE)
    sender = reply_sender(task)
    kept: tuple[StoreQuestion, ...] = ()
    if sender is not None:
        kept = state.verified.keep(
            state.store,
            sender,
            recipients,
            task.now,
            options.expire,
            (options.max_local_size, options.max_global_size),
        )
    return Outcome(found, pre_result=forced, notices=kept)


def _who(email: str) -> bytes:
    return digest(octets(email.lower()), _WHO)


@check(
    "replies_set",
    module=_MODULE,
    options=RepliesOptions,
    stage=Stage.IDEMPOTENT,
    symbols=(Symbol("REPLIES_SET", 0.0, "Message-IDs of outgoing mail are kept", _GROUPS),),
    needs=("replies",),
)
def replies_set(task: Task) -> Outcome | None:
    """Keep the Message-ID of outgoing mail."""
    state: _Replies | None = task.state("replies")
    options = task.options(RepliesOptions)
    if state is None or not _is_own(task, options):
        return None
    key = _key(task, "message-id", options)
    sender = reply_sender(task)
    if key is None or sender is None:
        return None
    return Outcome(notices=(state.store.set(key, _who(sender), ttl=options.expire),))
