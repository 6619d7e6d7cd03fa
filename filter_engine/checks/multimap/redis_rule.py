"""A rule whose map is a hash in Redis, which is asked about each mail (HMGET)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import islice
from typing import Final

from filter_engine.checks.multimap.filters import value_text
from filter_engine.checks.multimap.hash_key import hash_key
from filter_engine.checks.multimap.options import MultimapRule
from filter_engine.checks.multimap.rule import MAX_SHOWN, MAX_VALUES, Rule, map_kind, told
from filter_engine.checks.multimap.types import compile_filter, values_of
from filter_engine.config.map_definition import MapKind
from filter_engine.config.redis import RedisConfig
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.question import Question
from filter_engine.scan.store import Store, StoreAnswer
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_MAX_FIELDS: Final = 2000
"""Fields of one rule that are asked for in one mail."""
_MAX_LENGTH: Final = 1024
"""Octets of a field; what is longer is in no map."""
_BITS: Final = {4: range(32, 7, -1), 6: range(128, 63, -1)}
"""Networks that are asked for an address, as in Rspamd: the longest first."""


@frozen
class _Value:
    """What is looked up: its fields, of which the first that is there counts."""

    seen: str
    shown: tuple[str, ...]
    fields: tuple[bytes, ...]


class RedisRule(Rule):
    """``map = "redis://KEY"``: the fields of the hash are the map's keys."""

    def __init__(self, name: str, options: MultimapRule, store: Store) -> None:
        super().__init__(name, options)
        self._filter = compile_filter(options.type, options.filter)
        self._values = values_of(options)
        self._key = hash_key(options.map.sources[0].location, options.delimiter)
        self._store = store
        self._expand = isinstance(store.where, RedisConfig) and store.where.expand_keys
        self._networks = map_kind(options) is MapKind.RADIX
        self._every = options.multi and not options.no_multi

    def questions(self, task: Task) -> Sequence[Question[StoreAnswer]]:
        """All values at once, a question for each hash."""
        values = self._looked_up(task)
        if not values:
            return ()
        fields = [field for value in values for field in value.fields]
        return [
            self._store.fields(name.encode("utf-8", "surrogateescape"), *fields)
            for name in self._key.names(task, expand=self._expand)
        ]

    def findings(self, _task: Task) -> Iterator[Finding]:
        """Nothing: the module asks."""
        return iter(())

    def answered(self, task: Task, answers: Sequence[StoreAnswer]) -> Iterator[Finding]:
        """One finding for each value that a hash has; an answer that failed finds nothing."""
        values = self._looked_up(task)
        for answer in answers:
            said = answer.value if answer.ok else None
            if not isinstance(said, list):
                continue
            name = answer.question.keys[0].decode("utf-8", "replace")[:MAX_SHOWN]
            yield from self._found(values, said, f"{answer.server} {name}")

    def _found(
        self, values: Iterable[_Value], said: Sequence[bytes | None], where: str
    ) -> Iterator[Finding]:
        at = 0
        for value in values:
            for field, text in zip(value.fields, said[at : at + len(value.fields)], strict=False):
                if text is None:
                    continue
                shown = field.decode("utf-8", "replace")
                evidence = f"{self.options.type} {value.seen[:MAX_SHOWN]!r}: {where} {shown!r}"
                yield told(self, text.decode("utf-8", "replace"), value.shown, evidence)
                if not self._every:
                    break
            at += len(value.fields)

    def _looked_up(self, task: Task) -> list[_Value]:
        """What the mail has for the rule; the same each time it is asked."""
        found: list[_Value] = []
        number = 0
        for value in islice(self._values(task), MAX_VALUES):
            if isinstance(value, bytes):
                continue
            texts = self._filter(value)[:MAX_VALUES]
            shown = tuple(text[:MAX_SHOWN] for text in texts)
            for text in texts:
                fields = self._fields(text)
                number += len(fields)
                if number > _MAX_FIELDS:
                    return found
                if fields:
                    found.append(_Value(value_text(value), shown, fields))
        return found

    def _fields(self, text: str) -> tuple[bytes, ...]:
        """As it is, then in lower case; of an address also the networks that hold it."""
        if self._networks:
            try:
                address = ip_address(text.strip("[]"))
            except ValueError:
                return ()
            if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
                address = address.ipv4_mapped
            return _network_fields(address)
        spelled = dict.fromkeys((text, text.lower()))
        octets = (word.encode("utf-8", "surrogateescape") for word in spelled)
        return tuple(word for word in octets if len(word) <= _MAX_LENGTH)


def _network_fields(address: IPv4Address | IPv6Address) -> tuple[bytes, ...]:
    networks = (ip_network((address, bits), strict=False) for bits in _BITS[address.version])
    return (str(address).encode(), *(str(network).encode() for network in networks))
