"""Where results go: ClickHouse, Elasticsearch, Redis, S3, Graphite, mail, HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from filter_engine.config.kinds import (
    INTEGER,
    NUMBER,
    SIZE,
    STRING,
    known_section,
    one_of,
    upstreams,
)
from filter_engine.config.rspamd.kinds import (
    ANY,
    LUA,
    MAP_SOURCE,
    QUOTED_TIME,
    STRINGS,
    TABLE,
    table_of,
)
from filter_engine.config.rspamd.shared_options import (
    REDIS,
    REDIS_KNOWN,
    REDIS_SERVERS,
    SUBJECT_PRIVACY,
    flag,
    module,
    names,
    part,
)
from filter_engine.config.schema import declare_known, known

_LIMITS: Final = part(
    "clickhouse",
    "when rows are sent",
    max_rows=known(INTEGER, 1000, unit="rows", doc="sent when there are so many"),
    max_memory=known(SIZE, 52_428_800, unit="bytes", doc="sent when they are so large"),
    max_interval=known(QUOTED_TIME, 60.0, unit="seconds", doc="sent when so much time passed"),
    max_fail=known(INTEGER, doc="failures after which rows are dropped"),
)
_RETENTION: Final = part(
    "clickhouse",
    "how long data stays",
    enable=flag(False, "remove old data"),
    method=known(one_of("drop", "detach"), "detach", doc="delete it, or put it aside"),
    period_months=known(INTEGER, 3, unit="months", doc="that data stays"),
    run_every=known(QUOTED_TIME, "7d", unit="seconds", doc="how often old data is looked for"),
)
_BY_RESULT: Final = {
    f"{what}_symbols": names(f"symbols that mean: {text}")
    for what, text in {
        "bayes_spam": "Bayes finds spam",
        "bayes_ham": "Bayes finds ham",
        "ann": "the network has a verdict",
        "fuzzy": "a fuzzy hash is known",
        "whitelist": "the sender is trusted",
        "dkim_allow": "a good signature",
        "dkim_reject": "a bad signature",
        "dkim_dnsfail": "a key that could not be had",
        "dkim_na": "no signature",
        "dmarc_allow": "DMARC passes",
        "dmarc_reject": "DMARC fails, reject",
        "dmarc_quarantine": "DMARC fails, quarantine",
        "dmarc_softfail": "DMARC fails, none",
        "dmarc_na": "no DMARC record",
        "spf_allow": "SPF passes",
        "spf_reject": "SPF fails",
        "spf_dnsfail": "SPF could not be looked up",
        "spf_neutral": "SPF is neutral",
        "spf_na": "no SPF record",
    }.items()
}
CLICKHOUSE: Final = module(
    "clickhouse",
    "rows about mails to ClickHouse",
    SUBJECT_PRIVACY,
    _BY_RESULT,
    server=known(upstreams(8123), doc="ClickHouse's address"),
    servers=known(upstreams(8123), doc="the same"),
    limit=known(INTEGER, unit="rows", doc="old name of limits.max_rows"),
    limits=known(known_section(_LIMITS, "clickhouse.limits"), doc="when rows are sent"),
    retention=known(known_section(_RETENTION, "clickhouse.retention"), doc="how long data stays"),
    collect_garbage=flag(False, "tidy Lua's memory after sending"),
    check_timeout=known(QUOTED_TIME, 10.0, unit="seconds", doc="time between two looks at limits"),
    timeout=known(QUOTED_TIME, 5.0, unit="seconds", doc="how long ClickHouse may take"),
    ann_symbols_spam=names("symbols that mean: the network finds spam"),
    ann_symbols_ham=names("symbols that mean: the network finds ham"),
    stop_symbols=names("mail with one of these is not told"),
    ipmask=known(INTEGER, 19, unit="bits", doc="of an IPv4 address that are stored"),
    ipmask6=known(INTEGER, 48, unit="bits", doc="of an IPv6 address that are stored"),
    full_urls=flag(False, "store whole URLs, not hosts"),
    from_tables=known(MAP_SOURCE, doc="own tables by sender"),
    from_map=known(MAP_SOURCE, doc="own tables by sender"),
    enable_symbols=flag(False, "store all symbols"),
    enable_digest=flag(False, "store a hash of the mail"),
    database=known(STRING, "default", doc="name of the database"),
    use_https=flag(False, "speak HTTPS"),
    use_gzip=flag(True, "compress"),
    no_ssl_verify=flag(False, "accept any certificate"),
    allow_local=flag(False, "also mail of local clients"),
    insert_subject=flag(False, "store subjects"),
    schema_additions=known(ANY, doc="statements for the tables"),
    user=known(STRING, doc="user at ClickHouse"),
    password=known(STRING, doc="password at ClickHouse", secret=True),
    custom_rules=known(ANY, doc="further rows, told by Lua"),
    exceptions=known(ANY, doc="maps of mail that is not told"),
    extra_columns=known(ANY, doc="further columns, by selector"),
)

_ON: Final = flag(True, "do it")
_URL_PARAMS: Final = part(
    "elastic",
    "which URLs are sent",
    content=flag(True, "those of attachments"),
    emails=flag(False, "mail addresses"),
    images=flag(False, "those of pictures"),
    protocols=names("schemes"),
    sort=flag(True, "in order"),
)
_URLS: Final = part(
    "elastic",
    "URLs",
    enabled=flag(True, "send URLs"),
    max_urls=known(INTEGER, 0, doc="sent of a mail; 0: all"),
    full_urls=flag(False, "whole URLs, not hosts"),
    full_cta_urls=flag(False, "whole URLs of what the mail asks to click"),
    separate_cta=flag(True, "those in a field of their own"),
    get_url_params=known(
        known_section(_URL_PARAMS, "elastic.collect_urls.get_url_params"), doc="which ones"
    ),
)
_GEOIP: Final = part(
    "elastic",
    "countries of addresses",
    enabled=_ON,
    managed=flag(True, "set the pipeline up"),
    pipeline_name=known(STRING, "rspamd-geoip", doc="name of the pipeline"),
)
_PHASE: Final = part(
    "elastic",
    "one phase of an index",
    enabled=_ON,
    after=known(QUOTED_TIME, doc="age from which it holds", unit="seconds"),
    change_replicas=flag(False, "change the number of copies"),
    force_merge=flag(False, "merge segments"),
    index_priority=known(INTEGER, doc="which index is restored first"),
    max_gb_per_shard=known(NUMBER, 0, unit="GB", doc="largest shard"),
    migrate=flag(True, "move to other nodes"),
    read_only=flag(True, "write no more"),
    replicas_count=known(INTEGER, 1, doc="copies"),
    segments_count=known(INTEGER, 1, doc="segments after merging"),
    shards_count=known(INTEGER, 1, doc="shards after shrinking"),
    shrink=flag(False, "fewer shards"),
)
_POLICY: Final = part(
    "elastic",
    "the life of an index",
    {
        phase: known(known_section(_PHASE, f"elastic.index_policy.{phase}"), doc=f"phase {phase}")
        for phase in ("hot", "warm", "cold", "delete")
    },
    enabled=_ON,
    managed=flag(True, "set the policy up"),
    name=known(STRING, "rspamd", doc="name of the policy"),
)
_TEMPLATE: Final = part(
    "elastic",
    "how indices are made",
    managed=flag(True, "set the template up"),
    name=known(STRING, "rspamd", doc="name of the template"),
    pattern=known(STRING, "%Y.%m.%d", doc="date in names of indices"),
    priority=known(INTEGER, 0, doc="which template wins"),
    refresh_interval=known(QUOTED_TIME, 5.0, unit="seconds", doc="until new rows are found"),
    replicas_count=known(INTEGER, 1, doc="copies"),
    shards_count=known(INTEGER, 3, doc="shards"),
    symbols_nested=flag(False, "each symbol is an object"),
    urls_nested=flag(False, "each URL is an object"),
    dynamic_keyword_ignore_above=known(INTEGER, 256, unit="characters", doc="of a keyword"),
    headers_count_ignore_above=known(INTEGER, 5, doc="headers of one name that are sent"),
    headers_text_ignore_above=known(INTEGER, 2048, unit="characters", doc="of a header"),
    empty_value=known(STRING, "unknown", doc="text in place of nothing"),
)
_VERSION_OVERRIDE: Final = part(
    "elastic",
    "what the server is, where it is not asked",
    name=known(one_of("elastic", "elasticsearch", "opensearch"), doc="its name"),
    version=known(STRING, doc="its version"),
)
_VERSION: Final = part(
    "elastic",
    "what the server is",
    autodetect_enabled=flag(True, "ask the server"),
    autodetect_max_fail=known(INTEGER, 30, doc="failures after which it is not asked again"),
    override=known(known_section(_VERSION_OVERRIDE, "elastic.version.override"), doc="told here"),
)
ELASTIC: Final = module(
    "elastic",
    "rows about mails to Elasticsearch or OpenSearch",
    server=known(upstreams(9200), doc="the server's address"),
    servers=known(upstreams(9200), doc="the same"),
    timeout=known(QUOTED_TIME, 5.0, unit="seconds", doc="how long the server may take"),
    use_https=flag(False, "speak HTTPS"),
    use_gzip=flag(True, "compress"),
    use_keepalive=flag(True, "keep connections"),
    no_ssl_verify=flag(False, "accept any certificate"),
    user=known(STRING, doc="user at the server"),
    password=known(STRING, doc="password at the server", secret=True),
    allow_local=flag(False, "also mail of local clients"),
    periodic_interval=known(QUOTED_TIME, 5.0, unit="seconds", doc="time between two looks"),
    limits=known(known_section(_LIMITS, "elastic.limits"), doc="when rows are sent"),
    index_template=known(known_section(_TEMPLATE, "elastic.index_template"), doc="new indices"),
    index_policy=known(known_section(_POLICY, "elastic.index_policy"), doc="life of an index"),
    collect_headers=names("headers that are sent"),
    extra_collect_headers=names("further headers that are sent"),
    collect_urls=known(known_section(_URLS, "elastic.collect_urls"), doc="which URLs are sent"),
    collect_garbage=flag(False, "tidy Lua's memory after sending"),
    geoip=known(known_section(_GEOIP, "elastic.geoip"), doc="countries of addresses"),
    version=known(known_section(_VERSION, "elastic.version"), doc="what the server is"),
    # up to Rspamd 3.9
    limit=known(INTEGER, 500, unit="rows", doc="sent when there are so many"),
    max_fail=known(INTEGER, 3, doc="failures after which rows are dropped"),
    index_pattern=known(STRING, "rspamd-%Y.%m.%d", doc="names of indices"),
    template_file=known(STRING, doc="file of the template"),
    kibana_file=known(STRING, doc="file with Kibana's views"),
    import_kibana=flag(False, "load those views"),
    ingest_module=flag(False, "the server has the geoip pipeline"),
    key_prefix=known(STRING, "elastic-", doc="put before keys in Redis"),
    expire=known(QUOTED_TIME, 3600.0, unit="seconds", doc="how long Redis keeps rows"),
    failover=flag(False, "keep rows in Redis while the server is away"),
)

#: What rules have; older versions have it outside of them too.
_EXPORT: Final = declare_known(
    timeout=known(QUOTED_TIME, unit="seconds", doc="how long the other side may take"),
    url=known(STRING, doc="address"),
    user=known(STRING, doc="user at the address"),
    password=known(STRING, doc="password at the address", secret=True),
    meta_headers=flag(False, "tell about the mail in HTTP headers"),
    meta_header_prefix=known(STRING, "X-Rspamd-", doc="put before those headers' names"),
    mime_type=known(STRING, "text/plain", doc="Content-Type"),
    smtp=known(STRING, doc="server that takes the mail"),
    smtp_port=known(INTEGER, 25, doc="port of that server"),
    helo=known(STRING, "rspamd", doc="HELO name"),
    mail_from=known(STRING, "", doc="sender"),
    mail_to=known(STRINGS, "postmaster@localhost", doc="recipients"),
    email_template=known(STRING, doc="text of the mail"),
    email_alert_user=flag(False, "also to the login"),
    email_alert_sender=flag(False, "also to the sender"),
    email_alert_recipients=flag(False, "also to the recipients"),
    host=known(STRING, doc="server"),
    port=known(INTEGER, doc="port of that server"),
    no_ssl_verify=flag(None, "accept any certificate"),
)
_EXPORT_UNSERVED: Final = declare_known(
    defer=flag(False, "wait for the answer, and soft reject when it fails"),
    gzip=flag(None, "compress"),
    zstd_compress=flag(None, "compress with zstd"),
    keepalive=flag(None, "keep connections"),
    channel=known(STRING, doc="channel of Redis"),
    stream_key=known(STRING, doc="stream of Redis"),
    max_len=known(INTEGER, unit="entries", doc="kept in the stream"),
)
METADATA_EXPORTER: Final = replace(
    part(
        "metadata_exporter",
        "tells others about certain mail, at once",
        REDIS_SERVERS,
        _EXPORT,
        _EXPORT_UNSERVED,
        select=known(LUA, doc="which mail, told by Lua"),
        format=known(LUA, doc="in what form, told by Lua"),
        push=known(LUA, doc="where to, told by Lua"),
        custom_select=known(table_of(LUA), doc="named selectors"),
        custom_format=known(table_of(LUA), doc="named formatters"),
        custom_push=known(table_of(LUA), doc="named backends"),
        formatter=known(STRING, doc="in what form, older versions"),
        selector=known(STRING, doc="which mail, older versions"),
        pusher_enabled=names("backends in use, older versions"),
        pusher_format=known(TABLE, doc="form by backend, older versions"),
        pusher_select=known(TABLE, doc="which mail by backend, older versions"),
    ),
    rules=part(
        "metadata_exporter",
        "one way out",
        {key: made for key, made in REDIS_SERVERS.items() if key not in _EXPORT},
        _EXPORT_UNSERVED,
    ),
    rules_key="rules",
)

METRIC_EXPORTER: Final = module(
    "metric_exporter",
    "statistics to Graphite",
    backend=known(one_of("graphite"), doc="where to"),
    metrics=names("which figures"),
    interval=known(QUOTED_TIME, 120.0, unit="seconds", doc="time between two"),
    timeout=known(QUOTED_TIME, 15.0, unit="seconds", doc="how long the server may take"),
    statefile=known(STRING, doc="file that keeps the time of the last one"),
    host=known(STRING, "localhost", doc="server"),
    port=known(INTEGER, 2003, doc="port of the server"),
    metric_prefix=known(STRING, "rspamd", doc="put before names"),
)

HISTORY_REDIS: Final = part(
    "history_redis", "the last scans, kept in Redis for the web interface", REDIS_KNOWN
)

AWS_S3: Final = module(
    "aws_s3",
    "mails to Amazon S3",
    s3_bucket=known(STRING, doc="bucket"),
    s3_region=known(STRING, "us-east-1", doc="region"),
    s3_host=known(STRING, "s3.amazonaws.com", doc="server"),
    s3_key_id=known(STRING, doc="key's id"),
    s3_secret_key=known(STRING, doc="secret key", secret=True),
    s3_timeout=known(QUOTED_TIME, 10.0, unit="seconds", doc="how long S3 may take"),
    fail_action=known(STRING, doc="action when it fails"),
    zstd_compress=flag(None, "compress"),
    save_raw=flag(True, "store the mail"),
    save_structure=flag(False, "store its parts"),
    inline_content_limit=known(SIZE, unit="bytes", doc="larger parts are objects of their own"),
)

MAPS_STATS: Final = module(
    "maps_stats",
    "counts matches of maps, in Redis",
    REDIS,
    interval=known(QUOTED_TIME, 120.0, unit="seconds", doc="time between two rounds"),
    count=known(INTEGER, 1000, doc="entries kept"),
    prefix=known(STRING, "rm_", doc="put before the keys"),
)
DYNAMIC_CONF: Final = part(
    "dynamic_conf",
    "changes to the configuration, shared by Redis",
    REDIS_KNOWN,
    priority=known(INTEGER, 10, doc="against other layers; here override.d always wins"),
)
