"""``serve --env``: a site's configuration from the environment, once.

The mark that it is done is a file in the directory itself, so that the two are kept or lost
together. It is written last: what a crash interrupts is done again from the start. Later starts
leave the configuration alone, whatever the environment says, unless ``FORCE_CONFIG`` is set.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path

from filter_engine.config.findings import Finding, Severity
from filter_engine.importers.environment import variable_of
from filter_engine.importers.outcome import ImportFaultError, Outcome, Remark
from filter_engine.importers.write import Change, apply, make_directories, plan, replace
from filter_engine.lazy_dataclass import mutable

MARK = ".seeded"
FORCE = "FORCE_CONFIG"

#: Says what is wrong with a directory once files are written into it.
Inspect = Callable[[Mapping[str, str], Path], tuple[Finding, ...]]


@mutable
class Seeding:
    """What was done: nothing (``done`` False), or these files, with the backups made."""

    done: bool
    changes: list[Change] = field(default_factory=list)
    backups: list[Path] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


def wanted(directory: Path, environ: Mapping[str, str]) -> bool:
    """Whether the environment is to be read: the first time, or when it is forced."""
    return bool(environ.get(FORCE)) or not (directory / MARK).exists()


def seed(
    directory: Path,
    environ: Mapping[str, str],
    import_environ: Callable[[], Outcome],
    inspect: Inspect,
) -> Seeding:
    """Write the environment's files into ``directory``, which is made when it is missing.

    Raises ``ImportFaultError``, and writes nothing, when a value cannot be used.
    """
    if not wanted(directory, environ):
        return Seeding(done=False)
    try:
        make_directories(directory)
        with _alone(directory):
            if not wanted(directory, environ):
                return Seeding(done=False)
            outcome = import_environ()
            outcome.leave(directory)
            _refuse_faulty(outcome, inspect(outcome.files, directory))
            changes = plan(outcome.files, directory)
            backups = apply(changes, directory)
            replace(directory / MARK, "Seeded from the environment; delete this to seed again.\n")
    except OSError as error:
        place = str(error.filename or directory)
        raise ImportFaultError(f"cannot be written: {error.strerror}", place) from None
    return Seeding(True, changes, backups, outcome.remarks)


def _refuse_faulty(outcome: Outcome, findings: tuple[Finding, ...]) -> None:
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if not errors:
        return
    names = {Path(path).name for path in outcome.files}
    texts = []
    for error in errors:
        name = Path(error.file).name
        source = f" (from {variable_of(name)})" if name in names else ""
        texts.append(f"{error}{source}")
    raise ImportFaultError(
        "nothing was written: the configuration would be refused",
        "environment",
        0,
        "\n".join(texts),
    )


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One seeding at a time: two containers may share a volume."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
