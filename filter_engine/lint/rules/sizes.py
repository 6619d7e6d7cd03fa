"""Limits of a message's size, from Postfix over the engine to the virus scanner."""

from __future__ import annotations

import re
from collections.abc import Iterator

from filter_engine.config.findings import Finding
from filter_engine.lint.declare import rule
from filter_engine.lint.postfix import Parameter
from filter_engine.lint.situation import Place, Situation
from filter_engine.lint.tree import module_sections, named, text
from filter_engine.ucl.nodes import UclScalar

_CLAMD_CONF = "/etc/clamav/clamd.conf"
#: postconf(5), ``message_size_limit``; clamd.conf(5), ``StreamMaxLength``.
_POSTFIX_LIMIT = 10240000
_STREAM = re.compile(r"^\s*StreamMaxLength\s+(\d{1,12})([KkMm]?)\s*$", re.M)
_UNITS = {"": 1, "k": 1024, "m": 1024 * 1024}


@rule(
    "size-order",
    needs_host=True,
    doc="Postfix takes larger messages than the filter (max_message) or the virus scanner "
    "(StreamMaxLength, max_size) looks at: the largest ones pass unexamined.",
)
def size_order(situation: Situation) -> Iterator[Finding]:
    """message_size_limit <= max_message <= StreamMaxLength."""
    options = situation.config.options
    limit, parameter = options.max_message, None
    if situation.postfix is not None:
        taken, parameter = situation.postfix.number("message_size_limit", _POSTFIX_LIMIT)
        origin = options.origin("max_message")
        at: Place = parameter or origin
        if (taken == 0 or taken > options.max_message) and at.line:
            size = "any size" if taken == 0 else f"up to {taken} bytes"
            yield situation.finding(
                "size-order",
                at,
                f"Postfix takes messages of {size}, the filter looks at {options.max_message} "
                f"bytes (options.max_message, {origin}): larger ones pass unscanned",
                "write a message_size_limit that is not above max_message",
            )
        limit = min(limit, taken or limit)
    yield from _virus_scanners(situation, limit, parameter)


def _virus_scanners(
    situation: Situation, limit: int, postfix: Parameter | None
) -> Iterator[Finding]:
    whose = "message_size_limit" if postfix else "options.max_message"
    clamd = False
    for _, section in module_sections(situation.config.tree, "antivirus"):
        for name, scanner in [("antivirus", section), *named(section)]:
            clamd = clamd or text(scanner.get("type")) == "clamav"
            node = scanner.get("max_size")
            size = _size(node)
            if node is not None and size is not None and size < limit:
                yield situation.finding(
                    "size-order",
                    node.origin,
                    f"{name}.max_size is {size} bytes, below {whose} ({limit}): larger messages "
                    "are not examined for viruses",
                    f"write max_size = {limit};",
                )
    assert situation.host is not None
    found = _STREAM.search(situation.host.text(_CLAMD_CONF) or "") if clamd else None
    if found:
        size = int(found[1]) * _UNITS[found[2].lower()]
        if 0 < size < limit:
            line = found.string.count("\n", 0, found.start(1)) + 1
            file = str(situation.host.path(_CLAMD_CONF))
            yield situation.finding(
                "size-order",
                Parameter("StreamMaxLength", found[1], file, line),
                f"StreamMaxLength is {size} bytes, below {whose} ({limit}): clamd refuses larger "
                "messages, which then pass unexamined",
                f"write StreamMaxLength {-(-limit // _UNITS['m'])}M",
            )


def _size(node: object) -> int | None:
    if isinstance(node, UclScalar) and isinstance(node.value, (int, float)):
        return int(node.value) if not isinstance(node.value, bool) else None
    return None
