"""Files of a site that nothing includes: Rspamd passes over them in silence."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path

from filter_engine.config.findings import Finding, Severity
from filter_engine.config.layers import MAIN_FILES, SITE_FOLDERS
from filter_engine.config.stock_files import StockFiles
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.document import Document
from filter_engine.ucl.near import closest
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar

#: What the engine or Rspamd would read in another place, so that its writer expects an effect.
_MEANT_TO_BE_READ = re.compile(r"\.(?:conf|inc|ucl|local|override)\Z|\.local\.|\A[^.]+\.lua\Z")
#: What editors, package managers and version control leave behind.
_BACKUP = re.compile(
    r"~\Z|\.(?:bak|old|orig|rej|save|disabled|swp|tmp)\Z|[.-](?:dpkg|rpm|ucf)-?[a-z]+\Z|\A[.#]"
)
#: What is no configuration by its name.
_PLAIN = re.compile(
    r"\A(?:readme|license|changelog|makefile)(?:\.|\Z)|\.(?:md|txt|key|pem)\Z", re.I
)
#: Directories of data that values and programs name, not of configuration.
_DATA = frozenset({"maps.d", "dkim", "keys", "rspamd_dynamic", "custom", "lua", "lua.local.d"})
#: Stems that Rspamd, its ancestors or habit use for a file of another name.
_MEANT = {
    "metrics": "groups.conf",
    "metric": "groups.conf",
    "scores": "groups.conf",
    "symbols": "groups.conf",
    "bayes": "classifier-bayes.conf",
    "worker-scanner": "worker-normal.inc",
    "worker-milter": "worker-proxy.inc",
    "worker-rspamd_proxy": "worker-proxy.inc",
    "worker-fuzzy_storage": "worker-fuzzy.inc",
    "greylisting": "greylist.conf",
    "composite": "composites.conf",
    "setting": "settings.conf",
    "dns": "options.inc",
    "log": "logging.inc",
}
#: How alike a name must be to count as a misspelt one ("locald", "overide.d").
_LIKENESS = 0.75
_MAX_FILES = 2000
_MAX_DEPTH = 4


def unread_files(document: Document, variables: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with the site's directories, and each file there that has no effect."""
    local = variables.get("LOCAL_CONFDIR")
    if not local:
        return
    top = Path(os.path.abspath(local))
    asked = {os.path.abspath(path) for path in document.asked}
    read = _Read(
        frozenset(path for path in asked if not any(char in path for char in "*?[")),
        tuple(path for path in asked if any(char in path for char in "*?[")),
        frozenset(_absolute_paths(document.root)),
    )
    dbdir = os.path.abspath(variables["DBDIR"]) if variables.get("DBDIR") else ""
    skipped = {dbdir, os.path.abspath(variables.get("CONFDIR") or "/")}
    stock = StockFiles(top)
    for folder in SITE_FOLDERS:
        yield from _unusable(top / folder)
        yield from _in_folder(top / folder, read)
    for directory, meant in _mistaken_directories(top):
        skipped.add(str(directory))
        for path in _files(directory, set()):
            if not read.knows(str(path)) and _MEANT_TO_BE_READ.search(path.name):
                yield _unread(
                    str(path),
                    f"nothing includes a file of {directory}: it has no effect",
                    f"move it to {meant / path.relative_to(directory)}",
                )
    skipped |= {str(top / folder) for folder in SITE_FOLDERS}
    for path in _files(top, skipped):
        if _MEANT_TO_BE_READ.search(path.name) and not (
            read.knows(str(path)) or stock.has(path) or path.parent.name in _DATA
        ):
            yield _elsewhere(path, top, read)


@frozen
class _Read:
    """What the configuration reads: paths and patterns of includes, and paths that values name."""

    asked: Collection[str]
    patterns: tuple[str, ...]
    named: Collection[str]
    known: dict[str, list[str]] = field(default_factory=dict)

    def knows(self, path: str) -> bool:
        """Whether an include or a value names the file."""
        if path in self.asked or path in self.named:
            return True
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in self.patterns)

    def names(self, directory: Path) -> list[str]:
        """Names of the files that includes look for in a directory."""
        found = self.known.get(str(directory))
        if found is None:
            found = sorted(Path(path).name for path in self.asked if _parent(path) == directory)
            self.known[str(directory)] = found
        return found


def _parent(path: str) -> Path:
    return Path(path).parent


def _unread(path: str, message: str, hint: str, severity: Severity = Severity.WARNING) -> Finding:
    found = Finding(path, 0, Severity.WARNING, "unread-file", message, hint)
    return replace(found, severity=severity)


def _unusable(directory: Path) -> Iterator[Finding]:
    """Errors for a directory that is none, and for links that lead nowhere."""
    if directory.is_symlink() and not directory.exists():
        yield _broken(directory, "all its files are lost")
        return
    if not directory.exists():
        return
    if not directory.is_dir():
        yield _unread(
            str(directory),
            f"{directory.name} is no directory: nothing is read from it",
            "make it a directory with a file for each section",
            Severity.ERROR,
        )
        return
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError as error:
        yield _unread(
            str(directory),
            f"cannot read the directory: {error.strerror}: all its files are lost",
            "let the account that runs this read it",
            Severity.ERROR,
        )
        return
    for entry in entries:
        if entry.is_symlink() and not os.path.exists(entry.path):
            yield _broken(Path(entry.path), "what is configured there is lost")


def _broken(link: Path, lost: str) -> Finding:
    return _unread(
        str(link),
        f"a link to {os.readlink(link)}, which does not exist: {lost}",
        "make the link point to the file, or remove it",
        Severity.ERROR,
    )


def _in_folder(directory: Path, read: _Read) -> Iterator[Finding]:
    """Files of local.d or override.d without effect, those in directories below included."""
    for path in _files(directory, set()):
        name = path.name
        if read.knows(str(path)) or _PLAIN.search(name):
            continue
        if _BACKUP.search(name):
            message = "nothing includes this file: a backup, it seems"
            yield _unread(str(path), message, "", Severity.INFO)
        elif path.parent == directory:
            yield _unread(
                str(path), "nothing includes this file: it has no effect", _hint(path, read)
            )
        elif path.parent.name not in _DATA and _MEANT_TO_BE_READ.search(name):
            yield _unread(
                str(path),
                f"nothing includes a file of {path.parent}: it has no effect",
                f"move it to {directory / name}",
            )


def _hint(path: Path, read: _Read) -> str:
    """The file that was likely meant: that of the same stem, of an older name, or a close one."""
    names = read.names(path.parent)
    if path.name in ("metrics.conf", "metric.conf"):
        return "write groups.conf and actions.conf: filter-engine migrate does it"
    stem = path.name.partition(".")[0].lower()
    same = [name for name in names if name.partition(".")[0].lower() == stem]
    meant = same[:1] or [name for name in (_MEANT.get(stem, ""),) if name]
    meant = meant or closest(path.name, names, cutoff=_LIKENESS)
    if meant:
        return f"did you mean {meant[0]}?"
    if path.suffix == ".lua":
        return "this engine runs no Lua"
    return (
        "a map has an effect once a value names it; give any other the name of what it configures"
    )


def _elsewhere(path: Path, top: Path, read: _Read) -> Finding:
    """A file of the tree outside of local.d and override.d."""
    place = top / "local.d" / path.name
    if path.name in ("rspamd.conf", "filter_engine.conf"):
        hint = f"the main file is the engine's own: write local.d, or {MAIN_FILES[0]} beside it"
    elif path.name.startswith(("rspamd.", "filter_engine.", "local.")):
        hint = f"did you mean {MAIN_FILES[0]} or {MAIN_FILES[0]}.override?"
    elif place.name in read.names(place.parent):
        hint = f"write what is different into {place}"
    elif path.suffix == ".lua":
        hint = "this engine runs no Lua"
    else:
        hint = f"include it in {top / MAIN_FILES[0]}, or move what is in it to local.d"
    return _unread(str(path), "nothing includes this file: it has no effect", hint)


def _mistaken_directories(local: Path) -> Iterator[tuple[Path, Path]]:
    """(directory, the one that was meant): ``/etc/rspamd.d/override.d``, ``local.d`` misspelt."""
    for folder in SITE_FOLDERS:
        yield local.with_name(f"{local.name}.d") / folder, local / folder
    for name in _directories(local):
        if name in SITE_FOLDERS:
            continue
        close = closest(name.lower(), SITE_FOLDERS, cutoff=_LIKENESS)
        if close:
            yield local / name, local / close[0]


def _files(directory: Path, skipped: Collection[str]) -> list[Path]:
    """The files below a directory, in order; at most 2000, four directories deep."""
    found: list[Path] = []
    queue = [(directory, 0)]
    for place, depth in queue:
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError:  # told by _unusable where it matters
            continue
        for entry in entries:
            if entry.is_dir():
                if depth < _MAX_DEPTH and entry.path not in skipped and entry.name[0] != ".":
                    queue.append((Path(entry.path), depth + 1))
            elif entry.is_file():
                found.append(Path(entry.path))
            if len(found) >= _MAX_FILES:
                return found
    return found


def _directories(directory: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    except OSError:
        return []


def _absolute_paths(node: UclNode) -> Iterator[str]:
    """Paths that values name: a map in local.d is no unread file."""
    if isinstance(node, UclScalar):
        if isinstance(node.value, str) and "/" in node.value:
            yield node.value[node.value.index("/") :].removeprefix("//")
    elif isinstance(node, UclArray):
        for item in node:
            yield from _absolute_paths(item)
    else:
        assert isinstance(node, UclObject)
        for values in node.entries.values():
            for value in values:
                yield from _absolute_paths(value)
