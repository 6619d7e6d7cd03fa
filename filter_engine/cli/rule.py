"""``filter-engine rule``: work on a site's own rules."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import field, replace
from pathlib import Path
from typing import Any

import click

from filter_engine import checks
from filter_engine.cli.options import config_options, fail
from filter_engine.config.findings import ConfigError
from filter_engine.config.loader import load
from filter_engine.config.model import Config
from filter_engine.dns.table import TableResolver
from filter_engine.headers.sections import sections
from filter_engine.lazy_dataclass import frozen
from filter_engine.rules.example import Example
from filter_engine.rules.loader import RuleFile, RuleFileError, copied, load_file
from filter_engine.scan import run
from filter_engine.scan.declare import REGISTRY, Check, Registry
from filter_engine.scan.question import Ask
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding, Outcome, Verdict
from filter_engine.scanner import Scanner


@click.group()
def rule() -> None:
    """Test the rules of a site (Python files in rules.d)."""


@frozen
class Result:
    """What became of one example."""

    name: str
    fired: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    failed: tuple[str, ...]
    """Checks of the file that raised or did not finish."""
    evidence: dict[str, str]
    foreign: tuple[str, ...] = ()
    """Symbols that the file's checks return and do not declare."""
    errors: dict[str, str] = field(default_factory=dict)
    """What was raised, with its place in the file, by check."""

    @property
    def ok(self) -> bool:
        """The example did what it should."""
        return not (self.missing or self.unexpected or self.failed or self.foreign)

    def as_dict(self) -> dict[str, object]:
        """For ``--json``."""
        return {
            "example": self.name,
            "ok": self.ok,
            "fired": self.fired,
            "missing": self.missing,
            "unexpected": self.unexpected,
            "failed": self.failed,
            "foreign": self.foreign,
            "errors": self.errors,
            "evidence": self.evidence,
        }


@rule.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@config_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object, one a file.")
def test(
    files: tuple[Path, ...],
    config_file: Path | None,
    variables: dict[str, str],
    as_json: bool,
) -> None:
    """Run the EXAMPLES of rule FILES and print what fired.

    Each file is loaded beside the built-in checks, and each example is scanned offline: names that
    it does not give in "dns" do not exist. Exit status 1 when an example does not set exactly the
    symbols it expects, when a check raises, or when a file cannot be loaded.
    """
    checks.load()
    good = True
    for path in files:
        registry = copied(REGISTRY)
        try:
            loaded = load_file(path.resolve(), registry)
        except RuleFileError as error:
            fail(str(error))
        config = _config(config_file, variables, registry)
        results = asyncio.run(_run(loaded, config, registry))
        good = good and bool(loaded.checks) and all(result.ok for result in results)
        if as_json:
            report = {
                "file": str(path),
                "checks": loaded.checks,
                "symbols": loaded.symbols,
                "examples": [result.as_dict() for result in results],
            }
            click.echo(json.dumps(report))
        else:
            _print(path, loaded, results)
    sys.exit(0 if good else 1)


def _config(config_file: Path | None, variables: dict[str, str], registry: Registry) -> Config:
    try:
        return load(config_file, variables, modules=sections(registry), groups=registry.groups())
    except ConfigError as error:
        fail(f"the configuration cannot be used:\n{error}")


def _listening(registry: Registry, names: Collection[str], returned: set[str]) -> Registry:
    """The checks, those of ``names`` so that the symbols they return go into ``returned``."""
    heard = Registry()
    for check in registry:
        heard.add(_heard(check, returned) if check.name in names else check)
    return heard


def _heard(check: Check, returned: set[str]) -> Check:
    run: Any = check.run

    def noted(found: Any) -> Any:
        if isinstance(found, Iterator):
            found = tuple(found)
        findings = found.findings if isinstance(found, Outcome) else found
        if isinstance(findings, (list, tuple)):
            returned.update(str(one.symbol) for one in findings if isinstance(one, Finding))
        return found

    async def asking(task: Task, ask: Ask) -> Any:
        return noted(await run(task, ask))

    return replace(check, run=asking if check.asks else lambda task: noted(run(task)))


class _Errors(logging.Handler):
    """Keeps what the engine would log of checks that fail, in one line each."""

    def __init__(self, path: str) -> None:
        super().__init__(logging.ERROR)
        self._path = path
        self.by_check: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Note the error with the line of the rule file it passed through."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return
        check = str(record.args[0]) if isinstance(record.args, tuple) and record.args else ""
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == self._path
        ]
        place = f" ({self._path}:{lines[-1]})" if lines else ""
        self.by_check.setdefault(check, f"{type(error).__name__}: {error}{place}")


@contextmanager
def _errors_kept(path: str) -> Iterator[_Errors]:
    """Errors of checks go to ``rule test`` instead of the log, where they have a traceback."""
    kept, log = _Errors(path), logging.getLogger(run.__name__)
    before = log.propagate
    log.addHandler(kept)
    log.propagate = False
    try:
        yield kept
    finally:
        log.removeHandler(kept)
        log.propagate = before


async def _run(loaded: RuleFile, config: Config, registry: Registry) -> list[Result]:
    results: list[Result] = []
    for number, example in enumerate(loaded.examples, 1):
        returned: set[str] = set()
        scanner = Scanner(
            config,
            _listening(registry, loaded.checks, returned),
            transport=TableResolver(example.dns),
        )
        try:
            with _errors_kept(loaded.path) as errors:
                verdict = await scanner.scan(example.raw, example.envelope)
        finally:
            scanner.close()
        name = example.name or f"example {number}"
        judged = _judged(name, example, loaded, verdict, scanner.plan.symbols, returned)
        results.append(replace(judged, errors=errors.by_check))
    return results


def _judged(
    name: str,
    example: Example,
    loaded: RuleFile,
    verdict: Verdict,
    symbols: object,
    returned: set[str],
) -> Result:
    own = set(loaded.symbols)
    if isinstance(symbols, dict):
        own |= {symbol for check in loaded.checks for symbol in symbols.get(check, ())}
    fired = tuple(symbol.name for symbol in verdict.symbols if symbol.name in own)
    expected = set(example.expect)
    return Result(
        name=name,
        fired=fired,
        missing=tuple(sorted(expected - {symbol.name for symbol in verdict.symbols})),
        unexpected=tuple(symbol for symbol in fired if symbol not in expected),
        failed=tuple(check for check in verdict.unfinished if check in loaded.checks),
        foreign=tuple(sorted(returned - own)),
        evidence={
            symbol.name: "; ".join((*symbol.options, *symbol.evidence))
            for symbol in verdict.symbols
            if symbol.name in own
        },
    )


def _print(path: Path, loaded: RuleFile, results: list[Result]) -> None:
    click.echo(f"{path}: checks {', '.join(loaded.checks) or 'none'}")
    if not loaded.checks:
        click.echo("  warning: no function is declared with @check(...): the file does nothing")
    if not results:
        click.echo("  no EXAMPLES: nothing was tried")
    for result in results:
        fired = ", ".join(
            f"{name} ({result.evidence[name]})" if result.evidence[name] else name
            for name in result.fired
        )
        click.echo(f"  {'ok  ' if result.ok else 'FAIL'} {result.name}: {fired or 'nothing'}")
        for name in result.missing:
            click.echo(f"       {name} was expected and is not set")
        for name in result.unexpected:
            click.echo(f"       {name} is set and was not expected")
        for name in result.failed:
            click.echo(f"       check {name} failed: {result.errors.get(name, 'it was not done')}")
        for name in result.foreign:
            click.echo(f"       {name} is returned, and no check of the file declares it")
