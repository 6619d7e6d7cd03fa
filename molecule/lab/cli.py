"""The command line: one verb a function, nothing else."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console
from rich.table import Table

from lab.errors import LabError
from lab.image import ensure_image
from lab.lab import Lab
from lab.paths import DEFAULT_NAME, DEFAULT_SITE
from lab.publish import publish_records

# What follows a host or begins a command belongs to that command, options too.
_VERBATIM = {"ignore_unknown_options": True, "allow_interspersed_args": False}
_ENVIRONMENT = "PYTHONPATH,PATH,LAB_NAME,LAB_SITE,LAB_APT_SOURCES"


def _say(line: str) -> None:
    click.echo(line, err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """A mail site as a lab on this machine: real hosts, a real Internet, no way out."""


_name = click.option(
    "--name",
    default=DEFAULT_NAME,
    envvar="LAB_NAME",
    show_default=True,
    help="Which lab; several may be up side by side.",
)


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@cli.command()
@_name
@click.option(
    "--site",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=DEFAULT_SITE,
    envvar="LAB_SITE",
    help="Inventory directory with a topology.yml.  [default: inventories/three_hosts]",
)
@click.option("--inside", is_flag=True, help="Refuse unless run under `exec`, as Molecule must be.")
@_as_json
def up(name: str, site: Path, inside: bool, as_json: bool) -> None:
    """Boot the Internet and the hosts of a site."""
    lab = Lab(name, _say)
    if inside and not lab.namespace.inside():
        raise LabError(f"Molecule must run inside the lab's network: `make molecule-{name}`")
    changed = lab.up(site)
    if as_json:
        click.echo(json.dumps({"changed": changed}))


@cli.command()
@_name
@click.option("--force", is_flag=True, help="Also if another checkout of the project made it.")
@_as_json
def down(name: str, force: bool, as_json: bool) -> None:
    """Remove every trace of a lab."""
    changed = Lab(name, _say).down(force=force)
    if as_json:
        click.echo(json.dumps({"changed": changed}))


@cli.command()
@click.option("--rebuild", is_flag=True, help="Build it even if nothing changed.")
def image(rebuild: bool) -> None:
    """Build the golden image, or find it built; print its tag."""
    tag, built = ensure_image(rebuild=rebuild)
    _say("built" if built else "reused")
    click.echo(tag)


@cli.command(context_settings=_VERBATIM)
@_name
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def shell(name: str, host: str, command: tuple[str, ...]) -> None:
    """Log in to a host, or run a command on it.

    One word is a command line for the host's shell; several arrive as they are given.
    """
    lab = Lab(name)
    argv = lab.ssh.argv(lab.host(host).name, *(["-t"] if sys.stdin.isatty() else []))
    words = command[1:] if command[:1] == ("--",) else command
    line = words[0] if len(words) == 1 else shlex.join(words)
    os.execvp(argv[0], [*argv, "--", line] if line else argv)  # noqa: S606 - ssh takes the terminal over


@cli.command(name="exec", context_settings=_VERBATIM)
@_name
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(name: str, command: tuple[str, ...]) -> None:
    """Run a command in the lab's network namespace, which is made if missing."""
    sys.exit(Lab(name).exec(command))


@cli.command()
@_name
def inventory(name: str) -> None:
    """Print the path of the generated inventory."""
    lab = Lab(name)
    _ = lab.record
    click.echo(lab.paths.inventory)


@cli.command()
@_name
@click.argument("host")
def cut(name: str, host: str) -> None:
    """Cut a host off from the network."""
    Lab(name).cut(host)


@cli.command()
@_name
@click.argument("host")
def heal(name: str, host: str) -> None:
    """Give a host its network back."""
    Lab(name).heal(host)


@cli.command()
@_name
@click.argument("host")
def kill(name: str, host: str) -> None:
    """Crash a host."""
    Lab(name).kill(host)


@cli.command()
@_name
@click.argument("host")
def start(name: str, host: str) -> None:
    """Boot a host that was killed or switched itself off."""
    Lab(name).start(host)


@cli.command()
@_name
@click.argument("zone")
@click.argument("records", type=click.File(), default="-")
def publish(name: str, zone: str, records: TextIO) -> None:
    """Publish DNS records: a JSON list of {"name", "type", "value"}, by default from stdin."""
    try:
        wanted = json.load(records)
    except ValueError as error:
        raise LabError(f"{records.name}: not JSON: {error}") from error
    publish_records(Lab(name), zone, wanted)


@cli.command()
@_name
@_as_json
def status(name: str, as_json: bool) -> None:
    """Show the hosts of a lab and their states; exit status 1 unless all run."""
    lab = Lab(name)
    states = lab.states()
    record = lab.record
    rows = [
        {
            "host": host.name,
            "state": states.get(host.name, "missing"),
            "ipv4": host.ipv4,
            "ipv6": host.ipv6,
            "fqdn": host.fqdn,
        }
        for host in record.hosts
    ]
    if as_json:
        click.echo(json.dumps({"name": name, "complete": record.complete, "hosts": rows}))
    else:
        table = Table(title=f"lab {name}: {Path(record.site).name}")
        for column in ("host", "state", "ipv4", "ipv6", "fqdn"):
            table.add_column(column)
        for row in rows:
            table.add_row(*(row[str(column.header)] or "" for column in table.columns))
        Console().print(table)
    sys.exit(0 if record.complete and all(row["state"] == "running" for row in rows) else 1)


def main() -> None:
    """Run a verb; as root, through sudo if need be."""
    if os.geteuid() != 0 and not {"-h", "--help"} & set(sys.argv[1:3]):
        _become_root()
    try:
        cli.main(prog_name="lab")
    except LabError as error:
        click.secho(f"lab: {error}", err=True, fg="red")
        sys.exit(1)


def _become_root() -> None:
    """Start again under sudo: namespaces, bridges and rootful Podman belong to root."""
    if shutil.which("sudo") is None:
        click.secho("lab: must run as root, and there is no sudo", err=True, fg="red")
        sys.exit(1)
    argv = ["sudo", f"--preserve-env={_ENVIRONMENT}", sys.executable, "-m", "lab", *sys.argv[1:]]
    os.execvp("sudo", argv)  # noqa: S606, S607 - sudo from PATH, on purpose
