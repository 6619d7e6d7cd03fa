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

URL_SUSPECT: Final = part(
    "url_suspect",
    "odd URLs",
    process_flags=names("kinds of URLs that are looked at"),
    symbols=known(TABLE, doc="names of symbols"),
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
