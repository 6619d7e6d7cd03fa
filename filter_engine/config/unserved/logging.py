"""``logging``."""

from __future__ import annotations

from filter_engine.config.kinds import (
    ADDRESSES,
    BOOLEAN,
    INTEGER,
    SIZE,
    STRING,
    at_least,
)
from filter_engine.config.schema import declare_known, known

_COUNT = at_least(INTEGER, 0)

LOGGING = declare_known(
    log_color=known(BOOLEAN, False, doc="colours on a console", aliases=("color",)),
    debug_ip=known(ADDRESSES, doc="clients whose messages are logged at debug level"),
    encryption_key=known(STRING, doc="public key that addresses in the log are encrypted with"),
    error_elts=known(_COUNT, 10, doc="errors kept for the WebUI"),
    error_maxlen=known(_COUNT, 1000, unit="bytes", doc="longest of them"),
    log_buffer=known(SIZE, 32768, unit="bytes", doc="buffer of a log file"),
    log_format=known(STRING, doc="template of the line about a message"),
    log_json=known(BOOLEAN, False, doc="log lines as JSON"),
    log_re_cache=known(BOOLEAN, True, doc="log how many patterns were tried"),
    log_severity=known(BOOLEAN, False, doc="name the severity in each line"),
    log_urls=known(BOOLEAN, False, doc="log every URL of a message"),
    log_usec=known(BOOLEAN, False, doc="microseconds in time stamps"),
    max_log_tag_len=known(_COUNT, doc="longest tag of a message in a line"),
    task_max_elts=known(_COUNT, 7, doc="entries of a list in the line about a message; 0 = all"),
)
