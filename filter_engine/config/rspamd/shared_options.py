"""Options that several of Rspamd's modules share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from filter_engine.config.kinds import BOOLEAN, INTEGER, STRING, TIME
from filter_engine.config.redis import KNOWN, module_options
from filter_engine.config.rspamd.kinds import QUOTED_TIME, STRINGS, TABLE
from filter_engine.config.schema import Kind, Option, Schema, declare_known, known

Options = Mapping[str, Option]

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
    **{
        # the modules' Lua reads a time in quotes as well
        key: replace(made, kind=QUOTED_TIME) if made.kind is TIME else made
        for key, made in module_options().items()
    },
)

#: What is left of it where the module reaches Redis as this engine does.
REDIS_KNOWN: Options = KNOWN

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
    options = _joined(ENABLED, *shared, own)
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
    return Schema(
        anchor=f"modules/{page}",
        doc=doc,
        options=declare_known(**_joined(*shared, own)),
        retired=retired or {},
    )


def _joined(*tables: Options) -> dict[str, Option]:
    """Tables as one; a later one takes names from an earlier one, other spellings too."""
    joined: dict[str, Option] = {}
    for table in tables:
        for key, made in joined.items():
            if any(name in table for name in made.aliases):
                aliases = tuple(name for name in made.aliases if name not in table)
                joined[key] = replace(made, aliases=aliases)
        joined |= table
    return joined


def flag(default: bool | None, doc: str) -> Option:
    """A switch."""
    return known(BOOLEAN, default, doc=doc)


def names(doc: str, default: Any = None) -> Option:
    """One or several strings."""
    return known(STRINGS, default, doc=doc)
