"""Lines to the local syslog (RFC 3164)."""

from __future__ import annotations

import logging
import logging.handlers
from typing import ClassVar

from filter_engine.config.log_levels import WORDS


class SyslogHandler(logging.handlers.SysLogHandler):
    """Datagrams to the local syslog, all eight severities."""

    priority_map: ClassVar[dict[str, str]] = {
        logging.getLevelName(level): "err" if word == "error" else word
        for level, word in WORDS.items()
    }
    append_nul = False
