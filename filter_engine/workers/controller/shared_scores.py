"""Scores and thresholds that hosts share through Redis (module ``dynamic_conf``).

What is saved here goes to the primary, at once and only if nobody else saved meanwhile; the first
controller of every host looks every ``redis_watch_interval`` seconds for what others saved, keeps
it in a file and has the configuration loaded anew. Key and values are Rspamd's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from filter_engine.checks.dynamic_conf import DynamicConfOptions
from filter_engine.config.dynamic import DynamicError
from filter_engine.config.dynamic_conf import (
    LARGEST,
    MODULE,
    Kept,
    Shared,
    is_shared,
    keep,
    read_kept,
    read_shared,
)
from filter_engine.config.model import ActionsConfig
from filter_engine.config.redis import RedisConfig
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import (
    Embedded,
    Script,
    Store,
    StoreAnswer,
    StoreQuestion,
    StoreStatus,
    Value,
)
from filter_engine.workers.controller.desk import Desk
from filter_engine.workers.controller.scores import UNSET
from filter_engine.workers.controller.scores import Value as Score

log = logging.getLogger(__name__)

_TRIES: Final = 5
"""Times that others may have saved between our question and our change."""
_MIN_INTERVAL: Final = 0.1
_HIGHEST: Final = 2**53
"""Of versions: a number of Lua."""

#: KEYS: the hash. ARGV: version and value that are known, the new value (empty: only ask), a
#: version that the new one has to be above. Answer: 1, the new version; or 0, version, value.
_SAVE: Final = """
local known = redis.call('HMGET', KEYS[1], 'v', 'd')
local version, value = known[1] or '', known[2] or ''
if ARGV[3] == '' or version ~= ARGV[1] or value ~= ARGV[2] then return {0, version, value} end
local new = string.format('%.0f', math.max(tonumber(version) or 0, tonumber(ARGV[4])) + 1)
redis.call('HSET', KEYS[1], 'd', ARGV[3], 'v', new)
return {1, new}
"""


def _nobody(_base: Embedded, _keys: Sequence[bytes], _args: Sequence[bytes]) -> Value:
    return [0, b"", b""]  # a store of one host shares nothing


_SCRIPT: Final = Script("dynamic_conf save", _SAVE, _nobody, writes=True)


class SharedScores:
    """What this process does for it; ``first``: it watches as well."""

    def __init__(self, desk: Desk, changed: Callable[[], None], *, first: bool) -> None:
        config = desk.context.config
        section = config.modules.get(MODULE)
        options = section if isinstance(section, DynamicConfOptions) else DynamicConfOptions()
        store = None
        if is_shared(config.tree) and desk.stores is not None:
            store = Setup(config).module_store(MODULE, options, prefixed=False)
        self._store = store if store and isinstance(store.where, RedisConfig) else None
        self._stores = desk.stores
        self._key = options.redis_key.encode("utf-8", "surrogateescape")
        self._interval = max(options.redis_watch_interval, _MIN_INTERVAL)
        self._dbdir = config.variables.get("DBDIR", ".")
        self._changed = changed
        self._first = first
        self._task: asyncio.Task[None] | None = None

    @property
    def on(self) -> bool:
        """Whether hosts share."""
        return self._store is not None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch from now on."""
        if self._store is not None and self._first:
            self._task = loop.create_task(self._watch(self._store))

    def stop(self) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()

    async def put(self, what: str, values: Mapping[str, Score]) -> dict[str, Score]:
        """Share scores (``symbols``) or thresholds (``actions``); what was shared before.

        ``UNSET`` takes one back. Raises ``DynamicError`` when nothing, or perhaps nothing, was
        saved.
        """
        store = self._store
        if store is None:
            raise DynamicError(f"it was shared through Redis ({MODULE}), which is switched off")
        kept = await asyncio.to_thread(read_kept, self._dbdir) or Kept(0, Shared())
        version, value, new = b"", b"", b""
        shared, before = kept.shared, dict[str, Score]()
        for _ in range(_TRIES):
            args = [version, value, new, b"%d" % kept.version]
            answer = await self._answer(store.run(_SCRIPT, [self._key], args))
            done, *said = _answered(answer)
            if done:
                _warn_of_negative(kept.shared, shared)
                try:
                    await asyncio.to_thread(keep, self._dbdir, Kept(_version(said[0]), shared))
                except DynamicError as error:  # all others have it: this host takes it up later
                    log.error("%s: saved in Redis, not yet used on this host: %s", MODULE, error)
                return before
            version, value = said
            # a key that is lost is written as this host last knew it
            base = _read(value, self._place(answer)) if value else kept.shared
            shared, before = _with(base, what, values)
            new = shared.for_redis()
            if len(new) > LARGEST:
                raise DynamicError(f"more than {LARGEST} octets would be shared")
        raise DynamicError("others saved at the same time, again and again: try once more")

    async def _watch(self, store: Store) -> None:
        fault = ""
        while True:
            now = ""
            try:
                await self._look(store)
            except DynamicError as error:
                now = str(error)
                if now != fault:
                    log.error("%s: %s; the last good one stays in use", MODULE, error)
            except Exception as error:  # whatever it is, the next look may find it mended
                now = repr(error)
                if now != fault:
                    log.exception("%s: the last good one stays in use", MODULE)
            fault = now
            await asyncio.sleep(self._interval)

    async def _look(self, store: Store) -> None:
        """Take what others saved. Raises ``DynamicError``."""
        answer = await self._answer(store.fields(self._key, b"v", b"d"))
        said = answer.value
        if not isinstance(said, list) or len(said) != 2:
            raise DynamicError(f"{answer.server}: no answer to HMGET")
        if not said[1]:
            return  # nothing is shared, or it was lost: this host goes on with what it has
        kept = await asyncio.to_thread(read_kept, self._dbdir)
        if kept is not None and _version(said[0] or b"") < kept.version:
            # A replica that lags, or a primary that lost its last writes: the primary knows.
            args = [b"", b"", b"", b"0"]
            answer = await self._answer(store.run(_SCRIPT, [self._key], args))
            _, *said = _answered(answer)
            if not said[1]:
                return
        version, shared = _version(said[0] or b""), _read(said[1], self._place(answer))
        if kept == Kept(version, shared):
            return
        try:
            await asyncio.to_thread(keep, self._dbdir, Kept(version, shared))
        except asyncio.CancelledError:
            # A reload ends this process, and may have read the file before: who comes next finds it
            # as Redis has it, and would not ask for another.
            self._changed()
            raise
        if kept is None or kept.shared != shared:
            log.warning("%s: version %d of %s is used from now on", MODULE, version, answer.server)
            _warn_of_negative(Shared() if kept is None else kept.shared, shared)
            self._changed()

    async def _answer(self, question: StoreQuestion) -> StoreAnswer:
        assert self._stores is not None
        answer = await self._stores.answer(question)
        if answer.ok:
            return answer
        maybe = (
            " (it may have been saved all the same)"
            if question.writes and answer.status in (StoreStatus.TIMEOUT, StoreStatus.LOST)
            else ""
        )
        raise DynamicError(f"{answer.evidence}{maybe}")

    def _place(self, answer: StoreAnswer) -> str:
        key = self._key.decode("utf-8", "replace")
        return f"{key} in Redis {answer.server}"


def _answered(answer: StoreAnswer) -> tuple[bool, *tuple[bytes, ...]]:
    match answer.value:
        case [1, bytes(version)]:
            return (True, version)
        case [0, bytes(version), bytes(value)]:
            return (False, version, value)
    raise DynamicError(f"{answer.server}: no answer of the script")


def _version(said: bytes) -> int:
    """Of octets that a server said; what is no number counts as none."""
    try:
        return min(max(int(said), 0), _HIGHEST)
    except ValueError:
        return 0


def _read(value: bytes, where: str) -> Shared:
    """Raises ``DynamicError``. Names that are not UTF-8 would come back from the file as others."""
    try:
        return read_shared(value[: LARGEST + 1].decode(), where)
    except UnicodeDecodeError as error:
        if len(value) > LARGEST:
            raise DynamicError(f"{where}: larger than {LARGEST} octets") from error
        raise DynamicError(f"{where}: octet {error.start + 1} is not UTF-8") from error


def _warn_of_negative(before: Shared, now: Shared) -> None:
    """Rspamd takes such a threshold, too: mail of score 0 then gets the action."""
    for option, value in now.actions.items():
        if value is not None and value < 0 and before.actions.get(option) != value:
            log.warning(
                "%s: the threshold of %s is %g: mail without any symbol gets it",
                MODULE,
                ActionsConfig.wire_names[option],
                value,
            )


def _with(base: Shared, what: str, values: Mapping[str, Score]) -> tuple[Shared, dict[str, Score]]:
    """``base`` with other values, and what it had."""
    there: dict[str, float | None] = dict(base.scores if what == "symbols" else base.actions)
    before: dict[str, Score] = {name: there.get(name, UNSET) for name in values}
    for name, value in values.items():
        if isinstance(value, str):
            there.pop(name, None)
        else:
            there[name] = value
    if what == "actions":
        return base._replace(actions=there), before
    scores = {name: value for name, value in there.items() if value is not None}
    return base._replace(scores=scores), before
