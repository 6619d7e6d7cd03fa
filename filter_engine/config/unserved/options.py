"""``options``, ``options.dns`` and ``options.upstream``."""

from __future__ import annotations

from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    SIZE,
    STRING,
    TIME,
    WORDS,
    at_least,
    known_section,
    list_of,
    one_of,
)
from filter_engine.config.schema import Schema, declare_known, known

_COUNT = at_least(INTEGER, 0)
_STRINGS = list_of(STRING)

UPSTREAM = declare_known(
    lazy_resolve_time=known(
        TIME, 3600.0, unit="seconds", doc="how often names of servers are looked up again"
    ),
)

MAPS = Schema(
    "configuration/options",
    "fetching of maps over HTTP",
    declare_known(
        connect_timeout=known(TIME, 1.0, unit="seconds", doc="time to connect"),
        ssl_timeout=known(TIME, 1.0, unit="seconds", doc="time for the TLS handshake"),
        write_timeout=known(TIME, 1.0, unit="seconds", doc="time to send a request"),
        read_timeout=known(TIME, 4.0, unit="seconds", doc="time to read an answer"),
        connection_ttl=known(TIME, 300.0, unit="seconds", doc="how long a connection is kept"),
        idle_timeout=known(TIME, 65.0, unit="seconds", doc="how long it may be idle"),
        max_reuse=known(_COUNT, 256, doc="requests on one connection"),
    ),
)

HTTP = Schema("configuration/options", "Rspamd's HTTP client and server", {}, closed=False)

DNS = declare_known(
    enable_dnssec=known(BOOLEAN, False, doc="ask resolvers to validate, and keep their answer"),
    hosts=known(STRING, "/etc/hosts", doc="file of names that are known without asking"),
)

OPTIONS = declare_known(
    allow_raw_input=known(BOOLEAN, True, doc="scan what is no MIME message as plain text"),
    cache_file=known(STRING, "$DBDIR/symbols.cache", doc="file of the symbols' order and cost"),
    cache_reload=known(TIME, 30.0, unit="seconds", doc="how often that order is made anew"),
    check_all_filters=known(
        BOOLEAN, False, doc="run every check, also of a message to be rejected"
    ),
    check_attachements=known(BOOLEAN, False, doc="read attached text as if it were the body"),
    classify_headers=known(_STRINGS, doc="headers whose words are learnt"),
    compat_messages=known(BOOLEAN, False, doc="replies as before Rspamd 1.4"),
    control_socket=known(STRING, "$DBDIR/rspamd.sock mode=0600", doc="socket of the main process"),
    cores_dir=known(STRING, doc="directory where core dumps are counted"),
    disable_hyperscan=known(BOOLEAN, False, doc="match patterns without Hyperscan"),
    disable_pcre_jit=known(BOOLEAN, False, doc="match patterns without machine code"),
    enable_css_parser=known(BOOLEAN, True, doc="read style sheets of HTML parts"),
    enable_experimental=known(BOOLEAN, False, doc="load experimental modules"),
    enable_mime_utf=known(BOOLEAN, False, doc="accept UTF-8 in headers (RFC 6532)"),
    enable_shutdown_workaround=known(BOOLEAN, False, doc="close connections as old clients expect"),
    events_backend=known(
        one_of("auto", "epoll", "kqueue", "poll", "select", "io_uring"), "auto", doc="event loop"
    ),
    explicit_modules=known(
        _STRINGS, ("settings", "bayes_expiry"), doc="modules loaded without a section"
    ),
    filters=known(
        WORDS, ("chartable", "dkim", "regexp", "fuzzy_check"), doc="modules written in C to load"
    ),
    fips_mode=known(BOOLEAN, False, doc="OpenSSL with FIPS 140 algorithms alone"),
    full_gc_iters=known(_COUNT, 0, doc="messages until Lua's memory is collected; 0 = never"),
    heartbeat_interval=known(TIME, 10.0, unit="seconds", doc="how often workers report"),
    heartbeats_loss_max=known(_COUNT, 0, doc="missed reports until a worker is ended; 0 = never"),
    history_file=known(STRING, "$DBDIR/rspamd.history", doc="file of the last messages' verdicts"),
    history_rows=known(_COUNT, 200, doc="messages in that file"),
    hs_cache_dir=known(STRING, "$DBDIR", doc="directory of Hyperscan's compiled patterns"),
    http=known(known_section(HTTP, "options.http"), doc="HTTP client and server"),
    ignore_received=known(BOOLEAN, False, doc="do not take the client from the first Received"),
    images_cache=known(SIZE, 256, doc="images whose fingerprint is remembered"),
    lua_gc_pause=known(_COUNT, 200, unit="percent", doc="pause of Lua's garbage collector"),
    lua_gc_step=known(_COUNT, 200, unit="percent", doc="step of Lua's garbage collector"),
    lua_path=known(STRING, doc="where Lua's require looks"),
    max_blas_threads=known(_COUNT, 1, doc="threads that train neural networks"),
    max_cores_count=known(SIZE, doc="core dumps in cores_dir"),
    max_cores_size=known(SIZE, unit="bytes", doc="all core dumps in cores_dir together"),
    max_html_len=known(SIZE, unit="bytes", doc="largest HTML part that is read"),
    max_lua_urls=known(_COUNT, 1024, doc="URLs handed to rules in Lua"),
    max_opts_len=known(_COUNT, 4096, unit="bytes", doc="all options of one symbol together"),
    max_pic=known(SIZE, 1048576, unit="bytes", doc="largest image looked into"),
    max_recipients=known(_COUNT, 1024, doc="recipients looked at in one message"),
    max_sessions_cache=known(_COUNT, 100, doc="open tasks until a warning is logged"),
    max_shots=known(INTEGER, 100, doc="times one symbol may count in a message"),
    max_word_len=known(_COUNT, 40, doc="longest word that is learnt"),
    min_word_len=known(_COUNT, 4, doc="shortest word that is learnt"),
    monitoring_watch_interval=known(TIME, 60.0, unit="seconds", doc="how often lists are probed"),
    one_shot=known(
        BOOLEAN, False, doc="every symbol counts once; a symbol's own one_shot is served"
    ),
    public_groups_only=known(BOOLEAN, False, doc="replies name symbols of public groups alone"),
    rrd=known(STRING, "$DBDIR/rspamd.rrd", doc="file of the throughput graph"),
    sessions_cache=known(BOOLEAN, False, doc="note open tasks, to find those that hang"),
    ssl_ca_path=known(STRING, doc="certificates of authorities that outgoing TLS trusts"),
    ssl_ciphers=known(STRING, doc="ciphers of outgoing TLS"),
    stats_file=known(STRING, "$DBDIR/stats.ucl", doc="file of the counters"),
    tempdir=known(STRING, "/tmp", doc="directory of temporary files"),  # noqa: S108  # Rspamd's default
    tld=known(STRING, doc="older name of url_tld"),
    url_tld=known(
        STRING, "$SHAREDIR/effective_tld_names.dat", doc="public suffix list; ours is built in"
    ),
    vectorized_hyperscan=known(BOOLEAN, False, doc="obsolete mode of Hyperscan"),
    words_decay=known(_COUNT, 600, doc="words from which on some are skipped"),
    zstd_input_dictionary=known(STRING, doc="dictionary of compressed requests"),
    zstd_output_dictionary=known(STRING, doc="dictionary of compressed replies"),
)
