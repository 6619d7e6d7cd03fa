"""The names that may stand at the top of a configuration."""

from __future__ import annotations

#: Sections this package binds itself.
OWN = frozenset(
    {"options", "logging", "worker", "actions", "group", "symbols", "symbol", "redis", "metric"}
)

#: Rspamd's modules and sections, so that a site's tree is not full of "unknown section". What this
#: engine serves of them has a schema; content in the others is reported as not served.
FOREIGN = frozenset(
    """
    aliases antivirus arc asn aws_s3 bayes_expiry bimi chartable classifier clickhouse clustering
    composite composites contextal dcc dkim dkim_signing dmarc dynamic_conf elastic emails
    external_relay external_services force_actions forged_recipients fuzzy_check fuzzy_collect
    global_functions gpt greylist hfilter history_redis http_headers ip_score known_senders
    lang_detection lua maillist maps_stats metadata_exporter metric_exporter mid milter_headers
    mime_types modules multimap mx_check neural neural_autolearn once_received p0f phishing
    ratelimit rbl regexp replies reputation rmilter_headers rspamd_update rules settings
    spamassassin spamtrap spf statfile statistic surbl trie upstreams url_redirector url_suspect
    url_tags whitelist
    """.split()  # noqa: SIM905  # a table to read
)
