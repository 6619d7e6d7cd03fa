"""Fuzzy hashes: ``fuzzy_check`` asks storages, ``fuzzy_collect`` carries hashes to mirrors."""

from __future__ import annotations

from typing import Final

from filter_engine.config.kinds import (
    INTEGER,
    NUMBER,
    SIZE,
    STRING,
    TIME,
    known_sections,
    one_of,
    upstreams,
)
from filter_engine.config.rspamd.kinds import (
    LUA,
    MAP_SOURCE,
    TABLE,
    each,
    either,
    one_or_named,
)
from filter_engine.config.rspamd.shared_options import flag, module, names, part
from filter_engine.config.schema import known

_PORT: Final = 11335

_FLAG: Final = part(
    "fuzzy_check",
    "one list of a storage",
    flag=known(INTEGER, doc="number of the list"),
    max_score=known(NUMBER, doc="count from which a hit counts fully"),
    hits_limit=known(NUMBER, doc="count from which a hit counts fully"),
    extra=flag(None, "add to other hits of the mail"),
)
_RULE: Final = part(
    "fuzzy_check",
    "one storage",
    algorithm=known(
        one_of("mumhash", "siphash", "fasthash", "xxhash", "old", "sip", "mum", "xxh", "fast"),
        "mumhash",
        doc="hash function of text",
    ),
    asymmetric_fuzzy=flag(None, "keys of texts and shingles differ"),
    checks=known(TABLE, doc="what is compared"),
    enabled=flag(True, "ask the storage"),
    encryption_key=known(STRING, doc="public key of the storage"),
    read_encryption_key=known(STRING, doc="public key of the storage for questions"),
    write_encryption_key=known(STRING, doc="public key of the storage for learning"),
    fuzzy_key=known(STRING, doc="key of the hashes", secret=True),
    fuzzy_shingles_key=known(STRING, doc="key of the shingles", secret=True),
    fuzzy_map=known(known_sections(_FLAG, "fuzzy_check.fuzzy_map"), doc="lists by symbol"),
    headers=names("headers that have a hash of their own"),
    hits_limit=known(NUMBER, doc="count from which a hit counts fully"),
    max_score=known(NUMBER, doc="old name of hits_limit"),
    html_shingles=flag(False, "compare the structure of HTML"),
    html_weight=known(NUMBER, 1.0, doc="weight of the structure"),
    min_html_tags=known(INTEGER, 10, unit="tags", doc="HTML with fewer is not compared"),
    learn_condition=known(LUA, doc="whether a mail may be learnt"),
    mime_types=names("types of attachments that are compared; * is all"),
    min_bytes=known(SIZE, unit="bytes", doc="smaller attachments are not compared"),
    min_length=known(INTEGER, unit="words", doc="shorter texts are not compared"),
    no_share=flag(False, "tell the storage nothing of the mail"),
    no_subject=flag(False, "leave the subject out of hashes of short texts"),
    read_only=flag(False, "learn nothing"),
    mode=known(one_of("read_only", "write_only", "read_write"), doc="ask, learn or both"),
    read_servers=known(upstreams(_PORT), doc="storages that are asked"),
    write_servers=known(upstreams(_PORT), doc="storages that are taught"),
    servers=known(upstreams(_PORT), doc="storages"),
    short_text_direct_hash=flag(True, "compare short texts as they are"),
    skip_hashes=known(MAP_SOURCE, doc="hashes that are passed over"),
    skip_unknown=flag(False, "set no symbol for lists without a name here"),
    symbol=known(STRING, doc="symbol for lists without a name here"),
    rate_limit=known(TABLE, doc="how often the storage may be asked"),
    tcp=known(either(STRING, TABLE), doc="ask over TCP"),
    tcp_auto=flag(None, "change to TCP when asked often"),
    tcp_threshold=known(NUMBER, doc="questions a second from which TCP is used"),
    timeout=known(TIME, unit="seconds", doc="how long the storage may take"),
    weight_threshold=known(NUMBER, doc="smallest weight that counts"),
)
FUZZY_CHECK: Final = module(
    "fuzzy_check",
    "compares mails with storages of fuzzy hashes",
    rule=known(one_or_named(_RULE, "fuzzy_check.rule"), doc="the storages"),
    symbol=known(STRING, doc="symbol for lists without a name"),
    min_length=known(INTEGER, unit="words", doc="shorter texts are not compared"),
    min_bytes=known(SIZE, unit="bytes", doc="smaller attachments are not compared"),
    text_multiplier=known(NUMBER, doc="min_bytes of texts, times this"),
    min_height=known(INTEGER, unit="pixels", doc="lower pictures are not compared"),
    min_width=known(INTEGER, unit="pixels", doc="narrower pictures are not compared"),
    timeout=known(TIME, 1.0, unit="seconds", doc="how long a storage may take"),
    retransmits=known(INTEGER, 1, doc="questions sent again"),
    max_errors=known(INTEGER, 4, doc="errors that make a storage dead"),
    revive_time=known(TIME, 60.0, unit="seconds", doc="when a dead storage is tried again"),
    whitelist=known(MAP_SOURCE, doc="clients whose mail is not compared"),
    timeout_tcp=known(TIME, unit="seconds", doc="how long a storage may take over TCP"),
    retired={
        "fuzzy_images": "pictures are always compared",
        "max_score": "write it into the rule",
    },
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
