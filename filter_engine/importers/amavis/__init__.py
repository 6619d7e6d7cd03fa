"""The environment of the container docker-postfix-amavis as role variables and local.d files."""

from __future__ import annotations

from collections.abc import Mapping

from filter_engine.importers.outcome import Outcome


def import_amavis(
    environ: Mapping[str, str], file: str, lines: Mapping[str, int] | None = None
) -> Outcome:
    """Carry an environment over; ``lines`` gives the line of each name in ``file``."""
    raise NotImplementedError
