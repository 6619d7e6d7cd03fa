"""``filter-engine migrate``: old spellings in a site's files brought up to date."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from filter_engine import checks
from filter_engine.cli.exit_status import PARTLY
from filter_engine.cli.options import fail
from filter_engine.config.findings import Severity
from filter_engine.headers.sections import sections
from filter_engine.importers.migrate import Migration, choose
from filter_engine.importers.migrate import migrate as migrated
from filter_engine.importers.migrate_fixes import FIXES
from filter_engine.importers.outcome import ImportFaultError
from filter_engine.importers.staging import inspect_staged
from filter_engine.importers.write import apply, keep, plan
from filter_engine.scan.declare import REGISTRY


@click.command()
@click.argument(
    "directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.argument("fixes", nargs=-1, metavar="[FIX...|all]")
@click.option("-l", "--list", "listed", is_flag=True, help="List the fixes.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the changes only.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print JSON.")
def migrate(
    directory: Path | None, fixes: tuple[str, ...], listed: bool, dry_run: bool, as_json: bool
) -> None:
    """Rewrite old spellings below DIRECTORY (its local.d and override.d).

    Each FIX is a number or a name of the list; all means each of them. Comments stay, every
    file that changes is kept as .bak, and a second run changes nothing. Exit status 3 when
    something is left to do by hand.
    """
    if listed and as_json:
        rows = [{"number": f.number, "name": f.name, "summary": f.summary} for f in FIXES]
        click.echo(json.dumps(rows, indent=2))
        return
    if listed:
        for fix in FIXES:
            click.echo(f"{fix.number:2} {fix.name}: {fix.summary}")
        return
    if directory is None or not fixes:
        fail("name a directory and fixes, or all; --list shows them", 2)
    try:
        chosen = choose(FIXES, fixes)
    except KeyError as unknown:
        fail(f"there is no fix {unknown}; --list shows them", 2)
    try:
        result = migrated(directory, chosen)
        _refuse_worse(directory, result)
        changes = plan(result.files, directory)
        if not as_json:
            for change in changes:
                click.echo(change.diff or f"{change.path}: {change.state}")
            for path in result.removed:
                click.echo(f"{path}: goes, kept as .bak")
        if not dry_run:
            apply(changes, directory)
            for path in result.removed:
                keep(directory / path)
                (directory / path).unlink()
    except ImportFaultError as fault:
        fail(str(fault))
    except OSError as error:
        fail(f"{error.filename}: cannot be written: {error.strerror}")
    done = [name for name, changed in result.applied.items() if changed]
    if as_json:
        said = {
            "dry_run": dry_run,
            "applied": done,
            "changes": [
                {"path": str(change.path), "state": str(change.state), "diff": change.diff}
                for change in changes
            ],
            "removed": [str(path) for path in result.removed],
            "by_hand": [str(remark) for remark in result.remarks],
        }
        click.echo(json.dumps(said, indent=2))
        sys.exit(PARTLY if result.remarks else 0)
    click.echo(f"{'would apply' if dry_run else 'applied'}: {', '.join(done) or 'nothing'}")
    for remark in result.remarks:
        click.echo(f"by hand: {remark}", err=True)
    sys.exit(PARTLY if result.remarks else 0)


def _refuse_worse(directory: Path, result: Migration) -> None:
    """Raise ``ImportFaultError`` for a fault that the loader finds in the new tree only."""
    checks.load()
    modules, groups = sections(REGISTRY), REGISTRY.groups()
    before, after = (
        [
            f
            for f in inspect_staged(files, directory, {}, os.environ, modules, groups)
            if f.severity is Severity.ERROR
        ]
        for files in ({}, result.files)
    )
    known = {(f.code, f.message) for f in before}
    for fault in after:
        if (fault.code, fault.message) not in known:
            raise ImportFaultError(
                f"the engine would refuse it: {fault.message}; nothing was written",
                fault.file,
                fault.line,
                fault.hint,
            )
