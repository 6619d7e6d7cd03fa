"""The question to a store: what is remembered under this key, or remember this.

A store is Redis or an embedded database; a check does not know which. It is given a ``Store`` when
it gets ready, words its questions with that (``store.get(b"key")``), and awaits them through
``ask`` as all others. A question is plain data, so that it can be recorded and replayed; ``key`` is
its name in a recording.

Questions of all checks that leave together travel in one pipeline. What has to happen in one step,
or would need several, is a ``Script``: Lua for Redis beside the same steps in Python for the
embedded store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, runtime_checkable

from filter_engine.config.redis import RedisConfig
from filter_engine.scan.question import Question

Value: TypeAlias = "bytes | int | list[Any] | None"
"""What a store answers: octets, a number, nothing, or a list of these (RESP2)."""


class StoreStatus(Enum):
    """How a question to a store ended."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    """No server takes connections, or all are left alone for a while after errors."""
    TIMEOUT = "timeout"
    """No answer in time. A write may have happened all the same."""
    LOST = "lost"
    """The connection broke before the answer came. A write may have happened all the same."""
    READONLY = "readonly"
    """The server is a replica: nothing was written."""
    ERROR = "error"
    """The server refused; ``detail`` says why."""
    UNKNOWN = "unknown"
    """There is no store here, or the recording has no such answer."""


class Embedded(Protocol):
    """The commands of the embedded store, for scripts. Keys, fields and values are octets."""

    now: float
    """Seconds since the epoch."""

    def get(self, key: bytes) -> bytes | None: ...
    def set(self, key: bytes, value: bytes, ttl: float | None = None) -> None: ...
    def delete(self, *keys: bytes) -> int: ...
    def fields(self, key: bytes, *names: bytes) -> list[bytes | None]: ...
    def everything(self, key: bytes) -> dict[bytes, bytes]: ...
    def many(self, keys: Sequence[bytes]) -> dict[bytes, dict[bytes, bytes]]: ...
    def put(self, key: bytes, fields: Mapping[bytes, bytes]) -> int: ...
    def increase(self, key: bytes, field: bytes, by: int) -> int: ...
    def drop(self, key: bytes, *names: bytes) -> int: ...
    def leave_highest(self, key: bytes, count: int) -> None: ...
    def expire(self, key: bytes, ttl: float) -> bool: ...
    def push(self, key: bytes, *values: bytes) -> int: ...
    def trim(self, key: bytes, count: int) -> None: ...
    def items(self, key: bytes, first: int, last: int) -> list[bytes]: ...


class Script:
    """Steps that a store takes as one.

    ``lua`` is run by Redis with ``KEYS`` and ``ARGV``; ``embedded`` does the same in Python and
    gives the same answer. A script that ``writes`` goes to the primary.
    """

    __slots__ = ("embedded", "lua", "name", "sha", "writes")

    def __init__(
        self,
        name: str,
        lua: str,
        embedded: Callable[[Embedded, Sequence[bytes], Sequence[bytes]], Value],
        *,
        writes: bool,
    ) -> None:
        self.name = name
        self.lua: Final = lua.encode()
        self.sha: Final = hashlib.sha1(self.lua, usedforsecurity=False).hexdigest().encode()
        self.embedded = embedded
        self.writes = writes

    def __repr__(self) -> str:
        return f"Script({self.name})"


class Place(NamedTuple):
    """Where the embedded store is."""

    path: str
    """Of the file; ``:memory:`` lasts as long as the process."""
    timeout: float = 1.0
    """Seconds for one question."""


class Store:
    """A store as one module uses it. Made once a configuration; compared by identity.

    ``where`` is how Redis is reached, or the ``Place`` of the embedded store. Keys get ``prefix``.
    ``secret`` may be set where it holds private keys: recordings leave its answers out.
    """

    __slots__ = ("_shown", "name", "prefix", "secret", "where")

    def __init__(self, name: str, where: RedisConfig | Place, prefix: bytes = b"") -> None:
        self.name = name
        self.where = where
        self.prefix = prefix
        self.secret = False
        self._shown = ""

    def __repr__(self) -> str:
        return f"Store({self})"

    def __str__(self) -> str:
        """The module and the servers, never a password."""
        if not self._shown:
            where = self.where
            servers: object
            if isinstance(where, Place):
                servers = where.path
            else:
                servers = where.writing or where.reading or where.sentinels
            self._shown = f"{self.name}: {servers}"
        return self._shown

    def _question(
        self, command: bytes, keys: tuple[bytes, ...], args: tuple[bytes, ...], writes: bool
    ) -> StoreQuestion:
        if self.prefix:
            keys = tuple([self.prefix + key for key in keys])
        return StoreQuestion(self, command, keys, args, writes, None)

    def get(self, key: bytes) -> StoreQuestion:
        """The value of a key: octets, or None."""
        return self._question(b"GET", (key,), (), False)

    def get_all(self, *keys: bytes) -> StoreQuestion:
        """The values of several keys, in their order."""
        return self._question(b"MGET", keys, (), False)

    def set(
        self, key: bytes, value: bytes, *, ttl: float | None = None, only_new: bool = False
    ) -> StoreQuestion:
        """Set a key, for ``ttl`` seconds. With ``only_new`` the answer is None where it stood."""
        life = () if ttl is None else (b"PX", b"%d" % max(int(ttl * 1000), 1))
        new = (b"NX",) if only_new else ()
        return self._question(b"SET", (key,), (value, *life, *new), True)

    def delete(self, *keys: bytes) -> StoreQuestion:
        """Remove keys; how many there were."""
        return self._question(b"DEL", keys, (), True)

    def expire(self, key: bytes, ttl: float) -> StoreQuestion:
        """Let a key end in ``ttl`` seconds; 0 when there is none."""
        return self._question(b"PEXPIRE", (key,), (b"%d" % max(int(ttl * 1000), 1),), True)

    def increase(self, key: bytes, by: int = 1) -> StoreQuestion:
        """Add to the number under a key; the sum."""
        return self._question(b"INCRBY", (key,), (b"%d" % by,), True)

    def fields(self, key: bytes, *names: bytes) -> StoreQuestion:
        """Some fields of a hash: a list of octets or None."""
        return self._question(b"HMGET", (key,), names, False)

    def everything(self, key: bytes) -> StoreQuestion:
        """All fields of a hash: names and values in turn."""
        return self._question(b"HGETALL", (key,), (), False)

    def put(self, key: bytes, fields: Mapping[bytes, bytes]) -> StoreQuestion:
        """Set fields of a hash; how many are new."""
        pairs = tuple(part for pair in fields.items() for part in pair)
        return self._question(b"HSET", (key,), pairs, True)

    def increase_field(self, key: bytes, name: bytes, by: int = 1) -> StoreQuestion:
        """Add to a number in a hash; the sum."""
        return self._question(b"HINCRBY", (key,), (name, b"%d" % by), True)

    def drop(self, key: bytes, *names: bytes) -> StoreQuestion:
        """Remove fields of a hash; how many there were."""
        return self._question(b"HDEL", (key,), names, True)

    def push(self, key: bytes, *values: bytes) -> StoreQuestion:
        """Put values before a list, one after the other; its length."""
        return self._question(b"LPUSH", (key,), values, True)

    def trim(self, key: bytes, count: int) -> StoreQuestion:
        """Leave the first ``count`` of a list."""
        return self._question(b"LTRIM", (key,), (b"0", b"%d" % (count - 1)), True)

    def items(self, key: bytes, first: int = 0, last: int = -1) -> StoreQuestion:
        """Values of a list from ``first`` to ``last``, which is included; -1 is the end."""
        return self._question(b"LRANGE", (key,), (b"%d" % first, b"%d" % last), False)

    def replication(self) -> StoreQuestion:
        """What the server that is read says of its role (INFO replication), as text.

        Redis alone: an embedded store knows no such command.
        """
        return StoreQuestion(self, b"INFO", (), (b"replication",), False, None)

    def run(self, script: Script, keys: Sequence[bytes], args: Sequence[bytes]) -> StoreQuestion:
        """Run a script; its answer."""
        own = tuple([self.prefix + key for key in keys]) if self.prefix else tuple(keys)
        return StoreQuestion(self, b"EVALSHA", own, tuple(args), script.writes, script)


class _StoreQuestion(NamedTuple):
    store: Store
    command: bytes
    keys: tuple[bytes, ...]
    args: tuple[bytes, ...]
    writes: bool
    script: Script | None


class StoreQuestion(_StoreQuestion, Question["StoreAnswer"]):
    """One command for one store. Asked twice in a stage, it is carried out once."""

    __slots__ = ()

    def __str__(self) -> str:
        what = self.script.name if self.script else self.command.decode()
        return f"{self.store.name} {what}"

    @property
    def key(self) -> str:
        """Store, command and a digest of all that it says, as text."""
        digest = hashlib.sha256()
        sha = self.script.sha if self.script else b""
        for part in (self.command, sha, b"%d" % len(self.keys), *self.keys, *self.args):
            digest.update(len(part).to_bytes(8) + part)
        return f"store {self} {digest.hexdigest()}"


class StoreAnswer(NamedTuple):
    """What the store said. ``value`` is None unless ``status`` is OK."""

    question: StoreQuestion
    status: StoreStatus
    value: Any = None
    server: str = ""
    """Who was asked last."""
    detail: str = ""
    """For people: what failed."""

    @property
    def ok(self) -> bool:
        """The store has answered."""
        return self.status is StoreStatus.OK

    @property
    def lost(self) -> bool:
        """There is a store, and it failed."""
        return self.status is not StoreStatus.OK and self.status is not StoreStatus.UNKNOWN

    @property
    def evidence(self) -> str:
        """Who was asked and what failed, in a few words."""
        said = self.detail or self.status.value
        return f"{self.server}: {said}" if self.server else said


@runtime_checkable
class Stores(Protocol):
    """Whatever can carry questions to stores out."""

    def store(self, question: StoreQuestion, done: Callable[[StoreAnswer], None], /) -> None:
        """Call ``done`` exactly once, now or later, and never raise."""
