"""A rule of fuzzy_check at work: requests for a message, and what the replies say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import translate
from typing import Final, NamedTuple

from filter_engine.checks.fuzzy_check.options import FuzzyCheckOptions, FuzzyRule
from filter_engine.config.map_definition import MapKind
from filter_engine.config.upstreams import UpstreamList
from filter_engine.fuzzy.box import Keypair, SharedKey, key_name, new_keypair
from filter_engine.fuzzy.hashes import Kind, PartHash, Policy
from filter_engine.fuzzy.protocol import (
    FORBIDDEN,
    REPLY_SIZE,
    SEALED,
    Command,
    ReplyTo,
    Request,
    replies_in,
    seal_request,
)
from filter_engine.fuzzy.shingles import DEFAULT_KEY, Hashing
from filter_engine.maps import Map
from filter_engine.scan.exchange import Exchange, Reply, Until
from filter_engine.scan.setup import Setup
from filter_engine.scan.verdict import Finding
from filter_engine.upstream.upstream_set import Health

_SHOWN: Final = 10
"""Digits of a digest that a symbol's option shows."""
_SMALL_IMAGE: Final = 32 << 10
"""Octets up to which a picture counts by its probability."""


class _List(NamedTuple):
    symbol: str
    max_score: float


class Learns(NamedTuple):
    """The list that takes what is learnt as a class."""

    flag: int
    weight: int
    """What a lesson adds to a hash."""


class Asked(NamedTuple):
    """A message's requests to one storage."""

    exchange: Exchange
    hashes: Mapping[int, PartHash]
    """By the tag of the request."""


class _Door:
    """The key to a storage, and our own: made when first used, in each process."""

    def __init__(self, public: bytes) -> None:
        self._public = public
        self._own: Keypair | None = None
        self._shared: SharedKey | None = None

    @property
    def shared(self) -> SharedKey | None:
        """None where requests are not sealed."""
        if self._public and self._shared is None:
            self._own = new_keypair()
            self._shared = SharedKey.of(self._own.private, self._public)
        return self._shared

    def seal(self, request: bytes) -> bytes:
        shared = self.shared
        if shared is None or self._own is None:
            return request
        return seal_request(request, shared, key_name(self._public)[:8], self._own.public)


class Rule:
    """One rule, prepared."""

    def __init__(
        self, name: str, rule: FuzzyRule, options: FuzzyCheckOptions, setup: Setup
    ) -> None:
        self.name = name
        self.reading: UpstreamList | None = rule.reading
        self.writing: UpstreamList | None = rule.writing
        self.share = not rule.no_share
        self._rule = rule
        self._timeout = options.timeout if rule.timeout is None else rule.timeout
        self._retries = options.retransmits if rule.retransmits is None else rule.retransmits
        of_all = setup.config.options.upstream
        self._health = Health(options.max_errors, of_all.error_time, options.revive_time)
        self._read = _Door(rule.read_encryption_key or rule.encryption_key)
        self._write = _Door(rule.write_encryption_key or rule.encryption_key)
        self.hashing = Hashing(
            rule.algorithm,
            DEFAULT_KEY if rule.fuzzy_key is None else rule.fuzzy_key,
            DEFAULT_KEY if rule.fuzzy_shingles_key is None else rule.fuzzy_shingles_key,
        )
        self.policy = _policy(rule, options)
        self._unknown = _List(rule.symbol or options.symbol, rule.max_score)
        self._lists = {
            entry.flag: _List(
                entry.symbol or symbol,
                rule.max_score if entry.max_score is None else entry.max_score,
            )
            for symbol, entry in rule.fuzzy_map.items()
        }
        self.learns: Mapping[bool, Learns] = {
            entry.learn == "spam": Learns(entry.flag, entry.learn_weight)
            for entry in rule.fuzzy_map.values()
            if entry.learn
        }
        """Whether it is spam -> the list of that class."""
        self._learning = frozenset(entry.flag for entry in self.learns.values())
        self._skipped: Map | None = (
            setup.maps.of(rule.skip_hashes, MapKind.SET, "fuzzy_check.skip_hashes")
            if rule.skip_hashes is not None
            else None
        )

    def ask(self, hashes: Sequence[PartHash], extensions: bytes) -> Asked | None:
        """The questions about ``hashes``; None when there are none to ask."""
        if self.reading is None:
            return None
        return self._asked(Command.CHECK, hashes, extensions, self._read, self.reading)

    def teach(
        self, command: Command, hashes: Sequence[PartHash], flag: int, weight: int
    ) -> Asked | None:
        """The requests that write ``hashes`` into a list or delete them."""
        if self.writing is None:
            return None
        return self._asked(command, hashes, b"", self._write, self.writing, flag, weight)

    def _asked(
        self,
        command: Command,
        hashes: Sequence[PartHash],
        extensions: bytes,
        door: _Door,
        servers: UpstreamList,
        flag: int = 0,
        weight: int = 0,
    ) -> Asked | None:
        sends: list[bytes] = []
        tags: dict[int, PartHash] = {}
        for made in hashes:
            # The tag is the same for the same question: a recorded scan can be played again.
            tag = int.from_bytes(made.digest[:4], "little")
            while tag in tags:
                tag = tag + 1 & 0xFFFFFFFF
            tags[tag] = made
            request = Request(command, made.digest, tag, made.shingles, flag, weight, extensions)
            sends.append(door.seal(request.encode()))
        if not sends:
            return None
        size = (REPLY_SIZE + (SEALED if door.shared else 0)) * len(sends)
        exchange = Exchange(
            servers,
            sends[0],
            until=Until.DATAGRAMS,
            size=size,
            limit=4 * size,
            timeout=self._timeout,
            tries=1 + self._retries,
            more=tuple(sends[1:]),
            service="fuzzy_check",
            health=self._health,
        )
        return Asked(exchange, tags)

    def replies(self, asked: Asked, reply: Reply, *, taught: bool = False) -> dict[int, ReplyTo]:
        """What came back, by tag."""
        door = self._write if taught else self._read
        return replies_in(reply.data, door.shared, tuple(asked.hashes))

    def findings(self, asked: Asked, reply: Reply, *, long_text: bool) -> Iterator[Finding]:
        """The symbols of what a storage knows.

        A list that lessons fill counts once for a mail, by its best hit: one lesson teaches all of
        its texts (plain and HTML), and is to weigh no more for that.
        """
        learnt: dict[int, Finding] = {}
        found = self.replies(asked, reply)
        hits: list[tuple[PartHash, ReplyTo]] = []
        for tag, answer in found.items():
            made = asked.hashes[tag]
            if answer.found:
                if not self._is_skipped(made):
                    hits.append((made, answer))
            elif answer.value == FORBIDDEN:
                evidence = f"{reply.server}: forbidden (403)"
                yield Finding("FUZZY_BLOCKED", (self.name,), evidence=evidence)
        text = max((a.probability for m, a in hits if m.kind is Kind.TEXT), default=0.0)
        image = any(made.kind is Kind.IMAGE for made, _ in hits)
        for made, answer in hits:
            named = self._lists.get(answer.flag)
            if named is None and self._rule.skip_unknown:
                continue
            entry = named or self._unknown
            weight = _weight(made, answer, entry.max_score)
            weight *= _share(made, text, image=image, long_text=long_text)
            least = self._rule.weight_threshold
            if least is not None and weight < least:
                continue
            shown = answer.digest.hex()[:_SHOWN]
            share = math.floor(answer.probability * 100) / 100  # Rspamd cuts off
            option = f"{answer.flag}:{shown}:{share:.2f}:{made.kind.value}"
            evidence = (
                f"{reply.server}: part {made.part}, {made.digest.hex()[:_SHOWN]} is known with "
                f"weight {answer.value}"
            )
            finding = Finding(entry.symbol, (option,), weight, evidence)
            if answer.flag not in self._learning:
                yield finding
            elif answer.flag not in learnt or learnt[answer.flag].weight < weight:
                learnt[answer.flag] = finding
        yield from learnt.values()

    def _is_skipped(self, made: PartHash) -> bool:
        return self._skipped is not None and made.digest.hex() in self._skipped


def _policy(rule: FuzzyRule, options: FuzzyCheckOptions) -> Policy:
    def own(value: int | None, of_module: int) -> int:
        return of_module if value is None else value

    types = "|".join(translate(pattern.lower()) for pattern in rule.mime_types)
    return Policy(
        min_bytes=own(rule.min_bytes, options.min_bytes),
        min_height=own(rule.min_height, options.min_height),
        min_width=own(rule.min_width, options.min_width),
        min_length=own(rule.min_length, options.min_length),
        text_multiplier=(
            options.text_multiplier if rule.text_multiplier is None else rule.text_multiplier
        ),
        mime_types=re.compile(types) if types else None,
        scan_archives=rule.scan_archives,
        short_text_direct_hash=rule.short_text_direct_hash,
        text_shingles=rule.text_shingles,
        skip_images=rule.skip_images,
        no_subject=rule.no_subject,
    )


def _weight(made: PartHash, answer: ReplyTo, max_score: float) -> float:
    """How much a hash counts, 0 to 1: by its weight in the storage, and by how well it fits."""
    weight = math.tanh(math.e * answer.value / max_score) if max_score else 0.0
    if made.kind is not Kind.IMAGE:
        return weight * math.sqrt(answer.probability)
    if made.size <= _SMALL_IMAGE:
        return weight * max(2.0 * answer.probability - 1.0, 0.0)
    return weight


def _share(made: PartHash, text: float, *, image: bool, long_text: bool) -> float:
    """A picture beside text that nobody knows says little; both together a little more."""
    if made.kind is Kind.TEXT:
        return 1.1 if image else 1.0
    if made.kind is not Kind.IMAGE:
        return 1.0
    if not text:
        return 0.25 if long_text else 0.9
    if text < 0.75:
        return text if text > 0.5 else 0.5
    return 1.0
