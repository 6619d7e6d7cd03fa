"""``worker``: what all have, and each of them."""

from __future__ import annotations

from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    MAP,
    NUMBER,
    SIZE,
    STRING,
    TIME,
    at_least,
    known_section,
    known_sections,
    list_of,
    one_of,
    upstreams,
)
from filter_engine.config.schema import Schema, declare_known, known

_COUNT = at_least(INTEGER, 0)
_ANY_SECTION = Schema("", "any keys", {}, closed=False)

_KEYPAIR = Schema(
    "workers/",
    "keys of Rspamd's encrypted protocol",
    declare_known(
        pubkey=known(STRING, doc="public key, base32"),
        privkey=known(STRING, doc="private key, base32", secret=True),
        type=known(one_of("kex", "sign"), "kex", doc="what the keys are for"),
        algorithm=known(one_of("curve25519", "nistp256", "x25519"), "curve25519", doc="curve"),
        encoding=known(one_of("base32", "hex", "base64"), "base32", doc="how they are written"),
        id=known(STRING, doc="short name of the keys"),
        extensions=known(
            known_section(_ANY_SECTION, "extensions"), doc="what else is known of them"
        ),
    ),
)
_LOG_TAG = one_of("id", "mid", "queue_id", "none", "session")

WORKER = declare_known(
    allow_file_and_shm_inputs=known(
        BOOLEAN, True, doc="take messages from files that a request names"
    ),
    keypair=known(
        known_section(_KEYPAIR, "keypair"), doc="keys of the encrypted protocol", secret=True
    ),
    max_connections=known(_COUNT, doc="connections at once"),
    max_core=known(_COUNT, unit="bytes", doc="largest core dump"),
    max_files=known(_COUNT, doc="open files of a process"),
    type=known(STRING, doc="kind of the worker, written as its name"),
)

_TOKEN_BUCKET = Schema(
    "workers/rspamd_proxy",
    "choice of a scanner by the size of what it has at hand",
    declare_known(
        max_tokens=known(_COUNT, 10000, doc="what one scanner can hold"),
        scale=known(SIZE, 1024, unit="bytes", doc="message size worth one token"),
        min_tokens=known(_COUNT, 1, doc="tokens a scanner needs to be chosen"),
        base_cost=known(_COUNT, 10, doc="tokens of any request"),
    ),
)

_MIRRORED = declare_known(
    connect_timeout=known(TIME, unit="seconds", doc="time to connect to one scanner"),
    extra_headers=known(known_section(_ANY_SECTION, "extra_headers"), doc="headers of requests"),
    keepalive=known(BOOLEAN, False, doc="keep connections to scanners"),
    key=known(STRING, doc="public key of the scanners"),
    local=known(BOOLEAN, False, doc="hand messages over as files of this host"),
    log_tag_type=known(_LOG_TAG, doc="what names a message in the log"),
)

SCAN_UPSTREAM = declare_known(
    **_MIRRORED,
    name=known(STRING, doc="name of the upstream where it stands in no key"),
    token_bucket=known(known_section(_TOKEN_BUCKET, "token_bucket"), doc="choice by load"),
)

_MIRROR = Schema(
    "workers/rspamd_proxy",
    "scanners that get a copy of some messages",
    declare_known(
        **_MIRRORED,
        name=known(STRING, doc="name of the mirror where it stands in no key"),
        hosts=known(upstreams(11333), doc="the scanners"),
        probability=known(NUMBER, 1.0, doc="share of messages that are copied"),
        compare=known(BOOLEAN, False, doc="compare the verdicts"),
        compress=known(BOOLEAN, False, doc="compress with zstd", aliases=("compression",)),
        settings=known(STRING, doc="Settings-ID to send", aliases=("settings_id",)),
        timeout=known(TIME, unit="seconds", doc="time for one request"),
    ),
)

PROXY = declare_known(
    **WORKER,
    client_ca_name=known(STRING, doc="authority whose certificates make a trusted client"),
    encrypted_only=known(BOOLEAN, False, doc="refuse plain HTTP"),
    log_tag_type=known(_LOG_TAG, doc="what names a message in the log"),
    mirror=known(known_sections(_MIRROR, "mirror"), doc="scanners that get copies"),
    script=known(STRING, doc="Lua function that compares verdicts"),
)

NORMAL = declare_known(
    **WORKER,
    allow_learn=known(BOOLEAN, False, doc="learn from any client"),
    encrypted_only=known(BOOLEAN, False, doc="refuse plain HTTP"),
    http=known(BOOLEAN, True, doc="speak HTTP; nothing else is left"),
    log_tag_type=known(_LOG_TAG, doc="what names a message in the log"),
    mime=known(BOOLEAN, True, doc="read messages as MIME"),
)

CONTROLLER = declare_known(
    **WORKER,
    stats_path=known(STRING, doc="file of the counters"),
    task_timeout=known(TIME, 8.0, unit="seconds", doc="time for a message scanned here"),
)

FUZZY = declare_known(
    **{key: made for key, made in WORKER.items() if key != "keypair"},
    dedicated_update_worker=known(BOOLEAN, False, doc="one process alone writes"),
    dynamic_keys_map=known(MAP, doc="keys that come and go"),
    forbidden_ids=known(list_of(INTEGER), doc="flags that are not told to some keys"),
    sync=known(TIME, 60.0, unit="seconds", doc="how often changes are written"),
    tcp_port=known(INTEGER, doc="port for requests over TCP"),
    tcp_timeout=known(TIME, unit="seconds", doc="time for one of them"),
    tcp_frame_timeout=known(TIME, unit="seconds", doc="time for one frame"),
    max_tcp_connections=known(_COUNT, doc="TCP connections at once"),
    updates_maxfail=known(_COUNT, 3, doc="failed writes until changes are dropped"),
    weak_ids=known(list_of(INTEGER), doc="flags that give way to others"),
)
