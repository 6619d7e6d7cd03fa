"""The functions of regexp rules: ``header_exists(X-Foo)``, ``has_only_html_part()``.

Source: Rspamd's documentation of the regexp module. Each takes the task and its arguments, which
were checked when the rule was read, and says yes or no.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from filter_engine.checks.regexp.places import text_of, text_parts
from filter_engine.lazy_dataclass import frozen
from filter_engine.matching.budget import search
from filter_engine.matching.pattern import Flags, Pattern
from filter_engine.message.defect import Defect
from filter_engine.message.message import Message
from filter_engine.message.part import Part
from filter_engine.scan.task import Task

Argument: TypeAlias = "str | Pattern"
_MANY: Final = 5
"""Recipients beyond which their names are compared."""
_ALIKE: Final = 3
"""Equal first characters of two neighbouring recipients that count as alike."""
_TAG: Final = re.compile(r"<(/?)([a-z][a-z0-9]*)\b[^<>]{0,4096}?(/?)>", re.IGNORECASE)
_VOID: Final = frozenset(
    "area base br col embed hr img input link meta param source track wbr p li td tr th".split()  # noqa: SIM905  # a table to read
)
"""Elements that need no end tag."""
_MAX_COMPARED: Final = 100_000
"""Characters of a text that are compared with another."""
_BROKEN: Final = frozenset({Defect.HEADER_LINE_WITHOUT_COLON, Defect.HEADER_NAME_INVALID})


@frozen
class Function:
    """A function with the number of arguments it takes."""

    run: Callable[[Task, Sequence[Argument]], bool]
    least: int = 0
    most: int = 0


def fits(argument: Argument, text: str | None) -> bool:
    """Whether a text is the argument (case ignored), or matches it."""
    if text is None:
        return False
    if isinstance(argument, str):
        return argument.lower() == text.lower()
    subject = text if argument.flags & Flags.UTF8 else text.encode("utf-8", "replace")
    try:
        return search(argument.regex, subject) is not None
    except TimeoutError:
        return False


def _any(argument: Argument, texts: Iterable[str | None]) -> bool:
    return any(fits(argument, text) for text in texts)


def _name(argument: Argument) -> str:
    return argument if isinstance(argument, str) else argument.text


def _number(argument: Argument) -> int:
    text = _name(argument)
    return int(text) if text.isdecimal() and len(text) < 12 else 0


def _header_exists(task: Task, arguments: Sequence[Argument]) -> bool:
    return task.message.get(_name(arguments[0])) is not None


def _check_smtp_data(task: Task, arguments: Sequence[Argument]) -> bool:
    envelope = task.envelope
    texts: dict[str, Iterable[str | None]] = {
        "from": (envelope.mail_from,),
        "helo": (envelope.helo,),
        "user": (envelope.user,),
        "rcpt": envelope.rcpt_to,
        "subject": (task.message.subject,),
        "ip": (envelope.ip,),
        "hostname": (envelope.hostname,),
    }
    found = [text for text in texts.get(_name(arguments[0]).lower(), ()) if text]
    return bool(found) if len(arguments) == 1 else _any(arguments[1], found)


def _looked_at(message: Message, arguments: Sequence[Argument]) -> Iterable[Part]:
    """The outermost part, or with a last argument ``true`` all of them."""
    last = arguments[-1] if arguments else ""
    return message.parts if isinstance(last, str) and last == "true" else message.parts[:1]


def _is_type(task: Task, arguments: Sequence[Argument]) -> bool:
    parts = _looked_at(task.message, arguments[1:])
    return _any(arguments[0], (part.maintype for part in parts))


def _is_subtype(task: Task, arguments: Sequence[Argument]) -> bool:
    parts = _looked_at(task.message, arguments[1:])
    return _any(arguments[0], (part.content_type.partition("/")[2] for part in parts))


def _has_param(task: Task, arguments: Sequence[Argument]) -> bool:
    name = _name(arguments[0]).lower()
    return any(name in part.params for part in _looked_at(task.message, arguments[1:]))


def _compare_param(task: Task, arguments: Sequence[Argument]) -> bool:
    name = _name(arguments[0]).lower()
    parts = _looked_at(task.message, arguments[2:])
    return _any(arguments[1], (part.params.get(name) for part in parts))


def _has_content_part(task: Task, arguments: Sequence[Argument]) -> bool:
    return bool(_typed(task.message, arguments[:2]))


def _has_content_part_len(task: Task, arguments: Sequence[Argument]) -> bool:
    least = _number(arguments[2])
    most = _number(arguments[3]) if len(arguments) > 3 else None
    return any(
        least <= len(part.content) and (most is None or len(part.content) <= most)
        for part in _typed(task.message, arguments[:2])
    )


def _typed(message: Message, arguments: Sequence[Argument]) -> list[Part]:
    """The parts of a type and, with two arguments, a subtype."""
    found = []
    for part in message.parts:
        maintype, _, subtype = part.content_type.partition("/")
        if fits(arguments[0], maintype) and (len(arguments) == 1 or fits(arguments[1], subtype)):
            found.append(part)
    return found


def _only_html(task: Task, _arguments: Sequence[Argument]) -> bool:
    texts = task.message.text_parts
    return len(texts) == 1 and texts[0].is_html


def _html_texts(message: Message) -> list[str]:
    return [part.text for part in message.text_parts if part.is_html]


def _fake_html(task: Task, _arguments: Sequence[Argument]) -> bool:
    return any(
        part.content_type.endswith("html") and _TAG.search(part.text) is None
        for part in task.message.text_parts
    )


def _html_tag(task: Task, arguments: Sequence[Argument]) -> bool:
    tag = re.compile(rf"<{re.escape(_name(arguments[0]))}[\s/>]", re.IGNORECASE)
    return any(tag.search(text) for text in _html_texts(task.message))


def _balanced(task: Task, _arguments: Sequence[Argument]) -> bool:
    """Every element that needs an end has as many as it has beginnings."""
    for text in _html_texts(task.message):
        open_tags: Counter[str] = Counter()
        for closing, name, empty in _TAG.findall(text):
            tag = name.lower()
            if tag not in _VOID and not empty:
                open_tags[tag] += -1 if closing else 1
        if any(open_tags.values()):
            return False
    return True


def _parts_distance(task: Task, arguments: Sequence[Argument]) -> bool:
    """Whether plain text and HTML of an alternative differ by more than so many percent."""
    message = task.message
    for part in message.parts:
        if part.content_type != "multipart/alternative":
            continue
        plain = [c for c in part.children if c.is_text and not c.is_html]
        html = [c for c in part.children if c.is_text and c.is_html]
        if plain and html and html[0].html is not None:
            one = Counter(plain[0].text[:_MAX_COMPARED].lower().split())
            other = Counter(html[0].html.text[:_MAX_COMPARED].lower().split())
            most = max(one.total(), other.total())
            if most:
                share = 100.0 * (1.0 - (one & other).total() / most)
                return share > _number(arguments[0])
    return False


def _recipients(task: Task) -> list[str]:
    found = [address.email.lower() for address in task.message.recipients if address.email]
    return found or [recipient.lower() for recipient in task.envelope.rcpt_to]


def _recipients_distance(task: Task, arguments: Sequence[Argument]) -> bool:
    """Whether so many percent of neighbouring recipients begin alike."""
    names = _recipients(task)
    if len(names) <= _MANY:
        return False
    alike = sum(a[:_ALIKE] == b[:_ALIKE] for a, b in pairwise(names))
    return 100.0 * alike / (len(names) - 1) >= _number(arguments[0])


def _recipients_sorted(task: Task, _arguments: Sequence[Argument]) -> bool:
    names = _recipients(task)
    return len(names) > _MANY and names == sorted(names)


def _empty_body(task: Task, _arguments: Sequence[Argument]) -> bool:
    message = task.message
    return not any(text_of(part, message).strip() for part in text_parts(message))


def _charset(task: Task, arguments: Sequence[Argument]) -> bool:
    return _any(arguments[0], (part.charset for part in text_parts(task.message)))


def _transfer_encoding(task: Task, arguments: Sequence[Argument]) -> bool:
    return _any(arguments[0], (part.cte for part in task.message.parts))


def _flag(task: Task, arguments: Sequence[Argument]) -> bool:
    name = _name(arguments[0]).lower()
    if name == "broken_headers":
        return not _BROKEN.isdisjoint(task.message.defects)
    return name in task.envelope.flags


FUNCTIONS: Final = {
    "check_smtp_data": Function(_check_smtp_data, 1, 2),
    "compare_encoding": Function(_charset, 1, 1),
    "compare_parts_distance": Function(_parts_distance, 1, 2),
    "compare_recipients_distance": Function(_recipients_distance, 1, 1),
    "compare_transfer_encoding": Function(_transfer_encoding, 1, 1),
    "content_type_compare_param": Function(_compare_param, 2, 3),
    "content_type_has_param": Function(_has_param, 1, 2),
    "content_type_is_subtype": Function(_is_subtype, 1, 2),
    "content_type_is_type": Function(_is_type, 1, 2),
    "has_content_part": Function(_has_content_part, 1, 2),
    "has_content_part_len": Function(_has_content_part_len, 3, 4),
    "has_fake_html": Function(_fake_html),
    "has_flag": Function(_flag, 1, 1),
    "has_html_tag": Function(_html_tag, 1, 1),
    "has_only_html_part": Function(_only_html, 0, 1),
    "header_exists": Function(_header_exists, 1, 1),
    "is_empty_body": Function(_empty_body),
    "is_html_balanced": Function(_balanced, 0, 1),
    "is_recipients_sorted": Function(_recipients_sorted),
    "raw_header_exists": Function(_header_exists, 1, 1),
}
"""Rspamd's functions by name."""
