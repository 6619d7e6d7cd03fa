"""The module ``dynamic_conf``: its options. The controller shares scores, no scan does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from filter_engine.config.kinds import STRING, TIME
from filter_engine.config.options_class import options_class
from filter_engine.config.redis import ModuleRedis
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, option
from filter_engine.scan.declare import Stage, check
from filter_engine.scan.task import Task

MODULE: Final = "dynamic_conf"


@options_class
class DynamicConfOptions(ModuleRedis):
    """Scores and thresholds that the WebUI saves, shared by hosts through Redis."""

    anchor: ClassVar[str] = "modules/dynamic_conf"
    known: ClassVar[Mapping[str, Option]] = unserved(MODULE)
    needs_section: ClassVar[bool] = True

    redis_key: str = option(STRING, MODULE, doc="key in Redis; no prefix is put before it")
    redis_watch_interval: float = option(
        TIME, 10.0, unit="seconds", doc="time between two looks at what others changed"
    )


@check(
    MODULE,
    options=DynamicConfOptions,
    stage=Stage.IDEMPOTENT,
    symbols=(),
    has_work=lambda _options: False,
)
def dynamic_conf(_task: Task) -> None:
    """Nothing at a scan: the configuration that is loaded holds what is shared."""
