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

_COMBINED: Final = part(
    "multimap",
    "one map of a combined rule",
    map=known(MAP_SOURCE, doc="the map"),
    selector=known(STRING, doc="what is looked up"),
    type=known(STRING, doc="kind of the map: set, hash, regexp, glob, radix"),
)
_MULTIMAP_RULE: Final = part(
    "multimap",
    "one map",
    _ABOUT_SYMBOL,
    action=known(STRING, doc="action forced by a match"),
    combined=flag(None, "the rule joins several maps"),
    delimiter=known(STRING, doc="put between the elements of a selector"),
    disable_multisymbol=flag(False, "ignore symbols that the map names"),
    dynamic_symbols=flag(False, "symbols come from the map and are made as they come"),
    enabled=flag(True, "use the map"),
    expression=known(EXPRESSION, doc="how combined maps are joined"),
    filter=known(STRING, doc="which part of the value is compared"),
    flags=known(STRINGS, doc="only Received headers with these flags"),
    nflags=known(STRINGS, doc="only Received headers without these flags"),
    glob=flag(False, "the map holds shell patterns"),
    hash=flag(None, "the map holds plain strings"),
    header=known(STRINGS, doc="header that is looked at (type header)"),
    map=known(MAP_SOURCE, doc="the map"),
    max_pos=known(INTEGER, doc="last Received header that counts"),
    min_pos=known(INTEGER, doc="first Received header that counts"),
    message=known(STRING, doc="reply of a forced action"),
    message_func=known(LUA, doc="reply of a forced action, told by Lua"),
    multi=flag(False, "every match counts (regexp and glob)"),
    name=known(STRING, doc="name of the rule"),
    no_multi=flag(False, "only the first match counts"),
    prefilter=flag(False, "look before other checks"),
    redis_key=known(STRING, doc="key of the map in Redis"),
    regexp=flag(False, "the map holds regular expressions"),
    regexp_multi=flag(False, "the map holds regular expressions, and every match counts"),
    require_symbols=known(EXPRESSION, doc="only when this expression holds"),
    rules=known(known_sections(_COMBINED, "multimap.rules"), doc="the maps of a combined rule"),
    scope=known(STRING, doc="which SMTP or MIME address"),
    extract_from=known(STRING, "default", doc="address that counts: smtp, mime, both or default"),
    selector=known(STRING, doc="what is looked up (type selector)"),
    skip_archives=flag(False, "do not look into archives (type filename)"),
    skip_detected=flag(False, "compare the name only, not the type that was found"),
    symbol=known(STRING, doc="symbol for a match; the rule's name by default"),
    symbols=known(STRINGS, doc="symbols that the map may name"),
    symbols_set=known(STRINGS, doc="the same"),
    target_symbol=known(STRING, doc="symbol whose options are compared (type symbol_options)"),
    type=known(
        one_of(
            "asn", "content", "country", "dnsbl", "filename", "from", "header", "helo",
            "hostname", "ip", "mempool", "mid", "rcpt", "received", "selector",
            "symbol_options", "url", "user", "combined", "subject",
        ),
        doc="what is compared with the map",
    ),
    upstreams=known(ANY, doc="servers of an HTTP map"),
    url=known(MAP_SOURCE, doc="old name of map"),
    variable=known(STRING, doc="variable that is compared (type mempool)"),
    cdb=known(STRING, doc="path of a CDB file"),
    skip_local=flag(None, "not for local clients"),
    skip_authenticated=flag(None, "not for logged-in users"),
)  # fmt: skip

MULTIMAP = module(
    "multimap",
    "maps of the site's: addresses, names, headers, URLs, files",
    REDIS,
    rules=_MULTIMAP_RULE,
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
