"""Lists in DNS: ``rbl``, the older ``surbl`` and ``emails``, and ``asn``."""

from __future__ import annotations

from filter_engine.config.kinds import STRING, TIME
from filter_engine.config.rspamd.kinds import MAP_SOURCE
from filter_engine.config.rspamd.shared_options import flag, part
from filter_engine.config.schema import known

RBL = part("rbl", "lists of addresses and names in DNS")
SURBL = part(
    "rbl",
    "lists of URLs in the words of Rspamd before 2.0; rbl took its place",
    exceptions=known(MAP_SOURCE, doc="domains of which one label more is asked for"),
    read_only_whitelist=flag(None, "do not write the whitelist"),
)
EMAILS = part(
    "rbl",
    "lists of mail addresses in the words of Rspamd before 2.0; rbl took its place",
)

ASN = part(
    "asn",
    "network and country of the client's address, from DNS",
    check_authed=flag(True, "also for clients that logged in"),
    expire=known(TIME, unit="seconds", doc="how long answers are kept, older versions"),
    key_prefix=known(STRING, doc="put before keys in Redis, older versions"),
)
