"""A look at a site as it would be, before anything of it is written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from filter_engine.config.findings import Finding
from filter_engine.config.loader import inspect
from filter_engine.config.schema import Section


@contextmanager
def staged(files: Mapping[str, str], directory: Path) -> Iterator[Path]:
    """A directory that looks like ``directory`` with ``files`` written into it."""
    with tempfile.TemporaryDirectory(prefix="filter-engine-") as name:
        stage = Path(name)
        own = {path.split("/")[0] for path in files if "/" in path}
        _link(directory, stage, own)
        for folder in own:
            (stage / folder).mkdir(mode=0o700)
            _link(directory / folder, stage / folder, ())
        for path, text in files.items():
            target = stage / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.write_bytes(text.encode("utf-8", "surrogateescape"))
        yield stage


def inspect_staged(
    files: Mapping[str, str],
    directory: Path,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    modules: Mapping[str, type[Section]],
    groups: Iterable[str],
    main_file: Path | None = None,
) -> tuple[Finding, ...]:
    """What the loader says of ``directory`` with ``files`` in it; paths are the directory's."""
    with staged(files, directory) as stage:
        given = {**variables, "LOCAL_CONFDIR": str(stage)}
        found = inspect(main_file, given, environ, modules=modules, groups=groups).findings
        return tuple(_moved(finding, str(stage), str(directory)) for finding in found)


def _link(source: Path, target: Path, without: Iterable[str]) -> None:
    if source.is_dir():
        for entry in source.iterdir():
            if entry.name not in without:
                (target / entry.name).symlink_to(entry.absolute())


def _moved(finding: Finding, stage: str, directory: str) -> Finding:
    return replace(
        finding,
        file=finding.file.replace(stage, directory),
        message=finding.message.replace(stage, directory),
        hint=finding.hint.replace(stage, directory),
    )
