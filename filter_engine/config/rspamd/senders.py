"""What is remembered of senders: greylisting, rates, replies, reputation, known senders, MX."""

from __future__ import annotations

from typing import Final

from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    known_section,
    known_sections,
    list_of,
    one_of,
)
from filter_engine.config.rspamd.kinds import (
    ANY,
    LUA,
    MAP_SOURCE,
    QUOTED_TIME,
    STRINGS,
    TABLE,
    each,
    either,
)
from filter_engine.config.rspamd.shared_options import (
    REDIS,
    REDIS_KNOWN,
    REDIS_SERVERS,
    REDIS_WITHOUT_TIMEOUT,
    Options,
    flag,
    module,
    part,
    symbol,
)
from filter_engine.config.schema import declare_known, known

GREYLIST: Final = part(
    "greylist",
    "turns unknown senders away once, for a while",
    REDIS_KNOWN,
    message_func=known(LUA, doc="reply, told by Lua"),
)

RATELIMIT: Final = part(
    "ratelimit",
    "how much mail may come at once, by sender, recipient, address or login",
    REDIS_KNOWN,
    custom_keywords=known(either(STRING, TABLE), doc="file of Lua with further things to count"),
    dynamic_rate_limit=flag(False, "limits follow the sender's record"),
    limits=known(TABLE, doc="old name of rates"),
    message_func=known(LUA, doc="reply, told by Lua"),
    prefilter=flag(True, "look before other checks"),
)

_PRIVACY: Final[Options] = declare_known(
    reply_sender_privacy=known(BOOLEAN, False, doc="store a hash of senders"),
    reply_sender_privacy_alg=known(STRING, "blake2", doc="hash function for senders"),
    reply_sender_privacy_prefix=known(STRING, "obf", doc="put before a sender's hash"),
    reply_sender_privacy_length=known(INTEGER, 16, unit="characters", doc="kept of the hash"),
)
REPLIES: Final = part(
    "replies",
    "knows answers to mail that this site sent",
    REDIS_KNOWN,
    _PRIVACY,
    cookie=known(STRING, doc="Lua pattern or prefix of Message-IDs with a signature"),
    cookie_key=known(STRING, doc="key of that signature", secret=True),
    cookie_is_pattern=flag(False, "cookie is a Lua pattern"),
    cookie_valid_time=known(QUOTED_TIME, "2w", unit="seconds", doc="how long a signature holds"),
)

KNOWN_SENDERS: Final = part(
    "known_senders",
    "senders of free-mail domains that wrote before",
    REDIS_KNOWN,
    _PRIVACY,
    use_bloom=flag(False, "keep a Bloom filter; Redis needs its module"),
    symbol_check_mail=symbol("INC_MAIL_KNOWN", "mail from somebody this site wrote to"),
)

_SELECTOR: Final = part(
    "reputation",
    "what has a reputation, and how it counts",
    asn_prefix=known(STRING, "a:", doc="put before networks' keys"),
    country_prefix=known(STRING, "c:", doc="put before countries' keys"),
    ip_prefix=known(STRING, "i:", doc="put before addresses' keys"),
    asn_cc_whitelist=known(MAP_SOURCE, doc="networks and countries that do not count"),
    check_from=flag(True, "look at the sender's domain too"),
    delimiter=known(STRING, ":", doc="put between the elements of a selector"),
    exclusion_map=known(MAP_SOURCE, doc="what has no reputation"),
    inbound=flag(True, "for mail from outside"),
    outbound=flag(True, "for the site's own mail"),
    ipv4_mask=known(INTEGER, 32, unit="bits", doc="of an IPv4 address that count"),
    ipv6_mask=known(INTEGER, 64, unit="bits", doc="of an IPv6 address that count"),
    lower_bound=known(INTEGER, 10, unit="mails", doc="before a reputation counts"),
    max_accept_adjustment=known(NUMBER, 2.0, doc="how far R_DKIM_ALLOW may be moved"),
    max_urls=known(INTEGER, 10, doc="URLs of a mail that count"),
    max_score=known(NUMBER, doc="highest score"),
    min_score=known(NUMBER, doc="lowest score"),
    score_divisor=known(NUMBER, 1, doc="what scores are divided by"),
    score_calc_func=known(LUA, doc="score, told by Lua"),
    scores=known(TABLE, doc="weight of address, network and country"),
    selector=known(STRING, doc="what has a reputation (generic)"),
    split_symbols=flag(True, "one symbol for good, one for bad"),
    symbol=known(STRING, doc="symbol of the rule"),
    whitelist=known(either(MAP_SOURCE, TABLE), doc="what has no reputation"),
)
_BUCKET_OF_TIME: Final = part(
    "reputation",
    "one stretch of time",
    time=known(QUOTED_TIME, unit="seconds", doc="length"),
    name=known(STRING, doc="name in keys"),
    mult=known(NUMBER, 1.0, doc="weight"),
)
_BACKEND: Final = part(
    "reputation",
    "where a reputation is kept",
    REDIS_SERVERS,
    timeout=known(QUOTED_TIME, unit="seconds", doc="how long it may take"),
    prefix=known(STRING, "RR:", doc="put before keys"),
    expiry=known(QUOTED_TIME, 864_000.0, unit="seconds", doc="how long it is kept"),
    buckets=known(each(_BUCKET_OF_TIME, "reputation.backend.buckets"), doc="stretches of time"),
    hashed=flag(False, "keep hashes"),
    hash_alg=known(STRING, "blake2", doc="hash function"),
    hash_encoding=known(STRING, "base32", doc="how hashes are written"),
    hashlen=known(INTEGER, unit="characters", doc="kept of a hash"),
    list=known(STRING, doc="zone in DNS"),
)
_REPUTATION_RULE: Final = part(
    "reputation",
    "one reputation",
    selector=known(
        either(STRING, known_sections(_SELECTOR, "reputation.selector")), doc="what has one"
    ),
    backend=known(
        either(STRING, known_sections(_BACKEND, "reputation.backend")), doc="where it is kept"
    ),
    symbol=known(STRING, doc="symbol; the rule's name by default"),
    enabled=flag(True, "use the rule"),
    config=known(known_section(_SELECTOR, "reputation.config"), doc="options of the selector"),
    require_symbols=known(STRINGS, doc="only when these symbols are set"),
)
REPUTATION: Final = module(
    "reputation",
    "good and bad record of addresses, domains, URLs, keys",
    REDIS,
    rules=_REPUTATION_RULE,
    rules_key="rules",
)
IP_SCORE: Final = module(
    "reputation",
    "old module; reputation took its place",
    REDIS,
    closed=False,
    whitelist=known(MAP_SOURCE, doc="clients without a record"),
    symbol=symbol("IP_SCORE", "the client's record"),
)

_MX_ACTION: Final[Options] = declare_known(
    **{
        f"greylist_{what}": flag(None, f"make mail wait whose {text}")
        for what, text in {
            "authorized": "sender logged in, as that of others",
            "local": "client is local, as that of others",
            "broken": "MX cannot be used",
            "invalid": "sender's domain takes no mail",
            "none": "sender's domain has no MX",
            "null": "sender's domain has a null MX",
            "refused": "MX refuses connections",
            "timeout_connect": "MX does not answer",
            "timeout_read": "MX does not greet",
        }.items()
    },
)
_MX_SYMBOLS: Final[Options] = {
    "symbol_bad_mx": symbol("MX_INVALID", "a domain that takes no mail"),
    "symbol_no_mx": symbol("MX_MISSING", "a domain without MX"),
    "symbol_good_mx": symbol("MX_GOOD", "a domain that takes mail"),
    "symbol_white_mx": symbol("MX_WHITE", "a domain that is not looked at"),
} | {
    f"symbol_{what}": symbol(what.upper(), text)
    for what, text in {
        "mx_a_error": "an error at the domain's own address",
        "mx_a_good": "a domain without MX whose own address takes mail",
        "mx_a_invalid": "a domain without MX and without address",
        "mx_a_refused": "the domain's own address refusing",
        "mx_a_timeout_connect": "the domain's own address not answering",
        "mx_a_timeout_read": "the domain's own address not greeting",
        "mx_bad": "an MX of bad_mxs",
        "mx_bogon_mix": "an MX with some addresses nobody can reach",
        "mx_bogon_only": "an MX with only such addresses",
        "mx_broken": "an MX without address",
        "mx_dns_fail": "a failure of DNS",
        "mx_error": "an error of the MX",
        "mx_inflight": "an MX that is being looked at already",
        "mx_ip_bad": "an address of bad_ips",
        "mx_local_mix": "an MX with some private addresses",
        "mx_local_only": "an MX with only private addresses",
        "mx_none": "a domain without MX",
        "mx_null": "a null MX",
        "mx_redis_error": "a failure of Redis",
        "mx_refused": "an MX that refuses",
        "mx_skip": "an MX that is not looked at",
        "mx_timeout_connect": "an MX that does not answer",
        "mx_timeout_read": "an MX that does not greet",
    }.items()
}
MX_CHECK: Final = part(
    "mx_check",
    "whether the sender's domain takes mail",
    REDIS_WITHOUT_TIMEOUT,
    _MX_ACTION,
    _MX_SYMBOLS,
    expire=known(QUOTED_TIME, 86_400.0, unit="seconds", doc="how long good answers are kept"),
    expire_novalid=known(QUOTED_TIME, 7200.0, unit="seconds", doc="the same, of bad ones"),
    expire_dns=known(QUOTED_TIME, unit="seconds", doc="the same, of DNS"),
    expire_timeout=known(QUOTED_TIME, unit="seconds", doc="the same, of timeouts"),
    key_prefix=known(STRING, "rmx", doc="put before the keys in Redis"),
    prefer_ipv6=flag(None, "try IPv6 first"),
)

_SCORED: Final = {
    "local_inbound": "mail from outside",
    "local_outbound": "mail to outside",
    "internal_mail": "mail inside the site",
    "alias_resolved": "an alias that was resolved",
    "tagged_from": "a sender with a tag",
    "tagged_rcpt": "a recipient with a tag",
}
ALIASES: Final = part(
    "aliases",
    "resolves aliases and tells inbound from outbound",
    {f"symbol_{what}": symbol(what.upper(), text) for what, text in _SCORED.items()},
    {
        f"score_{what}": known(NUMBER, 0.0, doc=f"score for {text}")
        for what, text in _SCORED.items()
    },
    track_chain=flag(False, "keep the way from alias to alias"),
    apply_to_mime=flag(True, "change addresses of headers"),
    apply_to_smtp=flag(True, "change addresses of the envelope"),
    group=known(STRING, doc="group of the symbols"),
    virtual_maps=known(ANY, doc="further maps"),
    types=known(list_of(one_of("smtp", "mime")), doc="which addresses"),
)
