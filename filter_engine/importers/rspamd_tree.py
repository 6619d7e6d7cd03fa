"""A site's Rspamd, from its directory (``/etc/rspamd``): what is its own is carried over.

Own are ``local.d``, ``override.d``, ``rspamd.conf.local`` and its override, and the maps that their
values name. Edits of shipped files, Lua, modules of the site's own and private keys stay behind,
each with a remark; so does what the loader says of the tree.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import field
from pathlib import Path

from filter_engine.config.findings import Finding
from filter_engine.config.layers import SITE_FOLDERS
from filter_engine.importers.metric_file import OLD_NAMES, split_metric
from filter_engine.importers.outcome import ImportFaultError, Outcome, Remark
from filter_engine.importers.statements import statements, without_macros
from filter_engine.importers.stock import Stock
from filter_engine.lazy_dataclass import mutable
from filter_engine.ucl import UclArray, UclError, UclNode, UclObject, UclScalar, parse
from filter_engine.ucl.regular_file import read_regular_file

MAX_FILES = 2000
MAX_FILE = 16 * 1024 * 1024
MAX_SIZE = 64 * 1024 * 1024

_TOP = ("rspamd.conf.local", "rspamd.conf.local.override")
_UCL = (".conf", ".inc", ".local", ".override")
#: What a path in a value may begin with to mean the tree itself.
_HERE = re.compile(r"(?:\$LOCAL_CONFDIR|\$\{LOCAL_CONFDIR\}|\$CONFDIR|\$\{CONFDIR\}|/etc/rspamd)/")
_ELSEWHERE = re.compile(
    r"(?:/etc/rspamd|/var/lib/rspamd|/var/run/rspamd|/run/rspamd|/var/log/rspamd)\b"
)

#: Says what the loader finds in files; ``None`` of a file means the tree as a whole.
Inspect = Callable[[dict[str, str]], tuple[Finding, ...]]


def import_rspamd(directory: Path, stock: Stock | None, inspect: Inspect) -> Outcome:
    """Carry a tree over. Raises ``ImportFaultError`` when it is none or too large."""
    if not directory.is_dir():
        raise ImportFaultError("there is no such directory", str(directory))
    work = _Tree(directory, stock)
    work.read()
    work.own_files()
    work.maps()
    work.left_behind()
    if stock is None:
        reason = "edits of shipped files were not looked for: give the tree as shipped (--stock)"
        work.remark("", 0, "shipped files", reason, lost=False)
    work.findings(inspect(work.outcome.files))
    work.outcome.remarks.sort()
    return work.outcome


@mutable
class _Tree:
    directory: Path
    stock: Stock | None
    #: Path below the directory -> text; files that are no text are not in it.
    texts: dict[str, str] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    outcome: Outcome = field(default_factory=Outcome)

    def remark(self, path: str, line: int, subject: str, reason: str, *, lost: bool = True) -> None:
        place = str(self.directory / path)
        self.outcome.remarks.append(Remark(place, line, subject, reason, lost))

    def read(self) -> None:
        total = 0
        _refuse_links(self.directory)
        for path in _walk(self.directory):
            name = str(path.relative_to(self.directory))
            if name.endswith((".bak", "~", ".dpkg-old", ".dpkg-dist", ".key")):
                if name.endswith(".key"):
                    self.remark(name, 0, "private key", "keys are not copied: move it yourself")
                continue
            try:
                size = path.stat().st_size
                total += size
                if len(self.texts) >= MAX_FILES or total > MAX_SIZE:
                    raise ImportFaultError(
                        f"more than {MAX_FILES} files or {MAX_SIZE} bytes", str(self.directory)
                    )
                content = read_regular_file(path, MAX_FILE) if size <= MAX_FILE else b"\0"
            except OSError as error:
                raise ImportFaultError(f"cannot read it: {error.strerror}", str(path)) from None
            if b"\0" in content:
                self.remark(name, 0, path.name, "no text, or too large: not copied")
                continue
            text = content.decode("utf-8", "surrogateescape")
            self.texts[name] = text
            if self._is_shipped(name):
                self._compare(name, content)

    def _compare(self, name: str, content: bytes) -> None:
        """Tell of a shipped file that was edited."""
        assert self.stock is not None
        if self.stock.is_pristine(name, content):
            return
        line = self.stock.first_change(name, self.texts[name])
        reason = "not carried over: put it into local.d"
        self.remark(name, line, "edit of a shipped file", reason)

    def own_files(self) -> None:
        for name, text in self.texts.items():
            folder, _, rest = name.partition("/")
            if folder in SITE_FOLDERS and "/" not in rest and not name.endswith(".lua"):
                if rest in OLD_NAMES:
                    self.metric(name, text)
                elif rest.endswith(_UCL) or not self._is_shipped(name):
                    self.carry(name, text)
            elif name in _TOP:
                self.carry(name, text)

    def carry(self, name: str, text: str) -> None:
        self.outcome.files[name] = text
        if not name.endswith(_UCL):
            return
        self._templates(name, text)
        for line, value in _strings(text, name):
            inside = _HERE.match(value[value.find("/etc/rspamd/") :]) or _HERE.search(value)
            if inside is not None:
                self.named.add(value[value.index(inside[0]) + len(inside[0]) :])
            if _ELSEWHERE.search(value):
                self.remark(
                    name,
                    line,
                    _ELSEWHERE.search(value)[0],  # type: ignore[index]  # it was just found
                    "Rspamd's place: move what is there and name the new one",
                    lost=False,
                )

    def _templates(self, name: str, text: str) -> None:
        for number, line in enumerate(text.splitlines(), 1):
            if "{%" in line or "{=" in line:
                reason = "a template: look whether its variables are set here as well"
                self.remark(name, number, "template", reason, lost=False)
                return

    def metric(self, name: str, text: str) -> None:
        """An old metric file becomes ``actions.conf`` and ``groups.conf`` of the same folder."""
        try:
            parse(without_macros(text), name)
        except UclError as error:
            self.remark(name, error.line, name, f"cannot be read: {error.message}")
            return
        parts = split_metric(text)
        folder = name.partition("/")[0]
        for file, found in (("actions.conf", parts.actions), ("groups.conf", parts.groups)):
            if found and f"{folder}/{file}" in self.texts:
                self.remark(name, 1, file, f"not carried over: there is a {folder}/{file} as well")
            elif found:
                self.outcome.files[f"{folder}/{file}"] = found
                self.remark(name, 1, file, f"its settings are in {folder}/{file} now", lost=False)
        for key, line in parts.lost:
            self.remark(name, line, key, "no setting of actions or groups")

    def maps(self) -> None:
        for name in sorted(self.named):
            if name in self.texts and name not in self.outcome.files:
                if not name.endswith(".lua"):
                    self.outcome.files[name] = self.texts[name]
            elif not name.startswith(SITE_FOLDERS) and name not in self.texts:
                self.remark(name, 0, name, "a value names this file, and it is not there")

    def left_behind(self) -> None:
        for name, text in self.texts.items():
            if name in self.outcome.files or self._is_shipped(name):
                continue
            if name.endswith(".lua"):
                line = next((n for n, code in enumerate(text.splitlines(), 1) if code.strip()), 0)
                self.remark(name, line, "Lua", "not served: write the rule as a check in Python")
            elif name.startswith("modules.local.d/"):
                self.remark(name, 1, "module of the site's own", "not served, nor are its settings")
            elif self.stock is not None and not self._is_old_metric(name):
                self.remark(name, 0, Path(name).name, "no value names it and nothing includes it")

    def _is_old_metric(self, name: str) -> bool:
        return Path(name).name in OLD_NAMES and Path(name).parent.name in SITE_FOLDERS

    def _is_shipped(self, name: str) -> bool:
        return self.stock is not None and self.stock.is_known(name)

    def findings(self, findings: tuple[Finding, ...]) -> None:
        """What the loader says of the files; a file that nothing includes is not carried over."""
        for finding in findings:
            path = os.path.relpath(finding.file, self.directory)
            if path.startswith("..") or self._is_old_metric(path):
                continue
            if finding.code == "unread-file" and self._is_shipped(path):
                continue
            if finding.code == "unread-file":
                self.outcome.files.pop(path, None)
            hint = f" ({finding.hint})" if finding.hint else ""
            self.remark(path, finding.line, finding.code, f"{finding.message}{hint}")


def _refuse_links(directory: Path) -> None:
    """Raise ``ImportFaultError`` for a link that leaves the tree.

    What it names is not the site's, and its lines would be shown with those of the site.
    """
    top = os.path.realpath(directory)
    for parent, folders, files in os.walk(directory):
        for name in sorted([*folders, *files]):
            path = Path(parent, name)
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(top):
                raise ImportFaultError(
                    f"a symbolic link to {os.readlink(path)}, which is outside of {directory}",
                    str(path),
                    0,
                    "import a copy without links: cp -rL",
                )


def _walk(directory: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(directory):
        folders.sort()
        if Path(parent) == directory:
            folders[:] = [name for name in folders if not name.startswith(".")]
        for name in sorted(files):
            path = Path(parent, name)
            if path.is_file() and not name.startswith("."):
                yield path


def _strings(text: str, file: str) -> Iterator[tuple[int, str]]:
    """(line, text) of each string among the values and macros; nothing of a broken file."""
    try:
        yield from _of_node(parse(without_macros(text), file))
    except UclError:
        return
    for top in statements(text):
        for found in top.walk():
            if found.key.startswith("."):
                path = text[found.start : found.end].rpartition(" ")[2].strip("\"'; \t")
                yield text.count("\n", 0, found.start) + 1, path


def _of_node(node: UclNode) -> Iterator[tuple[int, str]]:
    if isinstance(node, UclScalar):
        if isinstance(node.value, str):
            yield node.origin.line, node.value
    elif isinstance(node, UclArray):
        for item in node:
            yield from _of_node(item)
    else:
        assert isinstance(node, UclObject)
        for values in node.entries.values():
            for value in values:
                yield from _of_node(value)
