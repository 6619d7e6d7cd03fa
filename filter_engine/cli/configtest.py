"""``filter-engine configtest``: is the configuration correct, and does it do what it says?"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import click

from filter_engine import checks, lint
from filter_engine.cli.completion import complete_code
from filter_engine.cli.key_faults import key_faults_of, unaligned_of
from filter_engine.cli.loading import key_files_of, symbols_of
from filter_engine.cli.options import config_options, fail
from filter_engine.cli.remote import AskError, host_options, named_controller
from filter_engine.cli.shown_findings import count, print_findings, read_finding
from filter_engine.config.findings import Finding, Severity
from filter_engine.config.loader import Inspection, inspect
from filter_engine.config.variables import VARIABLES
from filter_engine.headers.sections import sections
from filter_engine.rules.loader import site_rules
from filter_engine.scan.declare import REGISTRY
from filter_engine.workers.config_id import config_id


def _codes(_ctx: click.Context, _param: click.Parameter, words: tuple[str, ...]) -> frozenset[str]:
    try:
        return lint.codes_of(words)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@config_options
@click.option("-s", "--strict", is_flag=True, help="Warnings fail as well.")
@click.option("-q", "--quiet", is_flag=True, help='Print findings only, no "syntax OK".')
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--ignore",
    multiple=True,
    callback=_codes,
    shell_complete=complete_code,
    metavar="CODE",
    help="Leave findings with this code out; may be repeated, or a comma list.",
)
@click.option(
    "--lint/--no-lint", "with_lint", default=True, help="Apply the rules of docs/lint.md."
)
@click.option(
    "--no-host",
    is_flag=True,
    help="The tree is another host's; do not look at this one's addresses and files.",
)
@click.option(
    "--host-root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default="/",
    help="Look for Postfix, clamd and keys below this directory; addresses are not examined.",
)
@host_options("default: the files of this host.", 70.0)
@click.option("--user", help="Account the engine runs as, which must read keys; default: this one.")
def configtest(
    config_file: Path | None,
    variables: dict[str, str],
    strict: bool,
    quiet: bool,
    as_json: bool,
    ignore: frozenset[str],
    with_lint: bool,
    no_host: bool,
    host_root: Path,
    user: str | None,
    **given: Any,
) -> None:
    """Check the configuration; print what is wrong with it, what will happen, what to write.

    Prints "syntax OK" and ends with status 0 when it can be used; status 1 when it cannot, with
    --strict also when there are warnings. Touches nothing. With --host a controller checks the
    files of its service.
    """
    controller = named_controller(given)
    if controller is not None:
        try:
            said = controller.get("configtest")
            there = tuple(read_finding(one) for one in said["findings"])
        except (AskError, ValueError, KeyError, TypeError) as error:
            fail(f"{controller.name}: no report: {error}")
        found = lint.without(there, ignore)
        _end(found, said["config_id"], strict=strict, quiet=quiet, as_json=as_json)
    checks.load()
    rules = site_rules(REGISTRY, variables)
    registry = rules.registry
    inspection = inspect(
        config_file, variables, modules=sections(registry), groups=registry.groups()
    )
    for name in _unused(inspection, variables):
        click.echo(f"filter-engine: warning: --var {name}: no file uses ${name}", err=True)
    host = _host(host_root, user) if not no_host else None
    found = _findings(inspection, host, ignore, with_lint=with_lint)
    found = tuple(sorted((*found, *lint.without(rules.findings, ignore))))
    config = inspection.config
    number = None if config is None else config_id(config)
    _end(found, number, strict=strict, quiet=quiet, as_json=as_json)


def _end(
    found: tuple[Finding, ...], number: str | None, *, strict: bool, quiet: bool, as_json: bool
) -> NoReturn:
    """Print the report and end the program.

    ``number`` is the ``config_id``, what a controller's ``/ready`` shows of the same files.
    """
    refused = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    failed = any(finding.severity in refused for finding in found)
    if as_json:
        findings = [finding.as_dict() for finding in found]
        said = {"ok": not failed, "config_id": number, "findings": findings}
        click.echo(json.dumps(said, indent=2))
    else:
        print_findings(found, err=failed)
        if failed:
            click.echo(f"the configuration is refused: {count(found)}", err=True)
        elif not quiet:
            click.echo("syntax OK")
    sys.exit(1 if failed else 0)


def _unused(inspection: Inspection, given: Mapping[str, str]) -> list[str]:
    """Variables of --var that are none of the engine's and stand in no file that was read."""
    names = sorted(given.keys() - VARIABLES)
    if not names or inspection.config is None:
        return []
    texts = [Path(file).read_bytes() for file in dict.fromkeys(inspection.config.files)]
    return [name for name in names if not any(name.encode() in text for text in texts)]


def _host(root: Path, user: str | None) -> lint.Host:
    try:
        lint.Account.named(user)
    except KeyError:
        raise click.BadParameter(f"--user: there is no account {user!r} here") from None
    return lint.Host(root.resolve(), user=user)


def _findings(
    inspection: Inspection, host: lint.Host | None, ignore: frozenset[str], *, with_lint: bool
) -> tuple[Finding, ...]:
    """The loader's findings and those of the rules, by file and line."""
    found = lint.without(inspection.findings, ignore)
    if with_lint and inspection.config is not None:
        found += lint.run(
            inspection.config,
            host,
            ignore=ignore,
            symbols_of=symbols_of,
            key_files_of=key_files_of,
            key_faults_of=key_faults_of,
            unaligned_of=unaligned_of,
        )
    return tuple(sorted(found))
