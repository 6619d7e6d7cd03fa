"""Loading: find the tree, parse its layers, bind them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from filter_engine.config.model import Config
from filter_engine.config.schema import Section


def load(
    main_file: Path | str | None = None,
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    modules: Mapping[str, type[Section]] | None = None,
) -> Config:
    """Read the configuration and bind it.

    ``main_file`` None means the shipped one, which includes the site's ``local.d`` and
    ``override.d``. ``variables`` are those of ``--var``; ``environ`` is what templates see
    as ``env`` (names start with ``RSPAMD_`` there). ``modules`` maps a section name to the
    schema of the check module that owns it.

    Raises ``ConfigError`` with every finding when anything in it is an error.
    """
    raise NotImplementedError
