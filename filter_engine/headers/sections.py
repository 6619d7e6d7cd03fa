"""Every section of the configuration that a check or the headers declare, with its schema."""

from __future__ import annotations

from filter_engine.config.schema import Section
from filter_engine.headers.milter_headers import SECTION, MilterHeadersOptions
from filter_engine.scan.declare import Registry


def sections(registry: Registry) -> dict[str, type[Section]]:
    """Configuration section -> schema, for ``config.load``: the checks' and the headers'."""
    return registry.sections() | {SECTION: MilterHeadersOptions}
