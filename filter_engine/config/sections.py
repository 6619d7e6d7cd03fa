"""The names that may stand at the top of a configuration."""

from __future__ import annotations

#: Sections this package binds itself.
OWN = frozenset(
    """
    actions composite composites group logging metric options redis settings symbol symbols worker
    """.split()  # noqa: SIM905  # a table to read
)

#: Rspamd's modules: their files are read, so that a site's tree is not full of "nothing includes
#: this file". What this engine serves of them has a schema; content in the others is reported as
#: not served.
FOREIGN_MODULES = frozenset(
    """
    aliases antivirus arc asn aws_s3 bayes_expiry bimi chartable clickhouse contextal
    dcc dkim dkim_signing dmarc dynamic_conf elastic emails external_relay external_services
    force_actions forged_recipients fuzzy_check fuzzy_collect gpt greylist hfilter history_redis
    http_headers ip_score known_senders maillist maps_stats metadata_exporter metric_exporter mid
    milter_headers mime_types multimap mx_check neural once_received p0f phishing ratelimit rbl
    replies reputation rmilter_headers rspamd_update spamtrap spf surbl url_redirector
    url_suspect url_tags whitelist
    """.split()  # noqa: SIM905  # a table to read
)

#: Rspamd's other sections: no file of their own.
FOREIGN = FOREIGN_MODULES | frozenset(
    """
    classifier clustering global_functions lang_detection lua modules
    neural_autolearn rules statfile statistic upstreams
    """.split()  # noqa: SIM905  # a table to read
)

#: Rspamd's groups of symbols, each with a file ``NAME_group.conf``, whatever the checks declare.
FOREIGN_GROUPS = frozenset(
    """
    antivirus content excessb64 excessqp external_services fuzzy headers hfilter mime_types mua mx
    neural phishing policies rbl senderscore statistics subject surbl url url_suspect whitelist
    """.split()  # noqa: SIM905  # a table to read
)
