"""What a check may use while it gets ready, before processes are forked."""

from __future__ import annotations

from dataclasses import field

from filter_engine.config.model import Config
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.maps import Maps


@frozen
class Setup:
    """Handed to ``prepare`` beside the check's own options."""

    config: Config
    maps: Maps = field(default_factory=Maps)
    """``setup.maps.of(definition, kind, where)`` gives a map; the scanner keeps it fresh."""
