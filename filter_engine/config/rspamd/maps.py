"""Rules a site writes itself: ``multimap`` and the like.

``external_relay`` is here too: its rules are all a site's own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from filter_engine.config.kinds import (
    INTEGER,
    STRING,
    one_of,
)
from filter_engine.config.rspamd.kinds import (
    LUA,
    MAP_SOURCE,
    STRINGS,
    table_of,
)
from filter_engine.config.rspamd.shared_options import (
    REDIS_KNOWN,
    flag,
    module,
    part,
)
from filter_engine.config.schema import known

#: What a symbol made by a rule of the site's may say of itself.
#: The rules, under names of the site's, are the check's (checks/multimap/options.py).
MULTIMAP = replace(
    part(
        "multimap",
        "maps of the site's: addresses, names, headers, URLs, files",
        REDIS_KNOWN,
        allow_local=flag(None, "also for local clients"),
    ),
    closed=False,
)

FORCE_ACTIONS = part(
    "force_actions",
    "expressions over symbols that force an action",
    actions=known(table_of(STRINGS), doc="expressions by action, in the words of older versions"),
    messages=known(table_of(STRING), doc="reply by expression, to actions"),
)

_RELAY_RULE: Final = part(
    "external_relay",
    "one kind of relay",
    strategy=known(
        one_of("authenticated", "count", "local", "hostname_map", "ip_map"),
        doc="how the relay's Received header is found",
    ),
    count=known(INTEGER, doc="Received header that names the client (count)"),
    hostname_map=known(MAP_SOURCE, doc="host names of relays (hostname_map)"),
    ip_map=known(MAP_SOURCE, doc="addresses of relays (ip_map)"),
    user_map=known(MAP_SOURCE, doc="logins (authenticated)"),
    priority=known(INTEGER, 20, doc="which rule comes first"),
    symbol=known(STRING, doc="symbol when it applies; the rule's name by default"),
)
EXTERNAL_RELAY = module(
    "external_relay",
    "takes the client from Received headers of relays in front",
    rules=_RELAY_RULE,
    rules_key="rules",
)

MILTER_HEADERS = part(
    "milter_headers",
    "headers for the MTA to add and remove",
    custom=known(table_of(LUA), doc="routines of the site's"),
    headers_modify_mode=known(one_of("compat", "always"), "compat", doc="for old MTAs or any"),
)
RMILTER_HEADERS = replace(MILTER_HEADERS, doc="old name of milter_headers")
