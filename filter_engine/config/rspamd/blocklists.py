"""Lists in DNS: ``rbl``, the older ``surbl`` and ``emails``, and ``asn``."""

from __future__ import annotations

from typing import Final

from filter_engine.config.kinds import (
    INTEGER,
    STRING,
    TIME,
    known_sections,
    list_of,
    one_of,
)
from filter_engine.config.rspamd.kinds import (
    ANY,
    LUA,
    MAP_SOURCE,
    STRINGS,
    TABLE,
    either,
    table_of,
)
from filter_engine.config.rspamd.shared_options import (
    OWN_MAIL,
    Options,
    flag,
    module,
    names,
    part,
    symbol,
)
from filter_engine.config.schema import declare_known, known

_CHECKS: Final = list_of(
    one_of(
        "from", "received", "helo", "urls", "content_urls", "emails", "replyto", "dkim", "rdns",
        "selector", "images", "numeric_urls", "received_from",
    )
)  # fmt: skip
_CODES: Final = table_of(STRINGS)
_BITS: Final = table_of(list_of(INTEGER))

#: Each has its default for all rules, as ``default_NAME``, in the module's own section.
_DEFAULTED: Final[Options] = declare_known(
    enabled=flag(True, "use the list"),
    ipv4=flag(True, "ask for IPv4 addresses"),
    ipv6=flag(True, "ask for IPv6 addresses"),
    unknown=flag(False, "an answer that no code explains sets the rule's symbol"),
    dkim_domainonly=flag(True, "ask for the registered domain of signatures"),
    emails_domainonly=flag(False, "ask for the domain of addresses only"),
    exclude_private_ips=flag(True, "do not ask for private addresses"),
    exclude_users=flag(False, "do not ask about mail of logged-in users"),
    exclude_local=flag(True, "do not ask about clients in local_networks"),
    no_ip=flag(False, "do not ask for hosts that are addresses"),
    dkim_match_from=flag(False, "only signatures of From's domain"),
    selector_flatten=flag(True, "ask for each element a selector returns"),
    # of older versions
    **{
        "from": flag(None, "ask for the client's address"),
        "received": flag(None, "ask for the addresses in Received"),
        "rdns": flag(None, "ask for the client's host name"),
        "helo": flag(None, "ask for the HELO name"),
        "dkim": flag(None, "ask for the domains of good signatures"),
        "emails": flag(None, "ask for addresses in the text"),
        "is_whitelist": flag(False, "a hit keeps other lists from counting"),
        "ignore_whitelist": flag(False, "count in spite of a list of good clients"),
        "urls": flag(None, "ask for hosts of URLs"),
        "content_urls": flag(None, "ask for URLs in attachments too"),
        "images": flag(None, "ask for URLs of pictures"),
        "replyto": flag(None, "ask for the Reply-To address"),
    },
)

_RULE: Final = part(
    "rbl",
    "one list",
    _DEFAULTED,
    checks=known(_CHECKS, doc="what is looked up in the list"),
    exclude_checks=known(_CHECKS, doc="what is not, of the checks"),
    description=known(STRING, doc="what people read about the list"),
    disable_monitoring=flag(False, "do not test that the list is alive"),
    disabled=flag(False, "do not use the list"),
    emails_delimiter=known(STRING, doc="put in place of @"),
    group=known(STRING, doc="group of the symbols"),
    hash=known(one_of("sha1", "sha256", "sha384", "sha512", "md5", "blake2"), doc="ask for a hash"),
    hash_format=known(one_of("hex", "base32", "base64"), doc="how the hash is written"),
    hash_len=known(INTEGER, unit="characters", doc="kept of the hash"),
    ignore_default=flag(
        False,
        "the module's defaults do not hold here",
    ),
    ignore_defaults=flag(False, "the module's defaults do not hold here"),
    ignore_url_whitelist=flag(False, "also ask for what url_whitelist names"),
    ignore_whitelists=flag(False, "the same as ignore_whitelist"),
    local_exclude_ip_map=known(MAP_SOURCE, doc="clients that are not looked up"),
    monitored_address=known(STRING, doc="name that tests whether the list is alive"),
    process_script=known(LUA, doc="what to look up, told by Lua"),
    random_monitored=flag(False, "test with a random name"),
    rbl=known(STRING, doc="zone of the list"),
    received_flags=names("only Received headers with these flags"),
    received_nflags=names("only Received headers without these flags"),
    received_min_pos=known(INTEGER, doc="first Received header that counts"),
    received_max_pos=known(INTEGER, doc="last Received header that counts"),
    requests_limit=known(INTEGER, doc="lookups for one message"),
    require_symbols=known(STRINGS, doc="ask only when these symbols are set"),
    resolve_ip=flag(False, "look up the addresses of the hosts first"),
    return_bits=known(_BITS, doc="symbol by bits of the answer"),
    return_codes=known(_CODES, doc="symbol by answer"),
    returnbits=known(_BITS, doc="symbol by bits of the answer"),
    returncodes=known(_CODES, doc="symbol by answer"),
    returncodes_matcher=known(
        one_of("equality", "luapattern", "regexp", "glob", "radix"),
        "equality",
        doc="how returncodes are compared",
    ),
    score=known(either(INTEGER, STRING), doc="score of the symbol"),
    selector=known(either(STRING, TABLE), doc="what to look up, told by a selector"),
    selector_alias=known(STRING, doc="map that a selector uses"),
    symbol=known(STRING, doc="symbol for a hit; the rule's name by default"),
    symbols_prefixes=known(TABLE, doc="symbols' prefix by check"),
    url_compose_map=known(MAP_SOURCE, doc="how much of a host name is asked for"),
    url_full_hostname=flag(False, "ask for the whole host name"),
    url_whitelist=known(MAP_SOURCE, doc="hosts that are not asked for"),
    whitelist=known(MAP_SOURCE, doc="what is not asked for"),
    whitelist_exception=known(STRINGS, doc="symbols that do not make the client a good one"),
)

RBL = module(
    "rbl",
    "lists of addresses and names in DNS",
    {f"default_{name}": made for name, made in _DEFAULTED.items()},
    {"rules": known(known_sections(_RULE, "rbl.rules"), doc="more lists, put over rbls")},
    rules=_RULE,
    rules_key="rbls",
    attached_maps=known(ANY, doc="maps under names that selectors can use"),
    default_exclude_checks=known(_CHECKS, doc="checks that no list makes"),
    disabled_rbl_suffixes_map=known(MAP_SOURCE, doc="lists switched off, by their zone"),
    local_exclude_ip_map=known(MAP_SOURCE, doc="clients that are not looked up"),
    url_whitelist=known(MAP_SOURCE, doc="hosts that are not looked up"),
    whitelist=known(MAP_SOURCE, doc="what is not looked up"),
    monitored_interval=known(TIME, unit="seconds", doc="how often lists are tested"),
)

_SURBL_RULE: Final = part(
    "surbl",
    "one list of URLs",
    suffix=known(STRING, doc="zone of the list"),
    dnsbl=known(STRING, doc="zone of the list"),
    symbol=known(STRING, doc="symbol for a hit; the rule's name by default"),
    bits=known(_BITS, doc="symbol by bits of the answer"),
    ips=known(_CODES, doc="symbol by answer"),
    returnbits=known(_BITS, doc="symbol by bits of the answer"),
    returncodes=known(_CODES, doc="symbol by answer"),
    check_dkim=flag(False, "ask for the domains of signatures"),
    check_emails=flag(False, "ask for the domains of addresses in the text"),
    images=flag(False, "ask for URLs of pictures"),
    no_ip=flag(False, "do not ask for hosts that are addresses"),
    resolve_ip=flag(False, "look up the addresses of the hosts first"),
    noip=flag(False, "old name of no_ip"),
    monitored_domain=known(STRING, doc="name that tests whether the list is alive"),
    hash=known(STRING, doc="ask for a hash"),
    process_script=known(LUA, doc="what to look up, told by Lua"),
    url_compose_map=known(MAP_SOURCE, doc="how much of a host name is asked for"),
    whitelist_exception=known(STRINGS, doc="symbols that do not make the host a good one"),
    options=known(STRING, doc="further switches, such as noip"),
)
SURBL = module(
    "surbl",
    "lists of URLs in the words of Rspamd before 2.0; rbl took its place",
    rules=_SURBL_RULE,
    rules_key="rules",
    whitelist=known(MAP_SOURCE, doc="hosts that are not looked up"),
    exceptions=known(MAP_SOURCE, doc="domains of which one label more is asked for"),
    read_only_whitelist=flag(None, "do not write the whitelist"),
)

_EMAILS_RULE: Final = part(
    "emails",
    "one list of mail addresses",
    dnsbl=known(STRING, doc="zone of the list"),
    map=known(MAP_SOURCE, doc="addresses, in place of a zone"),
    symbol=known(STRING, doc="symbol for a hit; the rule's name by default"),
    domain_only=flag(False, "ask for the domain only"),
    replyto=flag(False, "ask for the Reply-To address"),
    hash=known(STRING, doc="ask for a hash"),
    hashlen=known(INTEGER, unit="characters", doc="kept of the hash"),
    encoding=known(STRING, doc="how the hash is written"),
    delimiter=known(STRING, doc="put in place of @"),
    skip_body=flag(False, "do not look at addresses in the text"),
    check_replyto=flag(False, "ask for the Reply-To address"),
    returncodes=known(_CODES, doc="symbol by answer"),
    expect_ip=known(STRING, doc="answer that is a hit"),
    filter=known(STRING, doc="part of the address that is compared with the map"),
)
EMAILS = module(
    "emails",
    "lists of mail addresses in the words of Rspamd before 2.0; rbl took its place",
    rules=_EMAILS_RULE,
    rules_key="rules",
    whitelist=known(MAP_SOURCE, doc="addresses that are not looked up"),
)

ASN = module(
    "asn",
    "network and country of the client's address, from DNS",
    OWN_MAIL,
    provider_type=known(one_of("rspamd"), "rspamd", doc="whose zones are asked"),
    provider_info=known(table_of(STRING), doc="zones: ip4 and ip6"),
    symbol=symbol("ASN", "an answer"),
    expire=known(TIME, unit="seconds", doc="how long answers are kept, older versions"),
    key_prefix=known(STRING, doc="put before keys in Redis, older versions"),
)
