"""``python -m demo``: the whole path on one machine, with progress all along."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from demo.roll_out import roll_out
from lab.errors import LabError
from lab.lab import Lab
from lab.paths import DEFAULT_NAME, DEFAULT_SITE, PROJECT, make_command

STEPS = 4


class Progress:
    """Says what is being done, step n of m, and how long it took."""

    def __init__(self) -> None:
        self._number = 0

    def step(self, what: str, work: Callable[[], object]) -> None:
        """Do one step. Raises whatever the work raises."""
        self._number += 1
        click.secho(f"== step {self._number} of {STEPS}: {what}", bold=True)
        began = time.monotonic()
        work()
        click.echo(f"   done in {time.monotonic() - began:.1f} s")


@click.command()
@click.option("--lab", "name", default=DEFAULT_NAME, show_default=True, help="Name of the lab.")
@click.option(
    "--site",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=DEFAULT_SITE,
    help="Inventory directory.  [default: inventories/three_hosts]",
)
def demo(name: str, site: Path) -> None:
    """Boot the lab, roll the site out, send the demo mails and print what became of each.

    Exit status 0 only if every mail fared as it should.
    The lab stays up: `make lab-down` removes it.
    """
    site = site.resolve()
    os.chdir(PROJECT)  # Ansible's plugins are found from here
    lab = Lab(name, lambda line: click.echo(f"   {line}"))
    progress = Progress()
    python = [sys.executable, "-m"]
    try:
        progress.step("collecting the engine's wheels", _wheelhouse)
        progress.step("booting the lab", lambda: lab.up(site))
        progress.step(
            "rolling the site out (playbooks/site.yml)", lambda: roll_out(lab, site, click.echo)
        )
        progress.step(
            "sending the mails",
            lambda: _run(lab, [*python, "demo.mails", "--lab", name], "some mails went wrong"),
        )
    except LabError as error:
        click.secho(f"demo: {error}", err=True, fg="red")
        sys.exit(1)
    click.echo(
        f"The lab is still up: {make_command('lab-shell HOST=...', name)} looks around, "
        f"{make_command('lab-down', name)} removes it."
    )


def _wheelhouse() -> None:
    script = PROJECT / "roles/filter_engine/scripts/build_wheelhouse.py"
    if subprocess.run([sys.executable, str(script)], check=False).returncode:  # noqa: S603 - ours
        raise LabError("the wheelhouse could not be built; see above")


def _run(lab: Lab, argv: list[str], complaint: str) -> None:
    if lab.exec(argv, {"ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")}):
        raise LabError(complaint)


if __name__ == "__main__":
    demo()
