"""``options.upstream``: when a server of any list counts as dead.

Source: Rspamd's documentation of upstreams (configuration/upstream).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from filter_engine.config.kinds import INTEGER, TIME, at_least
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import Option, Section, option
from filter_engine.config.unserved.options import UPSTREAM


@options_class
class UpstreamConfig(Section):
    """``options.upstream``: what holds for all lists of servers."""

    known: ClassVar[Mapping[str, Option]] = UPSTREAM
    anchor: ClassVar[str] = "configuration/upstream"

    max_errors: int = option(
        at_least(INTEGER, 1), 4, doc="errors within error_time that make a server dead"
    )
    error_time: float = option(
        at_least(TIME, 0), 10.0, unit="seconds", doc="how long an error counts"
    )
    revive_time: float = option(
        at_least(TIME, 0),
        60.0,
        unit="seconds",
        doc="how long a dead server is left alone while another is alive",
    )
