"""What of a mail is handed to a program: the message, or those parts that are worth it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from filter_engine.message.file_type import TYPES

if TYPE_CHECKING:
    from filter_engine.checks.services.rule import Rule
    from filter_engine.message.part import Part
    from filter_engine.scan.task import Task

MAX_PARTS: Final = 64
"""Of a message with more parts to scan the whole message is scanned instead."""
_MAX_MEMBERS: Final = 1000
"""Members of an archive whose names are looked at."""
_HARMLESS: Final = frozenset({"csv", "eml", "html", "ics", "psd", "txt", "vcf"}) | {
    name for name, known in TYPES.items() if known.kind == "image" and name != "svg"
}
"""Detected types that are scanned only as attachments."""
EICAR: Final = bytes.fromhex(
    "58354f2150254041505b345c505a58353428505e2937434329377d24454943415"
    "22d5354414e444152442d414e544956495255532d544553542d46494c452124482b482a"
)
"""The test file that every virus scanner finds (EICAR)."""


class Content(NamedTuple):
    """Bytes to scan."""

    data: bytes
    name: str = ""
    """File name of the part; empty for the whole message and parts without."""


def contents(rule: Rule, task: Task) -> list[Content]:
    """What the rule scans of the message; equal parts are there once."""
    if not _has_words(rule, task):
        return []
    whole = Content(task.message.raw)
    found = list(dict.fromkeys(_parts(rule, task))) if rule.of_parts else [whole]
    if len(found) > MAX_PARTS:
        found = [whole]
    return [content for content in found if _fits(rule, len(content.data))]


def _fits(rule: Rule, size: int) -> bool:
    most, least = rule.options.max_size, rule.options.min_size
    return size > 0 and (not most or size <= most) and (not least or size >= least)


def _has_words(rule: Rule, task: Task) -> bool:
    least = rule.options.text_part_min_words or 0
    message = task.message
    return least <= 0 or any(len(message.words_of(part)) >= least for part in message.text_parts)


def _parts(rule: Rule, task: Task) -> Iterator[Content]:
    fake = rule.options.eicar_fake_pattern.encode()
    for part in task.message.parts:
        if not part.is_multipart and _is_scanned(rule, task, part):
            data = part.content
            yield Content(EICAR if fake and data == fake else data, part.filename or "")


def _is_scanned(rule: Rule, task: Task, part: Part) -> bool:
    options, detected = rule.options, part.file_type
    image = part.maintype == "image" or (detected is not None and detected.kind == "image")
    if options.scan_image_mime and image:
        return True
    least = options.text_part_min_words
    if options.scan_text_mime and least and part.is_text:
        return len(task.message.words_of(part)) >= least
    if rule.filters_parts:
        return _is_named(rule, part)
    if detected is not None and detected.extension not in _HARMLESS:
        return True
    return part.is_attachment and not image


def _is_named(rule: Rule, part: Part) -> bool:
    """Whether a filter of the rule names the part, or a file in an archive."""
    names = [part.filename] if part.filename else []
    if part.archive is not None:
        names += [member.name for member in part.archive.members[:_MAX_MEMBERS]]
    texts = [*names, part.content_type]
    extensions = {extension for name in names for extension in name.lower().split(".")[1:][-2:]}
    if part.file_type is not None:
        texts.append(part.file_type.content_type)
        extensions.add(part.file_type.extension)
    return not extensions.isdisjoint(rule.options.mime_parts_filter_ext) or any(
        pattern.search(text) for _, pattern in rule.part_patterns for text in texts
    )
