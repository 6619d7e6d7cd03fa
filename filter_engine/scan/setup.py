"""What a check may use while it gets ready, before processes are forked."""

from __future__ import annotations

from dataclasses import dataclass

from filter_engine.config.model import Config


@dataclass(frozen=True, slots=True)
class Setup:
    """Handed to ``prepare`` beside the check's own options."""

    config: Config
