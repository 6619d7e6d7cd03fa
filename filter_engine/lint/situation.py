"""What a rule sees."""

from __future__ import annotations

from dataclasses import dataclass

from filter_engine.config.findings import Finding, Severity
from filter_engine.config.model import Config
from filter_engine.config.origin import Origin
from filter_engine.lint.host import Host


@dataclass(frozen=True, slots=True)
class Situation:
    """The bound configuration, and the host it is for (None: not this one)."""

    config: Config
    host: Host | None

    def finding(
        self, code: str, at: Origin, message: str, hint: str, severity: Severity = Severity.WARNING
    ) -> Finding:
        """A finding at the place where a value was written."""
        return Finding(at.file, at.line, severity, code, message, hint, at.column)
