"""Options that several of Rspamd's modules share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from filter_engine.config.kinds import BOOLEAN, INTEGER, STRING, upstreams
from filter_engine.config.rspamd.kinds import QUOTED_TIME, STRINGS, TABLE, either
from filter_engine.config.schema import Kind, Option, Schema, declare_known, known

Options = Mapping[str, Option]

_REDIS_PORT = 6379

#: Every module has it.
ENABLED: Options = declare_known(
    enabled=known(BOOLEAN, True, doc="false switches the module off"),
)

#: Modules that pass over the site's own mail unless told otherwise.
OWN_MAIL: Options = declare_known(
    check_local=known(BOOLEAN, False, doc="also for clients in local_networks"),
    check_authed=known(BOOLEAN, False, doc="also for clients that logged in"),
)

#: How a module reaches Redis, where it shall be another one than the section ``redis`` tells.
REDIS: Options = declare_known(
    redis=known(TABLE, doc="the options of Redis, in a section of their own"),
    servers=known(upstreams(_REDIS_PORT), doc="Redis servers to read from and write to"),
    server=known(upstreams(_REDIS_PORT), doc="the same under an older name"),
    read_servers=known(upstreams(_REDIS_PORT), doc="Redis servers to read from"),
    write_servers=known(upstreams(_REDIS_PORT), doc="Redis servers to write to"),
    db=known(STRING, doc="number of the Redis database"),
    dbname=known(STRING, doc="number of the Redis database, older name"),
    database=known(STRING, doc="number of the Redis database, older name"),
    username=known(STRING, doc="user of Redis' access lists"),
    password=known(STRING, doc="password of Redis", secret=True),
    prefix=known(STRING, doc="put before every Redis key"),
    timeout=known(QUOTED_TIME, 1.0, unit="seconds", doc="how long Redis may take"),
    expand_keys=known(BOOLEAN, False, doc="fill in macros such as the host's name in keys"),
    redis_version=known(either(INTEGER, STRING), doc="version of the server, not asked for then"),
    sentinels=known(upstreams(26379), doc="Sentinels that name the servers"),
    sentinel_watch_time=known(
        QUOTED_TIME, 60.0, unit="seconds", doc="how often Sentinels are asked"
    ),
    sentinel_masters_pattern=known(STRING, doc="Lua pattern of the masters that count"),
    sentinel_master_maxerrors=known(
        INTEGER, 2, doc="errors of a master until Sentinels are asked again"
    ),
    sentinel_username=known(STRING, doc="user at the Sentinels"),
    sentinel_password=known(STRING, doc="password at the Sentinels", secret=True),
)

#: The same for modules in which ``timeout`` is no matter of Redis.
REDIS_WITHOUT_TIMEOUT: Options = declare_known(
    **{name: made for name, made in REDIS.items() if name != "timeout"}
)
#: The same for modules with an own ``prefix`` and ``timeout``.
REDIS_SERVERS: Options = declare_known(
    **{name: made for name, made in REDIS.items() if name not in ("timeout", "prefix")}
)

#: How names in stored data are hidden (history, exports).
SUBJECT_PRIVACY: Options = declare_known(
    subject_privacy=known(BOOLEAN, False, doc="store a hash in place of the subject"),
    subject_privacy_alg=known(STRING, "blake2", doc="hash function for subjects"),
    subject_privacy_prefix=known(STRING, "obf", doc="put before a subject's hash"),
    subject_privacy_length=known(INTEGER, 16, unit="characters", doc="kept of a subject's hash"),
)


def symbol(name: str, meaning: str) -> Option:
    """An option that holds a symbol's name; ``meaning`` is when the symbol is set."""
    return known(STRING, name, doc=f"symbol for {meaning}")


def module(
    page: str,
    doc: str,
    *shared: Options,
    rules: Schema | None = None,
    rules_key: str = "",
    rule_value: Kind[Any] | None = None,
    closed: bool = True,
    retired: Mapping[str, str] | None = None,
    **own: Option,
) -> Schema:
    """The schema of the module documented on ``modules/PAGE``: ``enabled``, shared and own options.

    An own option takes the place of a shared one of the same name.
    """
    options = {**ENABLED, **{key: made for some in shared for key, made in some.items()}, **own}
    return Schema(
        anchor=f"modules/{page}",
        doc=doc,
        options=declare_known(**options),
        rules=rules,
        rules_key=rules_key,
        rule_value=rule_value,
        closed=closed,
        retired=retired or {},
    )


def part(
    page: str,
    doc: str,
    *shared: Options,
    retired: Mapping[str, str] | None = None,
    **own: Option,
) -> Schema:
    """The schema of a section inside a module's; as ``module``, without ``enabled``."""
    options: dict[str, Option] = {key: made for some in shared for key, made in some.items()}
    return Schema(
        anchor=f"modules/{page}",
        doc=doc,
        options=declare_known(**{**options, **own}),
        retired=retired or {},
    )


def flag(default: bool | None, doc: str) -> Option:
    """A switch."""
    return known(BOOLEAN, default, doc=doc)


def names(doc: str, default: Any = None) -> Option:
    """One or several strings."""
    return known(STRINGS, default, doc=doc)
