"""Networks, of which the longest that holds an address counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface

from filter_engine.maps.content import Found, Key, Problem, key_text
from filter_engine.maps.limits import MAX_PROBLEMS
from filter_engine.maps.lines import Line


class RadixContent:
    """One table a prefix length: a look-up costs one dictionary access for each length in use."""

    __slots__ = ("_number", "_tables", "problems")

    def __init__(self, lines: Iterable[Line]) -> None:
        self.problems: list[Problem] = []
        tables: dict[tuple[int, int], dict[int, Found]] = {}
        self._number = 0
        for number, key, value in lines:
            text = key[1:].replace("]", "", 1) if key.startswith("[") else key
            try:
                network = ip_interface(text).network
            except ValueError:
                if len(self.problems) < MAX_PROBLEMS:
                    self.problems.append(Problem(number, f"{key!r} is no address or network"))
                continue
            shift = network.max_prefixlen - network.prefixlen
            table = tables.setdefault((network.version, shift), {})
            table[int(network.network_address) >> shift] = Found(str(network), value, number)
            self._number += 1
        # the longest prefix is shifted the least
        self._tables = {
            version: tuple((shift, tables[v, shift]) for v, shift in sorted(tables) if v == version)
            for version in (4, 6)
        }

    def find(self, key: Key) -> Found | None:
        """The entry of the longest network that holds ``key``; None also for what is no address."""
        return next(self.find_all(key), None)

    def find_all(self, key: Key) -> Iterator[Found]:
        """The entries of all networks that hold ``key``, the longest first."""
        address = _address(key)
        if address is None:
            return
        number = int(address)
        for shift, table in self._tables[address.version]:
            found = table.get(number >> shift)
            if found is not None:
                yield found

    def __len__(self) -> int:
        return self._number


def _address(key: Key) -> IPv4Address | IPv6Address | None:
    if isinstance(key, (str, bytes)):
        try:
            key = ip_address(key_text(key).strip("[]"))
        except ValueError:
            return None
    if isinstance(key, IPv6Address) and key.ipv4_mapped is not None:
        return key.ipv4_mapped
    return key
