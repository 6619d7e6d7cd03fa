"""docker-mailserver's ``custom-commands.conf``: seven directives that write ``override.d``.

Its lines are done one after the other; the value is the rest of the line. Source: the page "Rspamd"
of docker-mailserver's documentation and its start script, of which only the effect is taken over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field

from filter_engine.importers.outcome import ImportFaultError, Outcome, Remark
from filter_engine.importers.redact import without_words_of
from filter_engine.importers.statements import line_of, statements, without_macros
from filter_engine.lazy_dataclass import mutable
from filter_engine.ucl import UclError, parse

MAX_LINES = 10_000

#: Directives that set an option in one certain file.
_FILES = {
    "set-common-option": "options.inc",
    "set-option-for-controller": "worker-controller.inc",
    "set-option-for-proxy": "worker-proxy.inc",
}
_SWITCHES = {"enable-module": "true", "disable-module": "false"}
_USAGE = {
    "set-common-option": "OPTION VALUE",
    "set-option-for-controller": "OPTION VALUE",
    "set-option-for-proxy": "OPTION VALUE",
    "enable-module": "MODULE",
    "disable-module": "MODULE",
    "set-option-for-module": "MODULE OPTION VALUE",
    "add-line": "FILE CONTENT",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
_OPTION = re.compile(r"[A-Za-z_][\w.-]{0,99}\Z")


def import_custom_commands(
    text: str,
    file: str,
    known: Iterable[str] = (),
    existing: Mapping[str, str] | None = None,
) -> Outcome:
    """Files of ``override.d`` after all directives of ``text``.

    ``existing`` are the files they start from (``override.d/options.inc`` -> text); ``known`` are
    the base names that are read (``site_files``), others get a remark. Only files that a directive
    touched are in the outcome. Raises ``ImportFaultError`` for a line that cannot be done, and for
    a file that no longer is UCL after all lines.
    """
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise ImportFaultError(f"more than {MAX_LINES} lines", file)
    work = _Commands(file, dict(existing or {}))
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if line and not line.startswith("#"):
            work.run(line, number)
    return work.finish(frozenset(known))


@mutable
class _Commands:
    file: str
    texts: dict[str, str]
    #: Path -> the lines that touched it.
    touched: dict[str, list[int]] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def run(self, line: str, number: int) -> None:
        directive, *words = line.split(None, 1)
        rest = words[0] if words else ""
        usage = _USAGE.get(directive)
        if usage is None:
            raise ImportFaultError(
                f"unknown directive {directive[:40]!r}",
                self.file,
                number,
                f"known: {', '.join(_USAGE)}",
            )
        wanted = len(usage.split())
        arguments = rest.split(None, wanted - 1)
        if len(arguments) < wanted or (directive in _SWITCHES and len(rest.split()) > 1):
            raise ImportFaultError(
                f"{directive} wants {usage}", self.file, number, f"write: {directive} {usage}"
            )
        if directive in _FILES:
            self.set_option(_FILES[directive], arguments[0], arguments[1], number)
        elif directive in _SWITCHES:
            self.switch(self.named(arguments[0], number, ".conf"), _SWITCHES[directive], number)
        elif directive == "set-option-for-module":
            name = self.named(arguments[0], number, ".conf")
            self.set_option(name, arguments[1], arguments[2], number)
        else:
            self.append(self.named(arguments[0], number), arguments[1], number)

    def named(self, name: str, line: int, ending: str = "") -> str:
        """The name of a file; one that leads out of the directory is refused."""
        if not _NAME.match(name):
            raise ImportFaultError(
                f"{name[:40]!r} is no plain name",
                self.file,
                line,
                "letters, digits, - _ and . only: files outside override.d are not written",
            )
        return f"{name}{ending}"

    def switch(self, name: str, value: str, line: int) -> None:
        path = self.touch(name, line)
        before = self.texts.get(path, "")
        if before and _settings(before) - {"enabled"}:
            self.remark(line, name, "replaces what earlier lines or the file had set", lost=False)
        self.texts[path] = f"enabled = {value};\n"

    def append(self, name: str, content: str, line: int) -> None:
        path = self.touch(name, line)
        self.texts[path] = f"{_ended(self.texts.get(path, ''))}{content}\n"

    def set_option(self, name: str, option: str, value: str, line: int) -> None:
        if not _OPTION.match(option):
            raise ImportFaultError(
                f"{option[:40]!r} is no name of an option", self.file, line, "letters, digits, _"
            )
        value = value.rstrip(" ;")
        if not value:
            raise ImportFaultError(f"{option} has no value", self.file, line, 'write "" for none')
        path = self.touch(name, line)
        before = self.texts.get(path, "")
        found = [
            statement
            for top in statements(before)
            for statement in top.walk()
            if statement.key == option and statement.inside is None and not statement.names
        ]
        if not found:
            self.texts[path] = f"{_ended(before)}{option} = {value};\n"
            return
        if len(found) > 1 or any(statement not in statements(before) for statement in found):
            where = ", ".join(str(line_of(before, statement.start)) for statement in found)
            self.remark(line, option, f"replaced in {path}, line {where}", lost=False)
        after = before
        for statement in reversed(found):
            after = f"{after[: statement.start]}{option} = {value};{after[statement.end :]}"
        self.texts[path] = after

    def touch(self, name: str, line: int) -> str:
        path = f"override.d/{name}"
        self.touched.setdefault(path, []).append(line)
        return path

    def remark(self, line: int, subject: str, reason: str, *, lost: bool = True) -> None:
        self.remarks.append(Remark(self.file, line, subject, reason, lost))

    def finish(self, known: frozenset[str]) -> Outcome:
        outcome = Outcome(remarks=self.remarks)
        for path, lines in sorted(self.touched.items()):
            text = self.texts[path]
            name = path.partition("/")[2]
            outcome.files[path] = text
            if known and name not in known:
                self.remark(lines[-1], name, "nothing includes a file of this name: no effect")
                continue
            try:
                parse(without_macros(text), path)
            except UclError as error:
                raise ImportFaultError(
                    f"{path} is no configuration any more: "
                    f"{without_words_of(text, error.message)} (its line {error.line})",
                    self.file,
                    lines[-1],
                    f"it is made by line {', '.join(map(str, lines))}",
                ) from None
        self.remarks.sort()
        return outcome


def _settings(text: str) -> set[str]:
    return set(re.findall(r"^[ \t]*[\"']?([\w.-]+)", text, re.MULTILINE))


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
