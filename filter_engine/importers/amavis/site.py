"""What the environment becomes, while it is being read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from filter_engine.importers.outcome import ImportFaultError, Outcome, Plain, Remark
from filter_engine.importers.ucl_text import ucl_text
from filter_engine.lazy_dataclass import mutable

TEMPLATED = "Ansible takes {{, {% and {# in it for its own"


def templated(value: str) -> bool:
    """Whether Ansible would read a value as a template."""
    return any(mark in value for mark in ("{{", "{%", "{#"))


@mutable
class Site:
    """The environment, and what has been made of it."""

    environ: Mapping[str, str]
    file: str
    lines: Mapping[str, int]
    #: Base name in ``local.d`` -> its content.
    files: dict[str, dict[str, Plain]] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=Outcome)

    def get(self, name: str) -> str:
        """A variable's value without blanks and quotes around it; empty where it is not set."""
        text = self.environ.get(name, "").strip()
        # an env file keeps quotes that a shell would take away
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            return text[1:-1].strip()
        return text

    def lost(self, name: str, reason: str) -> None:
        """It was not carried over."""
        self._remark(name, reason, lost=True)

    def note(self, name: str, reason: str) -> None:
        """It was carried over, yet not word for word; or nobody wrote it and its default ends."""
        self._remark(name, reason, lost=False)

    def _remark(self, name: str, reason: str, *, lost: bool) -> None:
        line = self.lines.get(name, 0)
        self.outcome.remarks.append(Remark(self.file, line, name, reason, lost))

    def fault(self, name: str, message: str, hint: str = "") -> ImportFaultError:
        """The error of a value that cannot be read; the caller says nothing of the value in it."""
        return ImportFaultError(f"{name}: {message}", self.file, self.lines.get(name, 0), hint)

    def number(self, name: str) -> float:
        """A variable's value as a number."""
        try:
            found = float(self.get(name))
        except ValueError:
            raise self.fault(name, "not a number", "write digits: 6.2") from None
        if not -1e6 < found < 1e6:
            raise self.fault(name, "not a number that a score can have", "write digits: 6.2")
        return found

    def whole(self, name: str, highest: int) -> int:
        """A variable's value as a whole number from 0 to ``highest``."""
        text = self.get(name)
        if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text) <= highest):
            raise self.fault(name, f"not a whole number from 0 to {highest}")
        return int(text)

    def yes(self, name: str) -> bool:
        """Whether a variable says yes."""
        return self.get(name).lower() in ("yes", "y", "true", "1", "on")

    def variable(self, name: str, value: Plain) -> None:
        """Set a role variable."""
        self.outcome.variables[name] = value

    def entry(self, variable: str, key: str, value: Plain) -> None:
        """Set one entry of a role variable that is a table."""
        before = self.outcome.variables.get(variable, {})
        assert isinstance(before, Mapping)
        self.outcome.variables[variable] = {**before, key: value}

    def put(self, file: str, **values: Plain) -> None:
        """Set values in a file of ``local.d``."""
        self.files.setdefault(file, {}).update(values)

    def finish(self) -> Outcome:
        """The finished import."""
        heading = "# From the environment of docker-postfix-amavis by filter-engine import.\n"
        for name, content in sorted(self.files.items()):
            self.outcome.files[f"local.d/{name}"] = heading + ucl_text(content)
        self.outcome.remarks.sort()
        return self.outcome
