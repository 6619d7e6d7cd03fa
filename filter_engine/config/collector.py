"""Collects findings while a tree is bound."""

from __future__ import annotations

from dataclasses import replace

from filter_engine.config.findings import Finding, Severity
from filter_engine.config.layers import Layers
from filter_engine.config.origin import Layer, Origin
from filter_engine.ucl.errors import UclError
from filter_engine.ucl.nodes import UclNode

_MAX_FINDINGS = 1000
SYNTAX = "syntax"


class Collector:
    """A ``schema.Binder``: findings in order of discovery, without duplicates, at most 1000."""

    def __init__(self, layers: Layers) -> None:
        self.layers = layers
        self._findings: dict[Finding, None] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found so far, by file and line.

        Of a file that cannot be read only that is told: the rest would follow from it.
        """
        broken = {finding.file for finding in self._findings if finding.code == SYNTAX}
        return tuple(sorted(f for f in self._findings if f.file not in broken or f.code == SYNTAX))

    def add(self, finding: Finding) -> None:
        """Note a finding."""
        if len(self._findings) < _MAX_FINDINGS:
            self._findings[finding] = None

    def report(
        self, severity: Severity, code: str, node: UclNode, message: str, hint: str = ""
    ) -> None:
        """Note a finding at a node; mere notes about shipped files are of no use to a site."""
        file, line, column = node.origin
        if severity is Severity.INFO and self.layers.of(file) is Layer.SHIPPED:
            return
        self.add(Finding(file, line, severity, code, message, hint, column))

    def syntax(self, error: UclError) -> None:
        """Note a text that cannot be read; the line is shown."""
        found = _finding(error, Severity.ERROR, SYNTAX)
        self.add(replace(found, source=error.source, caret=error.caret))

    def odd(self, note: UclError) -> None:
        """Note a text that is read otherwise than it says."""
        self.add(_finding(note, Severity.WARNING, "odd-syntax"))

    def origin(self, node: UclNode) -> Origin:
        """The origin of a node with its layer."""
        return self.layers.origin(node)


def _finding(at: UclError, severity: Severity, code: str) -> Finding:
    return Finding(at.file, at.line, severity, code, at.message, at.hint, at.column)
