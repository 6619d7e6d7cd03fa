"""Severities of log lines: syslog's eight (RFC 5424, section 6.2.1) and Rspamd's words for them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType

NOTICE = 25
"""Normal, but worth a line: between information and warnings. Python knows no such level."""
ALERT, EMERGENCY = 60, 70

PRIORITIES: Mapping[int, int] = MappingProxyType(
    {
        EMERGENCY: 0,
        ALERT: 1,
        logging.CRITICAL: 2,
        logging.ERROR: 3,
        logging.WARNING: 4,
        NOTICE: 5,
        logging.INFO: 6,
        logging.DEBUG: 7,
    }
)
"""Level of a record -> syslog's severity, in the order of the latter."""

WORDS: Mapping[int, str] = MappingProxyType(
    dict(
        zip(
            PRIORITIES,
            ("emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"),
            strict=True,
        )
    )
)
"""Level -> the word for it in configurations and lines."""

SILENT = "silent"
"""Rspamd's word: information until the workers are forked, then notices."""

LEVELS: Mapping[str, int] = MappingProxyType(
    {word: level for level, word in WORDS.items()}
    | {str(priority): level for level, priority in PRIORITIES.items()}
    | {SILENT: logging.INFO}
)
"""What ``logging { level = ...; }`` may be -> the least level that is logged."""

logging.addLevelName(NOTICE, "NOTICE")
logging.addLevelName(ALERT, "ALERT")
logging.addLevelName(EMERGENCY, "EMERG")
