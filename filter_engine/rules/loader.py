"""Loading a site's rules: every ``*.py`` in ``rules.d`` of the site's directory.

They run in the master with its rights, so a file that anybody else may write is refused. Each
configuration load makes a registry of its own; nothing of it stays behind in the next.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from filter_engine.config.findings import Finding, Severity
from filter_engine.config.variables import build_variables
from filter_engine.lazy_dataclass import frozen
from filter_engine.rules.declare import into
from filter_engine.rules.example import Example
from filter_engine.scan.declare import Registry
from filter_engine.ucl.regular_file import read_regular_file

DIRECTORY: Final = "rules.d"
"""Below the site's directory, ``$LOCAL_CONFDIR``."""
MAX_FILE: Final = 1024 * 1024
"""Octets of a rule file."""
MAX_FILES: Final = 500
CODE: Final = "rule-file"
"""Of the findings about rule files."""
_PACKAGE: Final = "filter_engine_site_rules"


@frozen
class SiteRules:
    """The checks of a configuration: the built-in ones and the site's."""

    registry: Registry
    findings: tuple[Finding, ...] = ()
    """Why files cannot be used; each is an error."""
    files: tuple[str, ...] = ()


@frozen
class RuleFile:
    """One loaded file."""

    path: str
    symbols: tuple[str, ...]
    checks: tuple[str, ...]
    examples: tuple[Example, ...]


class RuleFileError(Exception):
    """A rule file cannot be used; ``finding`` says where and why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


_last: tuple[object, SiteRules] | None = None


def site_rules(base: Registry, variables: Mapping[str, str] | None = None) -> SiteRules:
    """``base`` and the rules of the site directory that ``variables`` name. Raises nothing.

    Files that did not change since the last call are not run again: the configuration and the
    scanner that is made of it see the same checks.
    """
    global _last  # noqa: PLW0603  # one place, one configuration at a time
    directory = build_variables(variables or {}).get("LOCAL_CONFDIR")
    folder = None if directory is None else Path(directory, DIRECTORY)
    state = (id(base), None if folder is None else (str(folder), _state(folder)))
    if _last is None or _last[0] != state:
        _last = (state, _loaded(base, folder))
    return _last[1]


def _state(folder: Path) -> tuple[object, ...]:
    """What changes when a file of the directory does."""
    try:
        paths = sorted(folder.glob("*.py"))
        stats = [(path, os.stat(path)) for path in (folder, *paths)]
    except OSError:
        return ()
    return tuple(
        (str(path), s.st_mtime_ns, s.st_size, s.st_ino, s.st_mode, s.st_uid) for path, s in stats
    )


def _loaded(base: Registry, folder: Path | None) -> SiteRules:
    if folder is None or not folder.is_dir():
        return SiteRules(base)
    paths = sorted(folder.glob("*.py"))
    if not paths:
        return SiteRules(base)
    registry = copied(base)
    findings: list[Finding] = []
    try:
        reason = refusal(os.stat(folder))
    except OSError as error:
        reason = (f"cannot be read: {error.strerror}", "")
    if reason:
        return SiteRules(base, (_finding(str(folder), 0, *reason),))
    for path in paths[:MAX_FILES]:
        try:
            load_file(path, registry, guarded=True)
        except RuleFileError as error:
            findings.append(error.finding)
    if len(paths) > MAX_FILES:
        findings.append(_finding(str(folder), 0, f"more than {MAX_FILES} rule files", "merge some"))
    return SiteRules(registry, tuple(findings), tuple(str(path) for path in paths))


def copied(base: Registry) -> Registry:
    """A registry with the same checks, which others may be added to."""
    registry = Registry()
    for check in base:
        registry.add(check)
    return registry


def refusal(found: os.stat_result) -> tuple[str, str] | None:
    """Why a file or directory must not be run, and what to do; None when it may."""
    if found.st_uid not in (0, os.geteuid()):
        return (
            f"belongs to user {found.st_uid}: rules run with the engine's rights",
            "give it to root or to the engine's user: chown root FILE",
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return (
            f"may be written by others (mode {stat.S_IMODE(found.st_mode):04o})",
            "take that right away: chmod go-w FILE",
        )
    return None


def load_file(path: Path, registry: Registry, *, guarded: bool = False) -> RuleFile:
    """Run one rule file; its checks go into ``registry``. Raises ``RuleFileError``.

    A ``guarded`` one must be no symbolic link and nobody else's to write. What is examined is the
    file that was opened: another cannot be put in its place before it is read.
    """

    def examine(found: os.stat_result) -> None:
        if reason := refusal(found):
            raise RuleFileError(_finding(str(path), 0, *reason))

    try:
        source = read_regular_file(
            path, MAX_FILE, follow=not guarded, examine=examine if guarded else None
        )
    except OSError as error:
        if error.errno == errno.ELOOP:
            finding = _finding(
                str(path), 0, "is a symbolic link", f"put the file itself into {DIRECTORY}"
            )
        else:
            finding = _finding(str(path), 0, f"cannot be read: {error.strerror}")
        raise RuleFileError(finding) from None
    known = {check.name for check in registry}
    module = ModuleType(f"{_PACKAGE}.{path.stem}")
    module.__file__ = str(path)
    try:
        code = compile(source, str(path), "exec", dont_inherit=True)
        # dataclasses look their module up while they are made
        sys.modules[module.__name__] = module
        try:
            with into(registry):
                exec(code, module.__dict__)  # noqa: S102  # the site's own rules
        finally:
            sys.modules.pop(module.__name__, None)
        registry.sections()
    except SyntaxError as error:
        raise RuleFileError(_finding(str(path), error.lineno or 0, str(error.msg))) from None
    except (Exception, SystemExit) as error:
        line = _line_in(error, str(path))
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise RuleFileError(_finding(str(path), line, text)) from None
    made = [check for check in registry if check.name not in known]
    symbols = tuple(symbol.name for check in made for symbol in check.symbols)
    examples = _examples(path, module)
    return RuleFile(str(path), symbols, tuple(check.name for check in made), examples)


def _examples(path: Path, module: ModuleType) -> tuple[Example, ...]:
    found: Any = getattr(module, "EXAMPLES", ())
    if not isinstance(found, Iterable) or not all(isinstance(one, Example) for one in found):
        raise RuleFileError(
            _finding(
                str(path), 0, "EXAMPLES is no list of Example", "write EXAMPLES = [Example(...)]"
            )
        )
    return tuple(found)


def _line_in(error: BaseException, path: str) -> int:
    """The last line of the file that the error passed through."""
    lines = [
        frame.lineno or 0
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == path
    ]
    return lines[-1] if lines else 0


def _finding(file: str, line: int, message: str, hint: str = "") -> Finding:
    return Finding(file, line, Severity.ERROR, CODE, f"rule file: {message}", hint)
