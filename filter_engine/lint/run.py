"""Running the rules."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from importlib import import_module

from filter_engine.config.codes import CODES
from filter_engine.config.findings import Finding, Severity
from filter_engine.config.model import Config
from filter_engine.lint.declare import REGISTRY
from filter_engine.lint.host import Host
from filter_engine.lint.rules import MODULES
from filter_engine.lint.situation import (
    KeyFaultsOf,
    KeyFilesOf,
    Situation,
    SymbolsOf,
    UnalignedOf,
)


def run(
    config: Config,
    host: Host | None = None,
    *,
    ignore: Collection[str] = (),
    symbols_of: SymbolsOf | None = None,
    key_files_of: KeyFilesOf | None = None,
    key_faults_of: KeyFaultsOf | None = None,
    unaligned_of: UnalignedOf | None = None,
) -> tuple[Finding, ...]:
    """The findings of every rule, by file and line.

    Without ``host`` rules that need one rest, without ``symbols_of`` those about names of symbols,
    without ``key_files_of`` those about files of keys, without ``key_faults_of`` those about what
    is in them, without ``unaligned_of`` those about whose domain signs.
    """
    load()
    situation = Situation(config, host, symbols_of, key_files_of, key_faults_of, unaligned_of)
    found = {
        finding
        for rule in REGISTRY.values()
        if rule.code not in ignore and (host is not None or not rule.needs_host)
        for finding in rule.examine(situation)
        if rule.of_shipped or not situation.is_shipped(finding)
    }
    return tuple(sorted(found))


def load() -> None:
    """Import every module of rules, which declares them."""
    for name in MODULES:
        import_module(f"filter_engine.lint.rules.{name}")


def without(findings: Iterable[Finding], ignore: Collection[str]) -> tuple[Finding, ...]:
    """The findings whose code is not ignored; the loader's errors stay."""
    return tuple(
        finding
        for finding in findings
        if finding.code not in ignore
        or (finding.code in CODES and finding.severity is Severity.ERROR)
    )


def ignorable() -> list[str]:
    """The codes that ``--ignore`` takes."""
    load()
    fatal = {code for code, known in CODES.items() if known.severity is Severity.ERROR}
    return sorted((CODES.keys() | REGISTRY.keys()) - fatal)


def codes_of(words: Iterable[str]) -> frozenset[str]:
    """The codes of ``--ignore``, each of which may be a comma list.

    Raises ``ValueError`` for a code that no finding has, and for one that cannot be ignored.
    """
    load()
    known = CODES.keys() | REGISTRY.keys()
    codes = {code.strip() for word in words for code in word.split(",") if code.strip()}
    for code in sorted(codes):
        if code not in known:
            close = difflib.get_close_matches(code, sorted(known), n=1)
            hint = f": did you mean {close[0]!r}?" if close else " (docs/lint.md lists them)"
            raise ValueError(f"there is no code {code!r}{hint}")
        if code in CODES and CODES[code].severity is Severity.ERROR:
            raise ValueError(f"{code!r} cannot be ignored: the configuration would be unusable")
    return frozenset(codes)
