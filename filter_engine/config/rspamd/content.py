"""What is in a mail: headers, types, texts; and the modules that ask a model about it.

Of sections that a check of this engine has, here is only what it does not serve.
"""

from __future__ import annotations

from typing import Final

from filter_engine.config.kinds import (
    INTEGER,
    NUMBER,
    STRING,
    known_section,
    one_of,
)
from filter_engine.config.rspamd.kinds import (
    LUA,
    MAP_SOURCE,
    QUOTED_TIME,
    STRINGS,
    TABLE,
    either,
    table_of,
)
from filter_engine.config.rspamd.shared_options import (
    REDIS_KNOWN,
    REDIS_WITHOUT_TIMEOUT,
    flag,
    module,
    names,
    part,
    symbol,
)
from filter_engine.config.schema import Schema, declare_known, known

CHARTABLE: Final = part(
    "chartable",
    "words of mixed scripts",
    symbol=symbol("R_MIXED_CHARSET", "mixed words in the text"),
    url_symbol=symbol("R_MIXED_CHARSET_URL", "mixed scripts in URLs"),
)

FORGED_RECIPIENTS: Final = part(
    "forged_recipients",
    "header and envelope that name others",
    symbol_rcpt=symbol("FORGED_RECIPIENTS", "other recipients"),
    symbol_sender=symbol("FORGED_SENDER", "another sender"),
)

HFILTER: Final = part("hfilter", "the client's names, and the sender's")

MAILLIST: Final = part("maillist", "mail of lists", symbol=symbol("MAILLIST", "mail of a list"))

MID: Final = part(
    "mid",
    "Message-IDs of big senders that are odd all the same",
    symbol_known_mid=symbol("KNOWN_MID", "a Message-ID as the domain makes it"),
    symbol_known_no_mid=symbol("KNOWN_NO_MID", "none, as the domain does it"),
    symbol_invalid_msgid=symbol("INVALID_MSGID", "a bad one, as another rule sets it"),
    symbol_missing_mid=symbol("MISSING_MID", "none, as another rule sets it"),
    symbol_dkim_allow=symbol("R_DKIM_ALLOW", "a good signature, as the dkim module sets it"),
    csymbol_invalid_msgid_allowed=symbol("INVALID_MSGID_ALLOWED", "a bad one that is known"),
    csymbol_missing_mid_allowed=symbol("MISSING_MID_ALLOWED", "none, where that is known"),
)

_WEIGHTS: Final = either(table_of(NUMBER), TABLE)
MIME_TYPES: Final = part(
    "mime_types",
    "types and names of attachments",
    {
        f"symbol_{what}": symbol(f"MIME_{name}", text)
        for what, name, text in (
            ("unknown", "UNKNOWN", "a type that file does not list"),
            ("bad", "BAD", "a bad type"),
            ("good", "GOOD", "a good type"),
            ("attachment", "BAD_ATTACHMENT", "a type that does not fit the name"),
            ("encrypted_archive", "ENCRYPTED_ARCHIVE", "an archive under a password"),
            ("obfuscated_archive", "OBFUSCATED_ARCHIVE", "an archive that hides its files"),
            ("exe_in_gen_split_rar", "EXE_IN_GEN_SPLIT_RAR", "a program in a split archive"),
            ("archive_in_archive", "ARCHIVE_IN_ARCHIVE", "an archive inside an archive"),
            ("double_extension", "DOUBLE_BAD_EXTENSION", "a bad second extension"),
            ("bad_extension", "BAD_EXTENSION", "a bad extension"),
            ("bad_unicode", "BAD_UNICODE", "odd characters in the name"),
        )
    },
)

ONCE_RECEIVED: Final = part(
    "once_received",
    "mail that comes straight from where it was written",
    symbol=symbol("ONCE_RECEIVED", "one hop at most"),
    symbol_strict=symbol("ONCE_RECEIVED_STRICT", "the same from a bad host"),
    symbol_rdns=symbol("RDNS_NONE", "an address without name"),
    symbol_rdns_dnsfail=symbol("RDNS_DNSFAIL", "a name that could not be looked up"),
    symbol_mx=symbol("DIRECT_TO_MX", "mail straight from a program"),
    whitelist=known(MAP_SOURCE, doc="clients that are not looked at"),
)

SPAMTRAP: Final = part(
    "spamtrap",
    "learns from mail to addresses nobody uses",
    REDIS_KNOWN,
)

RSPAMD_UPDATE: Final = module(
    "rspamd_update",
    "rules and scores from Rspamd's site",
    {"rules": known(MAP_SOURCE, doc="where from")},
    key=known(STRING, doc="public key of the signature"),
    priority=known(INTEGER, doc="against other layers"),
    urls=known(MAP_SOURCE, doc="where from"),
)

CONTEXTAL: Final = module(
    "contextal",
    "asks the Contextal platform",
    REDIS_WITHOUT_TIMEOUT,
    base_url=known(STRING, "http://localhost:8080", doc="address of the platform"),
    submit_url=known(STRING, doc="address for mails"),
    actions_url=known(STRING, doc="address for verdicts"),
    action_symbol_prefix=known(STRING, "CONTEXTAL_ACTION", doc="put before verdicts' symbols"),
    submission_symbol=symbol("CONTEXTAL_SUBMIT", "mail that was handed over"),
    cache_prefix=known(STRING, "CXAL", doc="put before the keys in Redis"),
    cache_timeout=known(QUOTED_TIME, 5.0, unit="seconds", doc="how long Redis may take"),
    cache_ttl=known(QUOTED_TIME, 3600.0, unit="seconds", doc="how long verdicts are kept"),
    custom_actions=names("further verdicts"),
    defer_if_no_result=flag(None, "soft reject while there is no verdict"),
    defer_message=known(STRING, doc="reply to that"),
    http_timeout=known(QUOTED_TIME, 2.0, unit="seconds", doc="how long the platform may take"),
    request_ttl=known(QUOTED_TIME, 4.0, unit="seconds", doc="when the platform gives up"),
    max_recursion=known(INTEGER, doc="files inside files"),
    enabled_scenarios=names("scenarios that count"),
    actions=known(TABLE, doc="verdicts and what follows"),
    gzip=flag(None, "compress"),
    keepalive=flag(None, "keep connections"),
    no_ssl_verify=flag(None, "accept any certificate"),
)

_MODEL: Final = part(
    "gpt",
    "options of one model",
    max_tokens=known(INTEGER, unit="tokens", doc="of an answer"),
    max_completion_tokens=known(INTEGER, unit="tokens", doc="of an answer, newer models"),
    temperature=known(NUMBER, doc="how far answers vary"),
    reasoning_effort=known(STRING, doc="how long the model thinks"),
)
_CONTEXT: Final = Schema(
    anchor="modules/gpt",
    doc="what the model is told of earlier mail or of the web",
    closed=False,
    options=declare_known(
        enabled=flag(False, "tell it"),
        level=known(one_of("user", "domain", "esld"), doc="whose mail"),
        key_prefix=known(STRING, doc="put before the keys in Redis"),
        ttl=known(QUOTED_TIME, unit="seconds", doc="how long it is kept"),
        timeout=known(QUOTED_TIME, unit="seconds", doc="how long it may take"),
    ),
)
GPT: Final = module(
    "gpt",
    "asks a language model",
    REDIS_WITHOUT_TIMEOUT,
    type=known(one_of("openai", "ollama"), "openai", doc="whose protocol"),
    api_key=known(STRING, doc="key for the service", secret=True),
    model=known(STRINGS, doc="models that are asked"),
    model_parameters=known(
        table_of(known_section(_MODEL, "gpt.model_parameters")), doc="options by model"
    ),
    max_tokens=known(INTEGER, 1000, unit="tokens", doc="of the mail, and of an answer"),
    temperature=known(NUMBER, 0.0, doc="how far answers vary"),
    timeout=known(QUOTED_TIME, 10.0, unit="seconds", doc="how long the service may take"),
    connect_timeout=known(QUOTED_TIME, unit="seconds", doc="how long connecting may take"),
    ssl_timeout=known(QUOTED_TIME, unit="seconds", doc="how long TLS may take"),
    write_timeout=known(QUOTED_TIME, unit="seconds", doc="how long sending may take"),
    read_timeout=known(QUOTED_TIME, unit="seconds", doc="how long reading may take"),
    request_timeout=known(QUOTED_TIME, unit="seconds", doc="sent along to the service"),
    include_response_format=flag(False, "ask the service for JSON"),
    prompt=known(STRING, doc="what is asked"),
    condition=known(LUA, doc="whether to ask"),
    reply_conversion=known(LUA, doc="how an answer is read"),
    url=known(STRING, doc="address of the service"),
    autolearn=flag(False, "learn by the answer"),
    allow_passthrough=flag(False, "ask also when the action is fixed"),
    allow_ham=flag(False, "ask also about clear ham"),
    json=flag(False, "answers are JSON"),
    reason_header=known(STRING, doc="header that tells the reason"),
    symbols_to_except=known(_WEIGHTS, doc="symbols that make asking needless"),
    symbols_to_trigger=known(_WEIGHTS, doc="symbols that must be there"),
    extra_symbols=known(TABLE, doc="symbols by category of the answer"),
    cache_prefix=known(STRING, "rsllm", doc="put before the keys in Redis"),
    cache_ttl=known(QUOTED_TIME, unit="seconds", doc="how long answers are kept"),
    consensus_spam_threshold=known(NUMBER, doc="agreement of several models on spam"),
    consensus_ham_threshold=known(NUMBER, doc="agreement of several models on ham"),
    context=known(known_section(_CONTEXT, "gpt.context"), doc="earlier mail of the recipient"),
    search_context=known(known_section(_CONTEXT, "gpt.search_context"), doc="what the web says"),
    min_words=known(INTEGER, 5, unit="words", doc="shorter mails are not asked about"),
    no_ssl_verify=flag(None, "accept any certificate"),
)


MODULES: Final = Schema(
    anchor="configuration/modules",
    doc="where Lua modules are",
    options=declare_known(
        path=known(STRINGS, doc="directories and files of modules"),
        try_path=known(STRINGS, doc="the same, where they may be missing"),
        fallback_path=known(STRINGS, doc="directories of older layouts"),
        home=known(STRING, doc="directory of modules, older versions"),
    ),
)
