"""One message on its way through the stages: what a check may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, TypeVar

from filter_engine.config.addresses import parse_address
from filter_engine.config.schema import Section
from filter_engine.lazy_dataclass import mutable
from filter_engine.scan.envelope import Envelope

if TYPE_CHECKING:
    from filter_engine.message import Message
    from filter_engine.scan.metric import Decision, Score
    from filter_engine.scan.verdict import Finding

S = TypeVar("S", bound=Section)

_MAX_KEPT = 64
"""Characters of a client's address that is kept: it is asked for three times a message."""


@mutable
class Task:
    """A message being scanned. Checks read it and return findings; they change nothing here."""

    message: Message
    envelope: Envelope
    sections: Mapping[type[Section], Section]
    """The bound options of every configuration section, by their class."""
    now: float
    """Seconds since the epoch when the scan began."""
    server: str
    """This host's name (X-Rspamd-Server)."""
    local: bool = False
    """The client's address is in ``local_networks``, or there is no client address."""
    results: dict[str, Any] = field(default_factory=dict)
    """Check name -> the ``value`` of its outcome, filled by the driver."""
    ip: IPv4Address | IPv6Address | None = None
    settings_id: str = ""
    """The id of the settings that apply; empty when none do."""
    findings: Sequence[Finding] = ()
    """What has been found so far; complete only for the stages before one's own."""
    states: Mapping[str, Any] = field(default_factory=dict)
    """Check name -> what its ``prepare`` made, the same for all tasks of a configuration."""
    scores: Mapping[str, Score] = field(default_factory=dict)
    """Symbol -> its score, as the settings of this task have it."""

    lost_stores: dict[str, str] = field(default_factory=dict)
    """Store -> what failed, of those that did not answer; filled by the driver."""

    answered: list[Mapping[Any, Any]] = field(default_factory=list)
    """Question -> its answer, of all that left the engine; one a stage, kept by the driver."""

    shared: dict[str, Any] = field(default_factory=dict)
    """What several checks want of the mail and its envelope; made by the first that asks, under a
    name of its own."""

    decide: Callable[[], Decision] | None = None
    """Set from the stage POSTFILTER on."""

    @property
    def decision(self) -> Decision:
        """Symbols, score and action so far, composites included; final in the stage IDEMPOTENT.

        Raises RuntimeError before the stage POSTFILTER.
        """
        if self.decide is None:
            raise RuntimeError("a score is known from the stage POSTFILTER on")
        return self.decide()

    @property
    def authenticated(self) -> bool:
        """The client logged in."""
        return self.envelope.user is not None

    def is_wanted(self, symbol: str) -> bool:
        """Whether a finding of that symbol would count: neither configuration nor settings switch
        it off. For checks of many rules, which save what they need not ask."""
        score = self.scores.get(symbol)
        return score is None or score.enabled

    def state(self, check: str) -> Any:
        """What the ``prepare`` of that check returned; None when it was not prepared."""
        return self.states.get(check)

    def options(self, section: type[S]) -> S:
        """The bound options of a section; its defaults when no configuration was loaded."""
        bound = self.sections.get(section)
        return bound if isinstance(bound, section) else section()


def client_ip(text: str | None) -> IPv4Address | IPv6Address | None:
    """Parse a client address; an IPv4-mapped IPv6 address becomes IPv4. None when unusable."""
    if not text:
        return None
    return _kept_client(text) if len(text) <= _MAX_KEPT else _client(text)


def _client(text: str) -> IPv4Address | IPv6Address | None:
    address = parse_address(text.strip().strip("[]").removeprefix("IPv6:"))
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


_kept_client = lru_cache(maxsize=256)(_client)
