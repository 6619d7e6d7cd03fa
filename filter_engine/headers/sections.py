"""Every section of the configuration that a check or the headers declare, with its schema."""

from __future__ import annotations

from filter_engine.config.schema import Section
from filter_engine.headers import privacy
from filter_engine.headers.options import (
    OLD_SECTION,
    SECTION,
    MilterHeadersOptions,
    RmilterHeadersOptions,
)
from filter_engine.scan.declare import Registry


def sections(registry: Registry) -> dict[str, type[Section]]:
    """Configuration section -> schema, for ``config.load``: the checks' and the headers'."""
    return registry.sections() | {
        SECTION: MilterHeadersOptions,
        OLD_SECTION: RmilterHeadersOptions,
        privacy.SECTION: privacy.PrivacyOptions,
    }
