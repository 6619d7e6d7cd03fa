"""Which checkout a lab belongs to: a machine may hold several, and lab names are the machine's."""

from __future__ import annotations

from pathlib import Path

from lab.errors import LabError
from lab.paths import PROJECT, LabPaths, make_command


def owner(paths: LabPaths) -> Path | None:
    """The project directory that made the lab; None when there is no lab."""
    try:
        return Path(paths.owner.read_text().strip())
    except FileNotFoundError:
        return None


def claim(paths: LabPaths) -> None:
    """Make the lab this project's. To be called under its lock."""
    refuse_strangers(paths)
    paths.owner.parent.mkdir(parents=True, exist_ok=True)
    paths.owner.write_text(f"{PROJECT}\n")


def release(paths: LabPaths) -> None:
    """Leave the name to whoever wants it."""
    paths.owner.unlink(missing_ok=True)


def refuse_strangers(paths: LabPaths) -> None:
    """Raise LabError when another project owns the lab."""
    theirs = owner(paths)
    if theirs is None or theirs == PROJECT:
        return
    name = paths.name
    raise LabError(
        f"lab {name} belongs to {theirs}; choose another name (LAB=othername), "
        f"or remove that lab: {make_command('lab-down', name)} there, or here "
        f"`PYTHONPATH=molecule .venv/bin/python -m lab down --name {name} --force`"
    )
