"""The types of rules: what each looks at, its filters, what it asks and what it needs.

A type is a row of ``TABLE`` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from filter_engine.checks.addresses import (
    envelope_recipients,
    header_recipients,
    header_senders,
)
from filter_engine.checks.multimap import filters, values
from filter_engine.checks.multimap.filters import Filter
from filter_engine.checks.multimap.values import Values, ValuesOf
from filter_engine.lazy_dataclass import frozen

if TYPE_CHECKING:
    from filter_engine.checks.multimap.options import MultimapRule

_MakeFilter: TypeAlias = "Callable[[str], Filter]"


@frozen
class Needed:
    """An option without which a rule of the type is nothing."""

    attribute: str
    """Name of the option in ``MultimapRule``."""
    missing: str
    """What a rule without it lacks, for people."""
    hint: str
    """What to write."""


@frozen
class RuleType:
    """One type of rules."""

    values: ValuesOf | None
    """What is looked up; None where the rule has no map that values are looked up in."""
    filter: _MakeFilter | None = None
    """Reads what a rule of the type has as ``filter``; None where there is none."""
    asks: bool = False
    """Whether DNS or the client's network has to be asked first."""
    late: bool = False
    """Whether it looks at the symbols of other checks."""
    needs: Needed | None = None


TABLE: Final[Mapping[str, RuleType]] = MappingProxyType(
    {
        "ip": RuleType(values.of(lambda task: task.ip)),
        "from": RuleType(
            values.of_addresses(values.smtp_sender, header_senders), filters.address_filter
        ),
        "rcpt": RuleType(
            values.of_addresses(envelope_recipients, header_recipients), filters.address_filter
        ),
        "header": RuleType(
            values.of_headers,
            filters.address_filter,
            needs=Needed("header", "it names no header", 'write header = "Subject"'),
        ),
        "helo": RuleType(values.of(lambda task: task.envelope.helo), filters.host_filter),
        "hostname": RuleType(values.of(lambda task: task.envelope.hostname), filters.host_filter),
        "user": RuleType(values.of(lambda task: task.envelope.user), filters.pattern_filter),
        "url": RuleType(values.of_urls, filters.url_filter),
        "content": RuleType(values.of_content, filters.content_filter),
        "filename": RuleType(values.of_files, filters.file_filter),
        "received": RuleType(values.of_hops, filters.received_filter),
        "selector": RuleType(
            values.of_selector,
            filters.pattern_filter,
            needs=Needed("selector", "it has no selector", 'write selector = "user"'),
        ),
        "symbol_options": RuleType(
            values.of_symbol_options,
            filters.pattern_filter,
            late=True,
            needs=Needed("target_symbol", "it names no symbol", 'write target_symbol = "SYMBOL"'),
        ),
        "mempool": RuleType(
            values.of_variable,
            filters.pattern_filter,
            asks=True,
            needs=Needed("variable", "it names no variable", 'write variable = "asn"'),
        ),
        "asn": RuleType(values.of_network("asn"), filters.pattern_filter, asks=True),
        "country": RuleType(values.of_network("country"), filters.pattern_filter, asks=True),
        "dnsbl": RuleType(None, asks=True),
        "combined": RuleType(None),
        "mid": RuleType(values.of(lambda task: task.message.message_id), filters.address_filter),
        "subject": RuleType(values.of(lambda task: task.message.subject), filters.address_filter),
        "regexp_rules": RuleType(None),
    }
)
"""By name; a rule's ``type``."""


def values_of(rule: MultimapRule) -> Values:
    """What a rule compares with its map: nothing for types that look up no values."""
    make = TABLE[rule.type].values
    return (lambda _task: ()) if make is None else make(rule)


def compile_filter(kind: str, written: str) -> Filter:
    """The filter of a rule of type ``kind``. Raises ``FilterError``."""
    make = TABLE[kind].filter
    return filters.no_filter(kind, written) if make is None else make(written)
