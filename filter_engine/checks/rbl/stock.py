"""Symbols of the shipped lists (conf/modules.d/rbl.conf) with their default scores.

Names, scores and groups are Rspamd 3.4's. A symbol that says that a list refuses to answer weighs
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from filter_engine.scan.declare import Symbol

_ADDRESSES: Final = "rbl"
_NAMES: Final = "surbl"

# By group: (symbol, score, description), and which of them say that the list refuses to answer.
# RBL_SPAMHAUS_XBL_ANY is set by a composite (conf/composites.conf).
_OF_ADDRESSES: Final[dict[str, tuple[tuple[tuple[str, float, str], ...], tuple[str, ...]]]] = {
    "dnswl": (
        (
            ("RCVD_IN_DNSWL", 0.0, "dnswl.org: an answer of unknown meaning"),
            ("RCVD_IN_DNSWL_NONE", 0.0, "dnswl.org: the sender is known, without trust"),
            ("RCVD_IN_DNSWL_LOW", -0.1, "dnswl.org: low trust in the sender"),
            ("RCVD_IN_DNSWL_MED", -0.2, "dnswl.org: medium trust in the sender"),
            ("RCVD_IN_DNSWL_HI", -0.5, "dnswl.org: high trust in the sender"),
            ("DWL_DNSWL", 0.0, "dnswl.org, by signature: an answer of unknown meaning"),
            ("DWL_DNSWL_NONE", 0.0, "dnswl.org: the signer is known, without trust"),
            ("DWL_DNSWL_LOW", -1.0, "dnswl.org: low trust in the signer"),
            ("DWL_DNSWL_MED", -2.0, "dnswl.org: medium trust in the signer"),
            ("DWL_DNSWL_HI", -3.5, "dnswl.org: high trust in the signer"),
            ("DNSWL_BLOCKED", 0.0, "dnswl.org refuses this resolver"),
            ("DWL_DNSWL_BLOCKED", 0.0, "dnswl.org, by signature, refuses this resolver"),
        ),
        ("DNSWL_BLOCKED", "DWL_DNSWL_BLOCKED"),
    ),
    "spamhaus": (
        (
            ("RBL_SPAMHAUS", 0.0, "Spamhaus ZEN: an answer of unknown meaning"),
            ("RBL_SPAMHAUS_SBL", 4.0, "Spamhaus SBL lists the client"),
            ("RBL_SPAMHAUS_CSS", 2.0, "Spamhaus CSS lists the client"),
            ("RBL_SPAMHAUS_XBL", 4.0, "Spamhaus XBL lists the client"),
            ("RBL_SPAMHAUS_XBL_ANY", 4.0, "Spamhaus XBL lists the client and an earlier host"),
            ("RBL_SPAMHAUS_PBL", 2.0, "Spamhaus PBL lists the client: a line of a provider"),
            ("RBL_SPAMHAUS_DROP", 7.0, "Spamhaus DROP lists the client"),
            ("RECEIVED_SPAMHAUS", 0.0, "Spamhaus ZEN, Received: an answer of unknown meaning"),
            ("RECEIVED_SPAMHAUS_SBL", 3.0, "Spamhaus SBL lists an earlier host"),
            ("RECEIVED_SPAMHAUS_CSS", 1.0, "Spamhaus CSS lists an earlier host"),
            ("RECEIVED_SPAMHAUS_XBL", 3.0, "Spamhaus XBL lists an earlier host"),
            ("RECEIVED_SPAMHAUS_PBL", 0.0, "Spamhaus PBL lists an earlier host: a line"),
            ("RECEIVED_SPAMHAUS_DROP", 6.0, "Spamhaus DROP lists an earlier host"),
            ("RBL_SPAMHAUS_BLOCKED", 0.0, "Spamhaus: too many questions from this resolver"),
            (
                "RBL_SPAMHAUS_BLOCKED_OPENRESOLVER",
                0.0,
                "Spamhaus refuses to answer public resolvers",
            ),
            ("RECEIVED_SPAMHAUS_BLOCKED", 0.0, "Spamhaus: too many questions from this resolver"),
            (
                "RECEIVED_SPAMHAUS_BLOCKED_OPENRESOLVER",
                0.0,
                "Spamhaus refuses to answer public resolvers",
            ),
        ),
        (),
    ),
    "mailspike": (
        (
            ("MAILSPIKE", 0.0, "Mailspike: an answer of unknown meaning"),
            ("RBL_MAILSPIKE_WORST", 2.0, "Mailspike: the worst reputation"),
            ("RBL_MAILSPIKE_VERYBAD", 1.5, "Mailspike: a very bad reputation"),
            ("RBL_MAILSPIKE_BAD", 1.0, "Mailspike: a bad reputation"),
            ("RWL_MAILSPIKE_NEUTRAL", 0.0, "Mailspike: neither good nor bad"),
            ("RWL_MAILSPIKE_POSSIBLE", 0.0, "Mailspike: perhaps a good sender"),
            ("RWL_MAILSPIKE_GOOD", -0.1, "Mailspike: a good reputation"),
            ("RWL_MAILSPIKE_VERYGOOD", -0.2, "Mailspike: a very good reputation"),
            ("RWL_MAILSPIKE_EXCELLENT", -0.4, "Mailspike: an excellent reputation"),
        ),
        (),
    ),
    "sem": (
        (
            ("RBL_SEM", 1.0, "Spam Eating Monkey lists the client"),
            ("RBL_SEM_IPV6", 1.0, "Spam Eating Monkey lists the client (IPv6)"),
        ),
        (),
    ),
    "blocklistde": (
        (
            ("RBL_BLOCKLISTDE", 4.0, "blocklist.de lists the client"),
            ("RECEIVED_BLOCKLISTDE", 3.0, "blocklist.de lists an earlier host"),
        ),
        (),
    ),
    "": (
        (
            ("RBL_SENDERSCORE", 2.0, "Sender Score lists the client"),
            ("RBL_VIRUSFREE_UNKNOWN", 0.0, "virusfree.cz: an answer of unknown meaning"),
            ("RBL_VIRUSFREE_BOTNET", 2.0, "virusfree.cz lists the client"),
            ("RBL_NIXSPAM", 4.0, "NiX Spam lists the client"),
        ),
        (),
    ),
}

_OF_NAMES: Final[dict[str, tuple[tuple[str, float, str], ...]]] = {
    "surblorg": (
        ("PH_SURBL_MULTI", 5.5, "SURBL: a phishing site"),
        ("MW_SURBL_MULTI", 5.5, "SURBL: a site with malware"),
        ("ABUSE_SURBL", 5.5, "SURBL: a site of spammers"),
        ("CRACKED_SURBL", 4.0, "SURBL: a site that was broken into"),
        ("SURBL_BLOCKED", 0.0, "SURBL refuses this resolver"),
    ),
    "uribl": (
        ("URIBL_MULTI", 0.0, "URIBL: an answer of unknown meaning"),
        ("URIBL_BLACK", 7.5, "URIBL: a name on the black list"),
        ("URIBL_RED", 3.5, "URIBL: a name on the red list"),
        ("URIBL_GREY", 1.5, "URIBL: a name on the grey list"),
        ("URIBL_BLOCKED", 0.0, "URIBL refuses this resolver"),
    ),
    "rspamdbl": (
        ("RSPAMD_URIBL", 4.5, "Rspamd's list of names"),
        ("RSPAMD_EMAILBL", 2.5, "Rspamd's list of mail addresses"),
    ),
    "ebl": (
        ("MSBL_EBL", 7.5, "MSBL: a mail address of swindlers"),
        ("MSBL_EBL_GREY", 0.5, "MSBL: a mail address on the grey list"),
    ),
    "sem": (
        ("SEM_URIBL_UNKNOWN", 0.0, "Spam Eating Monkey: an answer of unknown meaning"),
        ("SEM_URIBL", 3.5, "Spam Eating Monkey lists a name"),
        ("SEM_URIBL_FRESH15_UNKNOWN", 0.0, "Spam Eating Monkey: an answer of unknown meaning"),
        ("SEM_URIBL_FRESH15", 3.0, "A name that was registered within the last 15 days"),
    ),
    "spamhaus": (
        ("DBL", 0.0, "Spamhaus DBL: an answer of unknown meaning"),
        ("DBL_SPAM", 6.5, "Spamhaus DBL: a name of spammers"),
        ("DBL_PHISH", 6.5, "Spamhaus DBL: phishing"),
        ("DBL_MALWARE", 6.5, "Spamhaus DBL: malware"),
        ("DBL_BOTNET", 5.5, "Spamhaus DBL: a botnet is commanded from there"),
        ("DBL_ABUSE", 6.5, "Spamhaus DBL: a good name abused for spam"),
        ("DBL_ABUSE_REDIR", 1.5, "Spamhaus DBL: a redirector abused for spam"),
        ("DBL_ABUSE_PHISH", 7.5, "Spamhaus DBL: a good name abused for phishing"),
        ("DBL_ABUSE_MALWARE", 7.5, "Spamhaus DBL: a good name abused for malware"),
        ("DBL_ABUSE_BOTNET", 5.5, "Spamhaus DBL: a good name abused to command a botnet"),
        ("DBL_PROHIBIT", 0.0, "Spamhaus DBL must not be asked for addresses"),
        ("DBL_BLOCKED", 0.0, "Spamhaus DBL: too many questions from this resolver"),
        ("DBL_BLOCKED_OPENRESOLVER", 0.0, "Spamhaus DBL refuses to answer public resolvers"),
        ("SPAMHAUS_ZEN_URIBL", 0.0, "Spamhaus ZEN, hosts of names: of unknown meaning"),
        ("URIBL_SBL", 6.5, "A name's host is in Spamhaus SBL"),
        ("URIBL_SBL_CSS", 6.5, "A name's host is in Spamhaus CSS"),
        ("URIBL_XBL", 1.5, "A name's host is in Spamhaus XBL"),
        ("URIBL_PBL", 0.01, "A name's host is in Spamhaus PBL"),
        ("URIBL_DROP", 5.0, "A name's host is in Spamhaus DROP"),
    ),
}
_BLOCKED: Final = frozenset({"SURBL_BLOCKED", "URIBL_BLOCKED"})
_FURTHER: Final = {"PH_SURBL_MULTI": ("phishing",)}
_ONE_SHOT_PREFIX: Final = "RECEIVED_"
_SEVERAL: Final = frozenset(
    {"RECEIVED_SPAMHAUS", "RECEIVED_SPAMHAUS_BLOCKED", "RECEIVED_SPAMHAUS_BLOCKED_OPENRESOLVER"}
)


def _symbols() -> Iterator[Symbol]:
    for provider, (symbols, blocked) in _OF_ADDRESSES.items():
        for name, score, text in symbols:
            groups = (_ADDRESSES, provider) if provider else (_ADDRESSES,)
            if name in blocked:
                groups = (*groups, "blocked")
            one_shot = name.startswith(_ONE_SHOT_PREFIX) and name not in _SEVERAL
            yield Symbol(name, score, text, groups, one_shot)
    for provider, named in _OF_NAMES.items():
        for name, score, text in named:
            further = ("blocked",) if name in _BLOCKED else _FURTHER.get(name, ())
            yield Symbol(name, score, text, (_NAMES, provider, *further, _ADDRESSES), True)


SYMBOLS: Final = tuple(_symbols())
