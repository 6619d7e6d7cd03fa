"""Rules a site writes itself: ``multimap``, ``regexp``, ``trie``, ``spamassassin`` and the like.

``force_actions`` and ``external_relay`` are here too: their rules are all a site's own.
"""

from __future__ import annotations

from typing import Final

from filter_engine.config.kinds import (
    INTEGER,
    NUMBER,
    STRING,
    known_sections,
    one_of,
)
from filter_engine.config.rspamd.kinds import (
    ANY,
    EXPRESSION,
    LUA,
    MAP_SOURCE,
    STRINGS,
    TABLE,
    either,
    table_of,
)
from filter_engine.config.rspamd.shared_options import (
    REDIS,
    Options,
    flag,
    module,
    names,
    part,
)
from filter_engine.config.schema import declare_known, known

#: What a symbol made by a rule of the site's may say of itself.
_ABOUT_SYMBOL: Final[Options] = declare_known(
    score=known(NUMBER, doc="score of the symbol"),
    group=known(STRING, doc="group of the symbol"),
    groups=names("groups of the symbol"),
    description=known(STRING, doc="what people read about the symbol"),
    one_shot=flag(None, "count once"),
    one_param=flag(None, "keep one option only"),
    weight=known(NUMBER, doc="old name of score"),
)

MULTIMAP = module(
    "multimap",
    "maps of the site's: addresses, names, headers, URLs, files",
    REDIS,
    allow_local=flag(None, "also for local clients"),
)

_TRIE_RULE: Final = part(
    "trie",
    "one set of strings",
    file=known(STRING, doc="file with one string a line"),
    patterns=names("the strings"),
    binary=flag(False, "the file holds lengths and octets"),
    raw=flag(False, "look at the raw message"),
    body=flag(False, "look at the body only"),
)
TRIE = module("trie", "fixed strings in the message", rules=_TRIE_RULE)

_ACTION_RULE: Final = part(
    "force_actions",
    "one rule",
    action=known(STRING, doc="action that is forced"),
    expression=known(EXPRESSION, doc="symbols that force it"),
    message=known(STRING, doc="reply of the action"),
    subject=known(STRING, doc="subject that the mail is given"),
    require_action=known(STRINGS, doc="only when the action is one of these"),
    honor_action=known(STRINGS, doc="not when the action is one of these"),
    least=flag(False, "only when the action so far is weaker"),
    process_all=flag(False, "go on with the remaining checks"),
    limit=known(NUMBER, doc="value of the expression from which it holds"),
    raction=known(STRINGS, doc="old name of require_action"),
    enabled=flag(True, "use the rule"),
    description=known(STRING, doc="what people read about the rule"),
)
FORCE_ACTIONS = module(
    "force_actions",
    "expressions over symbols that force an action",
    rules=_ACTION_RULE,
    rules_key="rules",
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

_ROUTINE: Final = part(
    "milter_headers",
    "one routine",
    header=known(STRING, doc="name of the header"),
    headers=known(ANY, doc="headers that are added or removed"),
    remove=known(either(INTEGER, ANY), 0, doc="which header of the name goes; null: none"),
    value=known(STRING, doc="content of the header"),
    hostname=known(STRING, doc="name of this host in the header"),
    stop_chars=known(STRING, doc="where the header may be folded"),
    sort_by=known(one_of("score", "name"), "score", doc="order of the symbols"),
    status_clean=known(STRING, doc="content when nothing was found"),
    status_infected=known(STRING, doc="content when a virus was found"),
    status_fail=known(STRING, doc="content when the scanner failed"),
    symbols=names("symbols that count as a find"),
    symbols_fail=names("symbols that count as a failure"),
    positive=known(STRING, "+", doc="mark for a point above zero"),
    negative=known(STRING, "-", doc="mark for a point below zero"),
    neutral=known(STRING, "/", doc="mark for zero"),
    char=known(STRING, "*", doc="mark for a point"),
    add_smtp_user=flag(True, "name the login"),
    dmarc_symbols=known(TABLE, doc="results by symbol of DMARC"),
    dkim_symbols=known(TABLE, doc="results by symbol of DKIM"),
    spf_symbols=known(TABLE, doc="results by symbol of SPF"),
    arc_symbols=known(TABLE, doc="results by symbol of ARC"),
    order=known(INTEGER, doc="where the header goes"),
    force_no_action=flag(None, "also when there is no action"),
)
MILTER_HEADERS = part(
    "milter_headers",
    "headers for the MTA to add and remove",
    custom=known(table_of(LUA), doc="routines of the site's"),
    routines=known(known_sections(_ROUTINE, "milter_headers.routines"), doc="how routines work"),
    headers_modify_mode=known(one_of("compat", "always"), "compat", doc="for old MTAs or any"),
)
RMILTER_HEADERS = module(
    "milter_headers",
    "old name of milter_headers",
    MILTER_HEADERS.options,
    closed=False,
    use=known(STRINGS, doc="routines to run"),
)
