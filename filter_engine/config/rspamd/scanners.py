"""External scanners: ``antivirus``, ``external_services``, ``dcc``, ``p0f``."""

from __future__ import annotations

from typing import Any, Final

from filter_engine.config.kinds import BOOLEAN, INTEGER, NUMBER, SIZE, STRING, upstreams
from filter_engine.config.rspamd.kinds import MAP_SOURCE, QUOTED_TIME, TABLE, each_table, either
from filter_engine.config.rspamd.shared_options import (
    REDIS_SERVERS,
    Options,
    flag,
    module,
    part,
    symbol,
)
from filter_engine.config.schema import Kind, declare_known, known

#: The port depends on ``type``; a scanner's own is used where a server names none.
_SERVERS: Final[Kind[Any]] = upstreams(0)
_PATTERNS: Final[Kind[Any]] = each_table(STRING)

_SCANNER: Final[Options] = declare_known(
    type=known(STRING, doc="which scanner it is; decides protocol and port"),
    name=known(STRING, doc="name of the scanner in the log"),
    enabled=known(BOOLEAN, True, doc="false takes this scanner out"),
    servers=known(_SERVERS, doc="where the scanner listens: host:port or the path of a socket"),
    socket=known(_SERVERS, doc="the same, of a local socket"),
    default_port=known(INTEGER, doc="port of servers that name none"),
    symbol=known(STRING, doc="symbol for a find; the rule's name in capitals by default"),
    symbol_fail=known(STRING, doc="symbol when the scanner does not answer; else SYMBOL_FAIL"),
    symbol_encrypted=known(STRING, doc="symbol for what cannot be opened; else SYMBOL_ENCRYPTED"),
    symbol_macro=known(STRING, doc="symbol for documents with macros; else SYMBOL_MACRO"),
    symbol_type=known(STRING, doc="stage the symbol runs in: normal or postfilter"),
    scores=known(TABLE, doc="scores of the rule's symbols"),
    group=known(STRING, doc="group of the rule's symbols"),
    description=known(STRING, doc="what people read about the symbol"),
    score=known(NUMBER, doc="score of the symbol"),
    action=known(either(BOOLEAN, STRING), doc="action forced by a find; none: the score decides"),
    message=known(STRING, doc="reply of a forced action; may hold ${SCANNER} and ${VIRUS}"),
    timeout=known(QUOTED_TIME, unit="seconds", doc="how long the scanner may take"),
    retransmits=known(INTEGER, doc="attempts on other servers after a failure"),
    max_size=known(SIZE, unit="bytes", doc="larger messages are not scanned"),
    min_size=known(SIZE, unit="bytes", doc="smaller parts are not scanned"),
    log_clean=known(BOOLEAN, False, doc="log what the scanner found to be clean as well"),
    scan_mime_parts=known(BOOLEAN, True, doc="scan each attachment instead of the whole message"),
    scan_all_mime_parts=known(BOOLEAN, False, doc="scan every part, attachment or not"),
    scan_text_mime=known(BOOLEAN, False, doc="scan text parts too"),
    scan_image_mime=known(BOOLEAN, False, doc="scan pictures too"),
    attachments_only=known(BOOLEAN, True, doc="old name of scan_mime_parts"),
    text_part_min_words=known(INTEGER, unit="words", doc="shorter text parts are not scanned"),
    patterns=known(_PATTERNS, doc="symbol by regular expression over the name of the find"),
    patterns_fail=known(_PATTERNS, doc="symbol by regular expression over the error"),
    mime_parts_filter_regex=known(_PATTERNS, doc="scan only parts whose type or name matches"),
    mime_parts_filter_ext=known(_PATTERNS, doc="scan only parts with these file extensions"),
    whitelist=known(MAP_SOURCE, doc="clients whose mail is not scanned"),
    dynamic_scan=known(BOOLEAN, False, doc="skip what is rejected or clearly clean already"),
    detection_category=known(STRING, doc="word for a find in the log"),
    default_score=known(NUMBER, 1.0, doc="weight of a find"),
    cache_expire=known(QUOTED_TIME, unit="seconds", doc="how long Redis keeps an answer"),
    no_cache=known(BOOLEAN, False, doc="ask again for parts that were scanned before"),
    prefix=known(STRING, doc="put before the keys of this scanner in Redis"),
    show_attachments=known(BOOLEAN, False, doc="name the attachment in the symbol's options"),
    eicar_fake_pattern=known(STRING, doc="text that is replaced by the EICAR test file"),
    tmpdir=known(STRING, "/tmp", doc="directory for files handed to the scanner"),  # noqa: S108
    log_prefix=known(STRING, doc="put before log lines of this scanner"),
    require_symbols=known(either(STRING, TABLE), doc="scan only when this expression holds"),
    use_https=known(BOOLEAN, False, doc="speak HTTPS with the scanner"),
    use_files=known(BOOLEAN, False, doc="hand the scanner a file's path instead of the content"),
    no_ssl_verify=known(BOOLEAN, False, doc="accept any certificate"),
    url=known(STRING, doc="address, or path on the server, of the scanner's HTTP service"),
    user=known(STRING, doc="user at the HTTP service"),
    password=known(STRING, doc="password at the HTTP service", secret=True),
    apikey=known(STRING, doc="key for the HTTP service", secret=True),
    extended=known(BOOLEAN, False, doc="set a symbol's option for each detail of the find"),
    product_id=known(INTEGER, 0, doc="product number of the SAVAPI licence"),
)

_ICAP: Final[Options] = declare_known(
    scheme=known(STRING, "scan", doc="service part of the ICAP address"),
    ssl=known(BOOLEAN, False, doc="speak TLS with the ICAP server"),
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
    client=known(STRING, "0.0.0.0", doc="client address told to DCC where none is known"),  # noqa: S104
    symbol_bulk=symbol("DCC_BULK", "mail that DCC counted often"),
    body_max=known(INTEGER, 999_999, doc="count of equal bodies that makes bulk"),
    fuz1_max=known(INTEGER, 999_999, doc="count of similar bodies (fuz1) that makes bulk"),
    fuz2_max=known(INTEGER, 999_999, doc="count of similar bodies (fuz2) that makes bulk"),
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

_ANTIVIRUS_RULE = part("antivirus", "one scanner for viruses", _SCANNER, _ICAP, _HASHES)
_SERVICE_RULE = part("external_services", "one external service", _SCANNER, _ICAP, _HASHES)

#: Beside the scanners' sections Rspamd passes over their options in silence.
_OUT_OF_PLACE: Final = {
    key: f"write it into the section of a scanner: NAME {{ {key} = ...; }}"
    for key in _SCANNER
    if key not in REDIS_SERVERS and key != "enabled"
}

ANTIVIRUS = module(
    "antivirus",
    "hands messages to virus scanners",
    REDIS_SERVERS,
    rules=_ANTIVIRUS_RULE,
    retired=_OUT_OF_PLACE,
)

EXTERNAL_SERVICES = module(
    "external_services",
    "asks other filters and services: DCC, Pyzor, Razor, oletools, ICAP, SpamAssassin, p0f",
    REDIS_SERVERS,
    rules=_SERVICE_RULE,
    retired=_OUT_OF_PLACE,
)

DCC = module(
    "dcc",
    "counts of similar mails at DCC; external_services has the same",
    _SCANNER,
    _HASHES,
    host=known(STRING, doc="old name of the server or socket"),
    port=known(INTEGER, doc="port of host"),
    retired={"client_ip": "write client"},
)

P0F = module(
    "p0f",
    "guesses the client's operating system from its packets",
    REDIS_SERVERS,
    socket=known(STRING, doc="path of p0f's socket"),
    timeout=known(QUOTED_TIME, 5.0, unit="seconds", doc="how long p0f may take"),
    symbol=symbol("P0F", "an answer"),
    symbol_fail=symbol("P0F_FAIL", "no answer"),
    patterns=known(_PATTERNS, doc="symbol by regular expression over the answer"),
    expire=known(QUOTED_TIME, 7200.0, unit="seconds", doc="how long an answer is kept"),
    prefix=known(STRING, "p0f", doc="put before the keys in Redis"),
)
