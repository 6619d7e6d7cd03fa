"""What each type of rule looks at in a mail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeAlias

from filter_engine.checks.addresses import envelope_sender
from filter_engine.dns.names import organisational_domain
from filter_engine.message.address import Address
from filter_engine.message.received import Received
from filter_engine.scan.task import Task
from filter_engine.selectors import compile_selector
from filter_engine.selectors.extractors import variable
from filter_engine.selectors.items import received_flags

if TYPE_CHECKING:
    from filter_engine.checks.multimap.options import MultimapRule

Values: TypeAlias = "Callable[[Task], Iterable[object]]"
"""The values of a rule: texts, octets, header fields, URLs."""
ValuesOf: TypeAlias = "Callable[[MultimapRule], Values]"
"""From a rule to what is looked up for it."""
_Addresses: TypeAlias = "Callable[[Task], Sequence[Address]]"


def _present(value: object) -> Iterable[object]:
    return (value,) if value else ()


def _content(task: Task) -> Iterable[object]:
    return (task.message.raw,)


_CONTENT: Final[Mapping[str, Values]] = {
    "": _content,
    "full": _content,
    "body": lambda task: (task.message.body,),
    "headers": lambda task: (task.message.header_block,),
    "text": lambda task: (
        part.visible_text.encode("utf-8", "replace") for part in task.message.text_parts
    ),
    "rawtext": lambda task: (part.content for part in task.message.text_parts),
    "oneline": lambda task: (
        part.visible_text.replace("\r", "").replace("\n", " ").encode("utf-8", "replace")
        for part in task.message.text_parts
    ),
}


def of(read: Callable[[Task], object]) -> ValuesOf:
    """One value of the mail, where it is there."""
    return lambda _rule: lambda task: _present(read(task))


def of_network(name: str) -> ValuesOf:
    """What the module asn found of the client: ``asn``, ``country``."""
    return of(lambda task: variable(task, name))


def of_variable(rule: MultimapRule) -> Values:
    """The variable that the rule names."""
    return lambda task: _present(variable(task, rule.variable))


def of_urls(_rule: MultimapRule) -> Values:
    """The URLs."""
    return lambda task: task.message.urls


def of_content(rule: MultimapRule) -> Values:
    """The part of the content that the filter names."""
    return _CONTENT[rule.filter]


def of_headers(rule: MultimapRule) -> Values:
    """The fields of the rule's headers."""
    names = rule.header
    return lambda task: chain.from_iterable(task.message.get_all(name) for name in names)


def of_hops(rule: MultimapRule) -> Values:
    """A field of the Received headers that the rule chooses."""
    return lambda task: _received(task, rule)


def of_files(_rule: MultimapRule) -> Values:
    """Names of attached files."""
    return _files


def of_selector(rule: MultimapRule) -> Values:
    """What the rule's selector picks."""
    assert rule.selector is not None
    return compile_selector(rule.selector.text, delimiter=rule.delimiter).values


def of_symbol_options(rule: MultimapRule) -> Values:
    """The options of the symbol that the rule names, as far as it is set."""
    wanted = rule.target_symbol
    return lambda task: (o for f in task.findings if f.symbol == wanted for o in f.options)


def of_addresses(smtp: _Addresses, mime: _Addresses) -> ValuesOf:
    """The envelope's addresses or the headers', as the rule chooses."""
    return lambda rule: _addresses(rule, smtp, mime)


def smtp_sender(task: Task) -> tuple[Address, ...]:
    """The envelope's sender, if it has an address."""
    sender = envelope_sender(task)
    return (sender,) if sender is not None and sender.email else ()


def _addresses(rule: MultimapRule, smtp: _Addresses, mime: _Addresses) -> Values:
    """The addresses; where no filter takes something of them, their domains and users as well."""
    choose: Callable[[Task], Iterable[Address]]
    match rule.extract_from:
        case "smtp":
            choose = smtp
        case "mime":
            choose = mime
        case "both":
            choose = lambda task: (*smtp(task), *mime(task))  # noqa: E731
        case _:
            choose = lambda task: smtp(task) or mime(task)  # noqa: E731
    if rule.filter:
        return lambda task: (a.email for a in choose(task) if a.email)

    def texts(task: Task) -> Iterator[object]:
        found = [address for address in choose(task) if address.email]
        yield from (address.email for address in found)
        yield from (address.domain for address in found if address.domain)
        yield from (address.local for address in found if address.local)

    return texts


def _received(task: Task, rule: MultimapRule) -> Iterator[object]:
    hops = task.message.received
    field = rule.filter.removeprefix("tld:") or "real_ip"
    wanted, unwanted = set(rule.flags), set(rule.nflags)
    for position, hop in enumerate(hops, 1):
        flags = set(received_flags(hop))
        if not _is_between(position, len(hops), rule) or wanted - flags or unwanted & flags:
            continue
        value = _hop_field(hop, field)
        if value:
            yield organisational_domain(value) if rule.filter.startswith("tld:") else value


def _is_between(position: int, number: int, rule: MultimapRule) -> bool:
    """Whether a hop counts: positions from 1, negative ones from the last, which is -1."""
    first, last = rule.min_pos or 1, rule.max_pos or number
    first = first if first > 0 else max(number + first + 1, 1)
    last = last if last > 0 else number + last + 1
    return first <= position <= last


def _hop_field(hop: Received, field: str) -> str | None:
    value = {
        "real_ip": hop.from_ip,
        "from_ip": hop.from_ip,
        "real_hostname": hop.real_hostname,
        "from_hostname": hop.from_hostname,
        "by_hostname": hop.by_hostname,
        "proto": hop.proto,
        "for": hop.for_,
    }
    return value[field]


def _files(task: Task) -> Iterator[object]:
    for part in task.message.parts:
        if part.is_multipart or (part.is_text and not part.is_attachment):
            continue
        if part.filename:
            yield part.filename
