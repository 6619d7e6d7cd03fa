"""``actions``, ``group``, ``symbols`` and what is left of ``metric``."""

from __future__ import annotations

from filter_engine.config.kinds import BOOLEAN, INTEGER, NUMBER, STRING, WORDS
from filter_engine.config.schema import declare_known, known

SYMBOL = declare_known(
    flags=known(WORDS, doc="how its hits are told: one_shot, ignore, one_param, nice"),
    ignore=known(BOOLEAN, False, doc="do not complain when nothing sets the symbol"),
    one_param=known(BOOLEAN, False, doc="keep one option a symbol"),
    priority=known(INTEGER, doc="which of two statements about the symbol counts"),
)

GROUP = declare_known(
    description=known(STRING, doc="what the group is about"),
    min_score=known(NUMBER, doc="least its symbols may add together"),
    public=known(BOOLEAN, False, doc="shown where public_groups_only is set"),
    priority=known(INTEGER, doc="which of two statements about the group counts"),
)

METRIC = declare_known(
    name=known(STRING, "default", doc="name of the metric; default is the only one"),
)
