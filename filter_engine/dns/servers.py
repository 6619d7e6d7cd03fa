"""Which resolver is asked next, and which ones are left alone for a while.

Rules are those of Rspamd's upstreams: a server that failed ``MAX_ERRORS`` times in a row rests for
``REVIVE_TIME``. With ``master-slave`` and ``sequential`` the heaviest server that is not resting is
always asked first; the other rotations spread first questions by weight.
"""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from filter_engine.config.upstreams import Rotation, Upstream, UpstreamList

MAX_ERRORS = 4
"""Failures without an answer in between after which a server rests."""
REVIVE_TIME = 60.0
"""Seconds of rest."""

_IN_ORDER = frozenset({Rotation.MASTER_SLAVE, Rotation.SEQUENTIAL})


class ServerPool:
    """The resolvers of a site with their health; ``now`` is seconds of any clock."""

    def __init__(self, servers: UpstreamList, random: Random | None = None) -> None:
        self.servers: tuple[Upstream, ...] = servers.by_weight()
        self._in_order = servers.rotation in _IN_ORDER
        self._weights = [max(server.weight, 1) for server in self.servers]
        self._random = random or Random()  # noqa: S311  # spreads load, guards nothing
        self._errors = [0] * len(self.servers)
        self._rests_until = [0.0] * len(self.servers)

    def __len__(self) -> int:
        return len(self.servers)

    def all_resting(self, now: float) -> bool:
        """Whether no server has been well lately."""
        return all(until > now for until in self._rests_until)

    def choose(self, now: float, tried: Collection[int] = ()) -> int | None:
        """Index of the server to ask, one not in ``tried``; None when all were tried.

        A resting server is chosen only when no other is left; then the one closest to revival.
        """
        left = [i for i in range(len(self.servers)) if i not in tried]
        if not left:
            return None
        well = [i for i in left if self._rests_until[i] <= now]
        if not well:
            return min(left, key=self._rests_until.__getitem__)
        if self._in_order or len(well) == 1:
            return well[0]
        return self._random.choices(well, [self._weights[i] for i in well])[0]

    def answered(self, index: int) -> None:
        """The server replied, whatever it said: it is well."""
        self._errors[index] = 0
        self._rests_until[index] = 0.0

    def failed(self, index: int, now: float) -> None:
        """The server did not reply in time, or cannot be reached."""
        self._errors[index] += 1
        if self._errors[index] >= MAX_ERRORS:
            self._rests_until[index] = now + REVIVE_TIME
