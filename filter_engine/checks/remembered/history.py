"""The last scans of this host, kept for the web interface (module history_redis)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

import orjson

from filter_engine.checks.remembered.keys import octets
from filter_engine.checks.services.options import SECONDS
from filter_engine.config.kinds import BOOLEAN, INTEGER, STRING, at_least, one_of
from filter_engine.config.options_class import options_class
from filter_engine.config.redis import ModuleRedis
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, option
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.metric import required_score
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import Embedded, Script, Store, StoreQuestion, Value
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Outcome
from filter_engine.scan.verdict_rows import verdict_rows

if TYPE_CHECKING:
    from zstandard import ZstdCompressor

_MODULE: Final = "history_redis"
_UNKNOWN: Final = "unknown"
_MAX_TEXT: Final = 1024
"""Characters of a subject or address in a row."""
_MAX_AS_IT_IS: Final = 16384
"""Octets of a row in which the options of symbols are not bounded one by one."""
_MAX_RECIPIENTS: Final = 100
_MAX_ROW: Final = 1 << 20
"""Octets of a row that is read."""
_MAX_WINDOW: Final = 8 << 20
_LONGEST: Final = 3600.0
"""Seconds that a scan can have taken; the clock of a replay is not that of the wall."""


@options_class
class HistoryOptions(ModuleRedis):
    """Rows of the last scans."""

    anchor: ClassVar[str] = "modules/history_redis"
    known: ClassVar[Mapping[str, Option]] = unserved("history_redis")

    key_prefix: str = option(
        STRING,
        "rs_history",
        doc="key; the host's name follows, unless {{HOSTNAME}} stands in it",
    )
    nrows: int = option(at_least(INTEGER, 1), 200, unit="rows", doc="kept")
    expire: float = option(
        SECONDS, 0.0, unit="seconds", doc="how long rows are kept after the last one; 0: for ever"
    )
    compress: bool = option(BOOLEAN, True, doc="compress rows")
    subject_privacy: bool = option(BOOLEAN, False, doc="store a hash in place of the subject")
    subject_privacy_alg: str = option(
        one_of("blake2", "md5", "sha1", "sha256", "sha384", "sha512"),
        "blake2",
        doc="hash function for subjects",
    )
    subject_privacy_prefix: str = option(STRING, "obf", doc="put before a subject's hash")
    subject_privacy_length: int = option(
        at_least(INTEGER, 0), 16, unit="characters", doc="kept of a subject's hash; 0: all"
    )


#: KEYS: the list. ARGV: the row, rows that stay, seconds that the list is kept (0: for ever).
_PUSH: Final = """
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[2]) - 1)
if tonumber(ARGV[3]) > 0 then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
return 1
"""


def _push(base: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> Value:
    base.push(keys[0], args[0])
    base.trim(keys[0], int(args[1]))
    if int(args[2]) > 0:
        base.expire(keys[0], float(args[2]))
    return 1


_PUSH_SCRIPT: Final = Script("history push", _PUSH, _push, writes=True)


@frozen
class History:
    """The list of one host: what the check writes and the controller reads."""

    store: Store
    key: bytes
    compressed: bool
    required: float

    @classmethod
    def of(cls, setup: Setup, options: HistoryOptions, server: str) -> History | None:
        """The history of ``server``; None where it has no store."""
        store = setup.module_store(_MODULE, options)
        if store is None:
            return None
        end, prefix = "_zst" if options.compress else "", options.key_prefix
        if "{{HOSTNAME}}" in prefix or "{{COMPRESS}}" in prefix:
            key = prefix.replace("{{HOSTNAME}}", server).replace("{{COMPRESS}}", end)
        else:
            key = f"{prefix}{server}{end}"
        limits = {Action.parse(name): at for name, at in setup.config.actions.thresholds()}
        return cls(store, octets(key), options.compress, required_score(limits))

    def push(self, row: Mapping[str, object], nrows: int, seconds: float) -> StoreQuestion:
        """Put a row before the others, of which ``nrows`` in all stay."""
        data = row_json(row)
        if self.compressed:
            data = _compressor().compress(data)
        return self.store.run(_PUSH_SCRIPT, [self.key], [data, b"%d" % nrows, b"%d" % seconds])

    def newest(self, first: int = 0, last: int = -1) -> StoreQuestion:
        """Ask for rows, the newest first, ``last`` included."""
        return self.store.items(self.key, first, last)

    def rows(self, items: Iterable[bytes]) -> list[dict[str, Any]]:
        """The rows in an answer to ``newest``; those that cannot be read are left out."""
        import zstandard

        reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
        found = []
        for item in items:
            try:
                row = orjson.loads(
                    reader.decompress(item, max_output_size=_MAX_ROW) if self.compressed else item
                )
            except (zstandard.ZstdError, ValueError):
                continue
            if isinstance(row, dict):
                found.append(row)
        return found

    def reset(self) -> StoreQuestion:
        """Remove all rows."""
        return self.store.delete(self.key)


@cache
def _compressor() -> ZstdCompressor:
    """That of this process: to make one costs more than to compress a row."""
    import zstandard  # loaded where it is wanted

    return zstandard.ZstdCompressor(level=-1)  # a fifth larger than level 1, in two thirds of it


class _Kept:
    """The histories of this process, by the name that its scanner gives the host."""

    def __init__(self, setup: Setup, options: HistoryOptions) -> None:
        self._setup = setup
        self._options = options
        self._by_server: dict[str, History | None] = {}

    def of(self, server: str) -> History | None:
        if server not in self._by_server:
            self._by_server[server] = History.of(self._setup, self._options, server)
        return self._by_server[server]


def _kept(options: HistoryOptions, setup: Setup) -> _Kept | None:
    return None if setup.module_store(_MODULE, options) is None else _Kept(setup, options)


@check(
    "history_redis",
    module=_MODULE,
    options=HistoryOptions,
    stage=Stage.IDEMPOTENT,
    prepare=_kept,
    symbols=(Symbol("HISTORY_SAVE", 0.0, "Scans are kept for the web interface", ("history",)),),
    on_empty=True,
)
def history_redis(task: Task) -> Outcome | None:
    """Keep what became of a message."""
    kept: _Kept | None = task.state("history_redis")
    if kept is None or "no_log" in task.envelope.flags:
        return None
    history = kept.of(task.server)
    if history is None:
        return None
    options = task.options(HistoryOptions)
    pushed = history.push(_row(task, history, options), options.nrows, options.expire)
    return Outcome(notices=(pushed,))


def _row(task: Task, history: History, options: HistoryOptions) -> dict[str, object]:
    """What Rspamd's rows hold, under its names."""
    message, envelope, decision = task.message, task.envelope, task.decision
    senders = message.from_addresses
    taken = time.time() - task.now
    required = history.required
    return {
        "is_skipped": False,
        "score": decision.score,
        "required_score": required if required == required else None,
        "action": decision.action.value,
        "symbols": verdict_rows(decision.symbols),
        "message-id": _text(message.message_id or "undef"),
        "time_real": round(taken, 6) if 0.0 <= taken < _LONGEST else 0.0,
        "unix_time": int(task.now),
        "size": len(message.raw),
        "ip": str(task.ip) if task.ip is not None else _UNKNOWN,
        "user": _text(envelope.user or _UNKNOWN),
        "subject": _subject(message.subject, options),
        "sender_smtp": _text(_UNKNOWN if envelope.mail_from is None else envelope.mail_from),
        "sender_mime": _text(senders[0].email if senders else _UNKNOWN),
        "rcpt_smtp": [_text(rcpt) for rcpt in envelope.rcpt_to[:_MAX_RECIPIENTS]],
        "rcpt_mime": [_text(a.email) for a in message.recipients[:_MAX_RECIPIENTS]],
    }


def row_json(row: Mapping[str, object]) -> bytes:
    """The row. What symbols were found in is looked at only where it is long, or no UTF-8."""
    try:
        data = orjson.dumps(row)
    except TypeError:  # half characters
        return orjson.dumps(_bounded(row))
    return data if len(data) <= _MAX_AS_IT_IS else orjson.dumps(_bounded(row))


def _bounded(value: Any) -> Any:
    """Plain data with every text in it bounded and valid UTF-8."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(key): _bounded(inner) for key, inner in value.items()}
    return list(map(_bounded, value)) if isinstance(value, list | tuple) else value


def _text(text: str) -> str:
    """A bounded text that is valid UTF-8."""
    if text.isascii():
        return text[:_MAX_TEXT]
    return octets(text[:_MAX_TEXT]).decode("utf-8", "replace")


def _subject(subject: str | None, options: HistoryOptions) -> str:
    if not subject or not options.subject_privacy:
        return _text(subject or _UNKNOWN)
    name = "blake2b" if options.subject_privacy_alg == "blake2" else options.subject_privacy_alg
    hashed = hashlib.new(name, octets(subject), usedforsecurity=False).hexdigest()
    kept = hashed[: options.subject_privacy_length or None]
    prefix = options.subject_privacy_prefix
    return f"{prefix}:{kept}" if prefix else kept
