"""Fuzzy hashes: ``fuzzy_check`` asks storages, ``fuzzy_collect`` carries hashes to mirrors."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from filter_engine.config.kinds import INTEGER, NUMBER, STRING, TIME
from filter_engine.config.rspamd.kinds import LUA, TABLE, each, either
from filter_engine.config.rspamd.shared_options import flag, module, names, part
from filter_engine.config.schema import known

_RULE: Final = part(
    "fuzzy_check",
    "one storage",
    asymmetric_fuzzy=flag(None, "keys of texts and shingles differ"),
    checks=known(TABLE, doc="what is compared"),
    headers=names("headers that a hash was to be made of; Rspamd 3.4 makes none"),
    html_shingles=flag(False, "compare the structure of HTML"),
    html_weight=known(NUMBER, 1.0, doc="weight of the structure"),
    min_html_tags=known(INTEGER, 10, unit="tags", doc="HTML with fewer is not compared"),
    learn_condition=known(LUA, doc="whether a mail may be learnt"),
    policy=known(STRING, "recommended", doc="set of defaults of a rule; there is this one"),
    rate_limit=known(TABLE, doc="how often the storage may be asked"),
    tcp=known(either(STRING, TABLE), doc="ask over TCP"),
    tcp_auto=flag(None, "change to TCP when asked often"),
    tcp_threshold=known(NUMBER, doc="questions a second from which TCP is used"),
)
FUZZY_CHECK: Final = replace(
    part(
        "fuzzy_check",
        "compares mails with storages of fuzzy hashes",
        timeout_tcp=known(TIME, unit="seconds", doc="how long a storage may take over TCP"),
    ),
    rules=_RULE,
    rules_key="rule",
)

_MIRROR: Final = part(
    "fuzzy_collect",
    "one mirror",
    server=known(STRING, doc="address of the mirror"),
    pubkey=known(STRING, doc="public key of the mirror"),
    keypair=known(TABLE, doc="keys of the mirror", secret=True),
    name=known(STRING, doc="name of the mirror in the log"),
)
FUZZY_COLLECT: Final = module(
    "fuzzy_collect",
    "carries hashes that one storage collects to others",
    collect_server=known(STRING, doc="storage that collects"),
    collect_pubkey=known(STRING, doc="its public key"),
    sign_keypair=known(TABLE, doc="keys that sign what is carried", secret=True),
    mirrors=known(each(_MIRROR, "fuzzy_collect.mirrors"), doc="storages that are taught"),
    saved_cookie=known(STRING, "", doc="where the last round ended"),
    sync_time=known(TIME, 60.0, unit="seconds", doc="time between two rounds"),
    timeout=known(TIME, 10.0, unit="seconds", doc="how long a storage may take"),
)
