"""Links: ``phishing``, ``url_redirector``, ``url_suspect``, ``url_tags``."""

from __future__ import annotations

from typing import Final

from filter_engine.config.kinds import INTEGER, SIZE, STRING, known_section
from filter_engine.config.rspamd.kinds import ANY, MAP_SOURCE, QUOTED_TIME, TABLE, table_of
from filter_engine.config.rspamd.shared_options import (
    REDIS,
    REDIS_WITHOUT_TIMEOUT,
    flag,
    module,
    names,
    part,
    symbol,
)
from filter_engine.config.schema import known

PHISHING: Final = part(
    "phishing",
    "links that show one address and lead to another",
    redirector_domains=known(table_of(MAP_SOURCE), doc="old name of exceptions"),
    generic_service_name=known(STRING, "generic service", doc="name of that list in the log"),
    phishing_feed_exclusion_enabled=flag(False, "pass over some hosts in the lists"),
    phishing_feed_exclusion_map=known(MAP_SOURCE, doc="those hosts"),
    phishing_feed_exclusion_symbol=symbol("PHISHED_EXCLUDED", "such a host"),
)

URL_REDIRECTOR: Final = module(
    "url_redirector",
    "follows redirections of URLs",
    REDIS_WITHOUT_TIMEOUT,
    timeout=known(QUOTED_TIME, 10.0, unit="seconds", doc="how long following may take"),
    http_timeout=known(QUOTED_TIME, unit="seconds", doc="how long one host may take"),
    redis_timeout=known(QUOTED_TIME, unit="seconds", doc="how long Redis may take"),
    expire=known(QUOTED_TIME, 86_400.0, unit="seconds", doc="how long answers are kept"),
    nested_limit=known(INTEGER, 5, doc="redirections one after the other"),
    key_prefix=known(STRING, "rdr:", doc="put before the keys in Redis"),
    check_ssl=flag(False, "look at certificates"),
    forbid_local=flag(None, "never ask private addresses"),
    max_urls=known(INTEGER, 5, doc="URLs of a mail that are followed"),
    max_size=known(SIZE, 10_240, unit="bytes", doc="read of an answer"),
    user_agent=names("User-Agent headers"),
    redirector_symbol=known(STRING, doc="symbol for a redirection"),
    redirector_symbol_nested=known(STRING, doc="symbol for too many"),
    redirectors_only=flag(True, "follow known redirectors only"),
    redirector_hosts_map=known(MAP_SOURCE, doc="known redirectors"),
    save_intermediate_redirs=known(
        known_section(
            part(
                "url_redirector",
                "which URLs on the way are kept",
                redirectors=flag(None, "those of redirectors"),
                non_redirectors=flag(None, "those of other hosts"),
            ),
            "url_redirector.save_intermediate_redirs",
        ),
        doc="which URLs on the way are kept",
    ),
    top_urls_key=known(STRING, "rdr:top_urls", doc="key of the most frequent URLs"),
    top_urls_count=known(INTEGER, 200, doc="kept of those"),
)

_LENGTHS: Final = part(
    "url_suspect",
    "lengths of user names",
    suspicious=known(INTEGER, 64, unit="characters", doc="odd from here"),
    long=known(INTEGER, 128, unit="characters", doc="long from here"),
    very_long=known(INTEGER, 256, unit="characters", doc="very long from here"),
)
_LOOK: Final = flag(True, "look at it")
_SUSPECT_CHECKS: Final = {
    "user_password": part(
        "url_suspect",
        "user names in URLs",
        enabled=_LOOK,
        length_thresholds=known(
            known_section(_LENGTHS, "url_suspect.checks.user_password.length_thresholds"),
            doc="what is long",
        ),
        patterns_map=known(MAP_SOURCE, doc="odd user names"),
        user_patterns_map=known(MAP_SOURCE, doc="odd user names"),
        blacklist_map=known(MAP_SOURCE, doc="bad user names"),
        user_blacklist_map=known(MAP_SOURCE, doc="bad user names"),
    ),
    "numeric_ip": part(
        "url_suspect",
        "addresses in place of hosts",
        enabled=_LOOK,
        allow_private_ranges=flag(True, "private addresses have a symbol of their own"),
        range_map=known(MAP_SOURCE, doc="bad addresses"),
        suspicious_ips_map=known(MAP_SOURCE, doc="bad addresses"),
    ),
    "tld": part(
        "url_suspect",
        "top-level domains",
        enabled=_LOOK,
        suspicious_tlds_map=known(MAP_SOURCE, doc="bad ones"),
        builtin_suspicious=names("bad ones"),
        use_tld_map=flag(None, "use suspicious_tlds_map"),
        tld_map=known(MAP_SOURCE, doc="bad ones"),
    ),
    "unicode": part(
        "url_suspect",
        "characters",
        enabled=_LOOK,
        check_validity=flag(True, "bad UTF-8"),
        check_homographs=flag(True, "letters that look like others"),
        check_rtl_override=flag(True, "marks that turn the writing around"),
        check_zero_width=flag(True, "spaces without width"),
    ),
    "structure": part(
        "url_suspect",
        "how URLs are built",
        enabled=_LOOK,
        check_multiple_at=flag(True, "several @"),
        max_at_signs=known(INTEGER, 2, doc="@ that are odd"),
        check_backslash=flag(True, "backslashes"),
        check_excessive_dots=flag(True, "many dots"),
        max_host_dots=known(INTEGER, 6, doc="dots in a host that are not odd"),
        check_length=flag(True, "long URLs"),
        max_url_length=known(INTEGER, 2048, unit="characters", doc="that are not odd"),
        check_port=flag(None, "odd ports"),
        suspicious_ports_map=known(MAP_SOURCE, doc="odd ports"),
    ),
    "query_urls": part(
        "url_suspect",
        "URLs inside URLs",
        enabled=_LOOK,
        max_query_urls=known(INTEGER, 1, doc="that are not odd"),
    ),
    "obfuscated_text": part(
        "url_suspect",
        "URLs written so that programs do not see them",
        enabled=_LOOK,
        max_matches_per_message=known(INTEGER, 50, doc="places that are looked at"),
        max_extracted_urls=known(INTEGER, 20, doc="URLs that are taken"),
        min_match_length=known(INTEGER, 8, unit="characters", doc="shortest"),
        max_match_length=known(INTEGER, 1024, unit="characters", doc="longest"),
        context_before=known(INTEGER, 64, unit="characters", doc="looked at before it"),
        context_after=known(INTEGER, 256, unit="characters", doc="looked at after it"),
        max_normalize_length=known(INTEGER, 512, unit="characters", doc="made readable"),
        patterns_enabled=known(TABLE, doc="which ways of writing"),
        patterns_map=known(MAP_SOURCE, doc="further ways of writing"),
    ),
}
URL_SUSPECT: Final = module(
    "url_suspect",
    "odd URLs",
    checks=known(
        known_section(
            part(
                "url_suspect",
                "what is looked at",
                {
                    name: known(known_section(schema, f"url_suspect.checks.{name}"), doc=schema.doc)
                    for name, schema in _SUSPECT_CHECKS.items()
                },
            ),
            "url_suspect.checks",
        ),
        doc="what is looked at",
    ),
    process_flags=names("kinds of URLs that are looked at"),
    max_urls=known(INTEGER, 10_000, doc="looked at in a mail"),
    symbols=known(TABLE, doc="names of symbols"),
    use_whitelist=flag(False, "pass over whitelist_map"),
    whitelist_map=known(MAP_SOURCE, doc="hosts that are passed over"),
    custom_checks=known(ANY, doc="further checks, told by Lua"),
)

URL_TAGS: Final = module(
    "url_tags",
    "keeps tags of URLs in Redis",
    REDIS,
    expire=known(QUOTED_TIME, 3600.0, unit="seconds", doc="how long tags are kept"),
    key_prefix=known(STRING, "Ut.", doc="put before the keys"),
    ignore_tags=names("tags that are not kept"),
)
