"""Who stands behind a mail: SPF, DKIM, DMARC, ARC, BIMI and the lists of those who do.

Of ``dkim``, ``dkim_signing``, ``dmarc`` and ``spf`` here is only what this engine does not serve;
the rest stands with the checks.
"""

from __future__ import annotations

from typing import Final

from filter_engine.config.kinds import (
    STRING,
    TIME,
    known_section,
)
from filter_engine.config.rspamd.kinds import (
    LUA,
    MAP_SOURCE,
    QUOTED_TIME,
    TABLE,
)
from filter_engine.config.rspamd.shared_options import (
    REDIS,
    Options,
    flag,
    module,
    names,
    part,
    symbol,
)
from filter_engine.config.schema import declare_known, known

SPF = part(
    "spf",
    "SPF",
    symbol_allow=symbol("R_SPF_ALLOW", "pass"),
    symbol_fail=symbol("R_SPF_FAIL", "fail"),
    symbol_softfail=symbol("R_SPF_SOFTFAIL", "softfail"),
    symbol_neutral=symbol("R_SPF_NEUTRAL", "neutral"),
    symbol_tempfail=symbol("R_SPF_DNSFAIL", "temperror"),
    symbol_dnsfail=symbol("R_SPF_DNSFAIL", "temperror"),
    symbol_permfail=symbol("R_SPF_PERMFAIL", "permerror"),
    symbol_na=symbol("R_SPF_NA", "no record"),
    symbols=known(TABLE, doc="symbols by result, in one section"),
    spf_cache_expire=known(QUOTED_TIME, 86_400.0, unit="seconds", doc="longest time in the cache"),
    min_cache_ttl=known(QUOTED_TIME, 300.0, unit="seconds", doc="shortest time in the cache"),
)

DKIM = part(
    "dkim",
    "DKIM signatures of incoming mail",
    symbol_allow=symbol("R_DKIM_ALLOW", "a good signature"),
    symbol_reject=symbol("R_DKIM_REJECT", "a bad signature"),
    symbol_tempfail=symbol("R_DKIM_TEMPFAIL", "a key that cannot be had now"),
    symbol_permfail=symbol("R_DKIM_PERMFAIL", "a signature or key that is no use"),
    symbol_na=symbol("R_DKIM_NA", "mail without signature"),
    dkim_cache_expire=known(TIME, 86_400.0, unit="seconds", doc="longest time a key is kept"),
    sign_headers=known(STRING, doc="headers that are signed, with the oversigning marks"),
    sign_condition=known(LUA, doc="whether and how to sign; dkim_signing took its place"),
)

#: What neither dkim_signing nor arc serves.
_KEYS: Final[Options] = declare_known(
    http_sign_on_reject_header_header=known(STRING, doc="the same, as Rspamd 3.4 spells it"),
    http_timeout=known(QUOTED_TIME, 5.0, unit="seconds", doc="how long Vault may take"),
    no_ssl_verify=flag(False, "accept any certificate of Vault"),
    sign_condition=known(LUA, doc="whether and how to sign"),
    use_domain_custom=known(LUA, doc="whose domain signs, told by Lua"),
    use_vault=flag(False, "keys come from HashiCorp's Vault"),
    vault_url=known(STRING, doc="address of Vault"),
    vault_token=known(STRING, doc="token for Vault", secret=True),
    vault_path=known(STRING, "dkim", doc="where the keys are in Vault"),
    vault_domains=names("domains whose keys are in Vault"),
)

DKIM_SIGNING = part(
    "dkim_signing",
    "signs the site's own mail",
    REDIS,
    _KEYS,
    symbol=symbol("DKIM_SIGNED", "a signature made"),
)

ARC = part(
    "arc",
    "checks ARC chains and seals what this site passes on",
    REDIS,
    _KEYS,
    use_milter_headers=flag(False, "of no use: seals are milter headers"),
    sign_symbol=symbol("ARC_SIGNED", "a seal made"),
    symbols=known(TABLE, doc="symbols by result of the check"),
)

_MUNGING: Final = part(
    "dmarc",
    "rewriting From of mail to lists, so that DMARC does not fail there",
    list_map=known(MAP_SOURCE, doc="addresses of lists"),
    munge_from=flag(True, "put the list's address into From"),
    munge_map_condition=known(TABLE, doc="maps that must match"),
    mitigate_allow_only=flag(True, "only when DMARC passed here"),
    mitigate_strict_only=flag(False, "only when the domain asks to reject or quarantine"),
    reply_goes_to_list=flag(False, "Reply-To names the list"),
)

DMARC = part(
    "dmarc",
    "DMARC",
    REDIS,
    munging=known(known_section(_MUNGING, "dmarc.munging"), doc="rewriting From for lists"),
    symbols=known(TABLE, doc="symbols by result"),
)

BIMI = part(
    "bimi",
    "brand logos (BIMI), fetched by a helper",
    REDIS,
    redis_prefix=known(STRING, "rs_bimi", doc="put before the keys in Redis"),
    redis_min_expiry=known(QUOTED_TIME, 86_400.0, unit="seconds", doc="how long logos are kept"),
)

HTTP_HEADERS = module(
    "http_headers", "takes results of SPF, DKIM and DMARC from headers of the scan request"
)

WHITELIST = part(
    "whitelist",
    "lists of domains that are trusted as long as SPF, DKIM or DMARC pass",
    spf_allow_symbol=symbol("R_SPF_ALLOW", "SPF pass, as the spf module sets it"),
    dkim_allow_symbol=symbol("R_DKIM_ALLOW", "a good signature, as the dkim module sets it"),
    dmarc_allow_symbol=symbol("DMARC_POLICY_ALLOW", "DMARC pass, as the dmarc module sets it"),
)
