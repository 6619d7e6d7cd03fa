"""External scanners: ``antivirus``, ``external_services``, ``dcc``, ``p0f``."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from filter_engine.config.kinds import BOOLEAN, INTEGER, NUMBER, SIZE, STRING
from filter_engine.config.rspamd.kinds import QUOTED_TIME, TABLE, either
from filter_engine.config.rspamd.shared_options import (
    REDIS_SERVERS,
    Options,
    flag,
    part,
    symbol,
)
from filter_engine.config.schema import declare_known, known

_SCANNER: Final[Options] = declare_known(
    scores=known(TABLE, doc="scores of the rule's symbols"),
    scan_all_mime_parts=known(BOOLEAN, False, doc="scan every part, attachment or not"),
    detection_category=known(STRING, doc="word for a find in the log"),
    log_prefix=known(STRING, doc="put before log lines of this scanner"),
    require_symbols=known(either(STRING, TABLE), doc="scan only when this expression holds"),
    use_https=known(BOOLEAN, False, doc="speak HTTPS with the scanner"),
    use_files=known(BOOLEAN, False, doc="hand the scanner a file's path instead of the content"),
    url=known(STRING, doc="address, or path on the server, of the scanner's HTTP service"),
    user=known(STRING, doc="user at the HTTP service"),
    password=known(STRING, doc="password at the HTTP service", secret=True),
    apikey=known(STRING, doc="key for the HTTP service", secret=True),
    product_id=known(INTEGER, 0, doc="product number of the SAVAPI licence"),
)

_ICAP: Final[Options] = declare_known(
    scheme=known(STRING, "scan", doc="service part of the ICAP address"),
    user_agent=known(STRING, "Rspamd", doc="User-Agent header, or none"),
    x_client_header=known(BOOLEAN, False, doc="send the client's address in X-Client-IP"),
    x_rcpt_header=known(BOOLEAN, False, doc="send the recipients in X-Rcpt-To"),
    x_from_header=known(BOOLEAN, False, doc="send the sender in X-Mail-From"),
    req_headers_enabled=known(BOOLEAN, True, doc="send a made-up HTTP request along"),
    req_fake_url=known(STRING, "http://127.0.0.1/mail", doc="address in that request"),
    http_headers_enabled=known(BOOLEAN, True, doc="send made-up HTTP response headers"),
    use_http_result_header=known(BOOLEAN, True, doc="look for the find in HTTP headers as well"),
    use_http_3xx_as_threat=known(BOOLEAN, False, doc="a redirection counts as a find"),
    use_specific_content_type=known(BOOLEAN, False, doc="send the part's own Content-Type"),
)

_HASHES: Final[Options] = declare_known(
    minimum_engines=known(INTEGER, 3, doc="VirusTotal: engines that must agree"),
    full_score_engines=known(INTEGER, 7, doc="VirusTotal: engines that make the full weight"),
    max_message=known(SIZE, 0, unit="bytes", doc="Cloudmark: cut longer messages; 0: never"),
    score_threshold=known(NUMBER, 90, doc="Cloudmark: score that makes spam"),
    symbol_spam=symbol("CLOUDMARK_SPAM", "what Cloudmark finds to be spam"),
    add_headers=flag(False, "Cloudmark: add its headers to the message"),
    log_spamcause=flag(True, "log the reason that the service names"),
    settings_outbound=known(STRING, doc="Vade: settings id under which mail counts as outgoing"),
    symbols=known(TABLE, doc="Vade: symbol, score and description of each verdict"),
    expire=known(QUOTED_TIME, 7200.0, unit="seconds", doc="p0f: how long an answer is kept"),
    ratings=known(TABLE, doc="symbol by verdict of the service"),
)

#: Those in a section of their own are served.
_OWN_SERVERS: Final[Options] = declare_known(
    **{name: made for name, made in REDIS_SERVERS.items() if name != "redis"}
)
_ANTIVIRUS_RULE = part("antivirus", "one scanner for viruses", _SCANNER, _ICAP, _HASHES)
_SERVICE_RULE = part("external_services", "one external service", _SCANNER, _ICAP, _HASHES)

ANTIVIRUS = replace(
    part("antivirus", "hands messages to virus scanners", _OWN_SERVERS), rules=_ANTIVIRUS_RULE
)

EXTERNAL_SERVICES = replace(
    part(
        "external_services",
        "asks other filters and services: DCC, Pyzor, Razor, oletools, ICAP, SpamAssassin, p0f",
        _OWN_SERVERS,
    ),
    rules=_SERVICE_RULE,
)

DCC = part(
    "dcc",
    "counts of similar mails at DCC; external_services has the same",
    _SCANNER,
    _HASHES,
)

P0F = part(
    "p0f",
    "guesses the client's operating system from its packets",
    REDIS_SERVERS,
    expire=known(QUOTED_TIME, 7200.0, unit="seconds", doc="how long Redis keeps an answer"),
    prefix=known(STRING, "p0f", doc="put before the keys in Redis"),
)
