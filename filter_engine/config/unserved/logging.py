"""``logging``."""

from __future__ import annotations

from filter_engine.config.kinds import BOOLEAN, SIZE, STRING
from filter_engine.config.schema import declare_known, known

LOGGING = declare_known(
    encryption_key=known(STRING, doc="public key that addresses in the log are encrypted with"),
    log_buffer=known(SIZE, 32768, unit="bytes", doc="buffer of a log file; each line is written"),
    log_re_cache=known(BOOLEAN, True, doc="log how many patterns were tried"),
)
