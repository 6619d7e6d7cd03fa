"""Telling a site what is wrong with options that each can be read."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.config.findings import Severity
from filter_engine.config.origin import Layer, Origin
from filter_engine.config.schema import Binder
from filter_engine.ucl.nodes import Origin as Place
from filter_engine.ucl.nodes import UclNode, UclObject

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def tell(
    binder: Binder,
    at: Origin,
    code: str,
    message: str,
    hint: str = "",
    severity: Severity = Severity.WARNING,
) -> None:
    """Report at the place where a value was written; nothing about what is shipped or built in."""
    if at.layer in (Layer.BUILTIN, Layer.SHIPPED):
        return
    node = UclObject(origin=Place(at.file, at.line, at.column))
    binder.report(severity, code, node, message, hint)


def tell_control_characters(text: str, node: UclNode, binder: Binder) -> None:
    """Warn of a pattern with a control character: a backslash that double quotes took away."""
    found = _CONTROL.search(text)
    if found is None:
        return
    binder.report(
        Severity.WARNING,
        "odd-syntax",
        node,
        f"the pattern holds the control character 0x{ord(found[0]):02x}: between double quotes "
        "UCL reads \\b, \\f and \\uXXXX as characters",
        "write the pattern in single quotes, or each backslash twice (\\\\b)",
    )
