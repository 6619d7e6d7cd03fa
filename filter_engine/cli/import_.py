"""``filter-engine import``: another system's configuration as a site's files or role variables."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from filter_engine import checks
from filter_engine.cli.exit_status import PARTLY
from filter_engine.cli.options import fail
from filter_engine.config import Finding
from filter_engine.importers.amavis import import_amavis
from filter_engine.importers.custom_commands import import_custom_commands
from filter_engine.importers.env_file import EnvFile, read_env
from filter_engine.importers.environment import import_environment
from filter_engine.importers.outcome import ImportFaultError, Outcome
from filter_engine.importers.redact import redact
from filter_engine.importers.rmilter import import_rmilter
from filter_engine.importers.role_variables import to_variables
from filter_engine.importers.rspamd_tree import import_rspamd
from filter_engine.importers.site_files import site_files
from filter_engine.importers.staging import inspect_staged
from filter_engine.importers.stock import stock_of
from filter_engine.importers.write import Change, State, apply, plan
from filter_engine.importers.write import read as read_existing
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.declare import REGISTRY
from filter_engine.scanner import sections
from filter_engine.ucl.regular_file import read_regular_file

MAX_SOURCE = 4 * 1024 * 1024


VARIABLES_FILE = "filter_engine.json"
SECRETS_FILE = "filter_engine_vault.json"


@frozen
class Request:
    """What the command line asks for."""

    #: None with ``--process-env``.
    source: Path | None
    to: Path | None
    stock: Path | None
    environ: Mapping[str, str]

    @property
    def name(self) -> str:
        """The source as messages name it."""
        return str(self.source or "environment")

    def text(self) -> str:
        """The source's text."""
        if self.source is None:
            raise ImportFaultError("this kind needs a file", "SOURCE")
        return _read(self.source)

    def env(self) -> EnvFile:
        """The source as an environment."""
        if self.source is None:
            return EnvFile(dict(self.environ))
        return read_env(self.text(), self.name, self.environ)


def _env(request: Request) -> Outcome:
    env = request.env()
    outcome = import_environment(env.values, request.name, _site_files(), env.lines)
    outcome.remarks = sorted([*outcome.remarks, *env.remarks])
    with tempfile.TemporaryDirectory(prefix="filter-engine-") as alone:
        directory = Path(alone)
        outcome.told(_inspected(outcome.files, directory, request), directory)
    return outcome


def _amavis_env(request: Request) -> Outcome:
    env = request.env()
    outcome = import_amavis(env.values, request.name, env.lines)
    outcome.remarks = sorted([*outcome.remarks, *env.remarks])
    return outcome


def _custom_commands(request: Request) -> Outcome:
    known = _site_files()
    existing = {}
    for path in sorted((request.to / "override.d").glob("*")) if request.to else ():
        text = read_existing(path) if path.is_file() else None
        if text is not None:
            existing[f"override.d/{path.name}"] = text
    return import_custom_commands(request.text(), request.name, known, existing)


def _rmilter(request: Request) -> Outcome:
    return import_rmilter(request.text(), request.name, read=_included)


def _included(path: str) -> str:
    """A file that the source names; raises ``OSError``."""
    content = read_regular_file(path, MAX_SOURCE)
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _rspamd(request: Request) -> Outcome:
    if request.source is None:
        raise ImportFaultError("this kind needs a directory", "SOURCE")
    directory = request.source
    return import_rspamd(
        directory, stock_of(request.stock), lambda files: _inspected(files, directory, request)
    )


def _inspected(files: Mapping[str, str], directory: Path, request: Request) -> tuple[Finding, ...]:
    """What the loader says of ``directory`` with these files in it."""
    modules, groups = sections(REGISTRY), REGISTRY.groups()
    return inspect_staged(files, directory, {}, request.environ, modules, groups)


KINDS: dict[str, Callable[[Request], Outcome]] = {
    "amavis-env": _amavis_env,
    "custom-commands": _custom_commands,
    "env": _env,
    "rmilter": _rmilter,
    "rspamd": _rspamd,
}
"""Kind of source -> its importer."""


@click.command("import")
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.argument("source", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--process-env", is_flag=True, help="Take this process's environment as SOURCE.")
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), help="Write into DIR.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["local.d", "variables"]),
    default="local.d",
    show_default=True,
    help="Files of a site, or variables of the roles (JSON, as group_vars take it).",
)
@click.option("--force", is_flag=True, help="Replace files that differ; they stay as .bak.")
@click.option("-n", "--dry-run", is_flag=True, help="Write nothing; show what would be written.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--stock",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Rspamd's tree as shipped, to tell edits (kind rspamd; default: dpkg's checksums).",
)
def import_(
    kind: str,
    source: Path | None,
    process_env: bool,
    to: Path | None,
    form: str,
    force: bool,
    dry_run: bool,
    as_json: bool,
    stock: Path | None,
) -> None:
    """Carry another system's configuration over, and list each line that cannot be.

    KIND env: variables that name files of local.d (SOURCE: a file of KEY=value lines);
    amavis-env: those of docker-postfix-amavis; custom-commands: docker-mailserver's file;
    rmilter: rmilter.conf; rspamd: the directory /etc/rspamd.

    Exit status 0 when everything was carried over, 3 when some lines were not, 1 when the source
    cannot be used or files stand in the way: then nothing is written.
    """
    if (source is None) == (not process_env):
        fail("name one SOURCE, or --process-env", 2)
    checks.load()
    request = Request(source, to, stock, os.environ)
    try:
        outcome = KINDS[kind](request)
        if to is not None:
            outcome.leave(to)
        files = outcome.files
        if form == "variables":
            outcome = to_variables(outcome)
            files = {VARIABLES_FILE: _as_json(outcome.variables)}
            if outcome.secrets:
                files[SECRETS_FILE] = _as_json(outcome.secrets)
        changes = plan(files, to) if to else [Change(p, t, State.NEW) for p, t in files.items()]
        in_the_way = [change.path for change in changes if change.state is State.CHANGED]
        refused = bool(in_the_way) and not force
        backups = apply(changes, to) if to and not dry_run and not refused else []
    except ImportFaultError as fault:
        fail(_plain(str(fault)))
    written = to is not None and not dry_run and not refused
    report = _Report(outcome, changes, backups, written, form == "variables")
    click.echo(report.as_json() if as_json else report.as_text())
    if refused and not dry_run:
        fail(
            f"nothing was written, these files differ: {', '.join(in_the_way)}\n"
            "    --force replaces them and keeps them as .bak"
        )
    sys.exit(PARTLY if any(remark.lost for remark in outcome.remarks) else 0)


@frozen
class _Report:
    outcome: Outcome
    changes: list[Change]
    backups: list[Path]
    written: bool
    is_variables: bool

    def as_json(self) -> str:
        shown = {
            "written": self.written,
            "files": [
                {"path": change.path, "state": change.state.value, "diff": change.diff}
                for change in self.changes
            ],
            "backups": [str(path) for path in self.backups],
            "variables": sorted(self.outcome.variables),
            "secrets": sorted(self.outcome.secrets),
            "remarks": [
                {
                    "file": remark.file,
                    "line": remark.line,
                    "subject": remark.subject,
                    "reason": remark.reason,
                    "lost": remark.lost,
                }
                for remark in self.outcome.remarks
            ],
        }
        return json.dumps(shown, indent=2)

    def as_text(self) -> str:
        rows: list[str] = []
        for change in self.changes:
            if self.written or change.state is not State.NEW:
                rows.append(f"{change.path}: {change.state}")
            if change.diff:
                rows.append(change.diff)
            if not self.written and change.state is State.NEW:
                hidden = self.is_variables and change.path == SECRETS_FILE
                text = _as_json(dict.fromkeys(self.outcome.secrets, "(hidden)")) if hidden else ""
                rows.append(f"--- {change.path}\n{text or redact(change.text)}".rstrip())
        rows.extend(f"kept: {path}" for path in self.backups)
        if not self.is_variables and (self.outcome.variables or self.outcome.secrets):
            names = ", ".join(sorted([*self.outcome.variables, *self.outcome.secrets]))
            rows.append(f"for the roles only, see --format variables: {names}")
        if self.is_variables and self.outcome.secrets and self.written:
            rows.append(f"encrypt it before it is committed: ansible-vault encrypt {SECRETS_FILE}")
        lost = [remark for remark in self.outcome.remarks if remark.lost]
        noted = [remark for remark in self.outcome.remarks if not remark.lost]
        for title, remarks in (("carried over, look at", noted), ("not carried over", lost)):
            if remarks:
                rows.append(f"{title}:")
                rows.extend(f"  {_plain(str(remark))}" for remark in remarks)
        return "\n".join(rows) or "nothing to carry over"


def _site_files() -> frozenset[str]:
    return site_files(sections(REGISTRY), REGISTRY.groups())


def _as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _read(path: Path) -> str:
    """The text of a source. Raises ``ImportFaultError``."""
    try:
        return _included(str(path))
    except OSError as error:
        raise ImportFaultError(f"cannot read it: {error.strerror}", str(path)) from None


def _plain(text: str) -> str:
    """Without control characters: the words may come from a hostile file."""
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)
