"""``redis``."""

from __future__ import annotations

from filter_engine.config.kinds import BOOLEAN, INTEGER, STRING, TIME
from filter_engine.config.schema import declare_known, known

REDIS = declare_known(
    expand_keys=known(BOOLEAN, False, doc="replace ${...} in keys"),
    redis_version=known(INTEGER, 6, doc="major version of the servers"),
    sentinel_watch_time=known(TIME, 60.0, unit="seconds", doc="how often Sentinels are asked"),
    sentinel_masters_pattern=known(STRING, doc="Lua pattern of the primaries' names"),
    sentinel_master_maxerrors=known(INTEGER, 2, doc="errors until Sentinels are asked at once"),
    sentinel_username=known(STRING, doc="user at the Sentinels (ACL)"),
)
