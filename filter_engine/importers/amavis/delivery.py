"""Domains, mailboxes, aliases, users, and where mail goes."""

from __future__ import annotations

import re

from filter_engine.importers.amavis.filtering import message_size
from filter_engine.importers.amavis.site import Site
from filter_engine.importers.outcome import Plain

#: That image's default, in bytes.
MESSAGE_SIZE_LIMIT = 10240000
#: How that image hands mail to its own Dovecot.
OWN_DOVECOT = "lmtp:unix:private/transport"
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")
_HASH = re.compile(r"""([^:\s{}"']+):(\{[A-Za-z0-9.-]{1,40}\})(\S+)""")
_PLAIN_SCHEMES = ("{PLAIN}", "{CLEAR}", "{CLEARTEXT}")


def domains(site: Site) -> None:
    """MAIL_DOMAIN: the first one is the primary one."""
    found = site.get("MAIL_DOMAIN").split()
    for number, name in enumerate(found, 1):
        if _DOMAIN.fullmatch(name) is None:
            raise site.fault("MAIL_DOMAIN", f"the {number}. word is no domain", "write a.org b.org")
    if found:
        site.variable("postfix_domains", list(found))
    elif any(site.get(name) for name in ("MAIL_BOXES", "VIRTUAL_TRANSPORT", "LDAP_HOST")):
        site.note("MAIL_DOMAIN", "the host's domain by default, as postfix_domains has it too")


def mailboxes(site: Site) -> None:
    """MAIL_BOXES: ``address address:mailbox``."""
    addresses: list[Plain] = []
    for number, word in enumerate(site.get("MAIL_BOXES").split(), 1):
        address, colon, path = word.partition(":")
        if not address or address.count("@") > 1:
            raise site.fault(
                "MAIL_BOXES", f"the {number}. word is no address", "write a@b c@d:path"
            )
        addresses.append(address)
        if colon and path.rstrip("/") != address:
            site.lost(
                "MAIL_BOXES", f"the path of the {number}. mailbox: a user's name makes it here"
            )
    if addresses:
        site.variable("postfix_recipients", addresses)


def aliases(site: Site) -> None:
    """MAIL_ALIASES: ``alias:address alias:address,address``; names alone get the primary domain."""
    table: dict[str, Plain] = {}
    primary = next(iter(site.get("MAIL_DOMAIN").split()), "")
    bare = False
    for number, word in enumerate(site.get("MAIL_ALIASES").split(), 1):
        alias, colon, targets = word.partition(":")
        names = [target for target in targets.split(",") if target]
        if not alias or not colon or not names:
            raise site.fault(
                "MAIL_ALIASES", f"the {number}. word is no alias", "write alias:address,address"
            )
        bare = bare or any("@" not in name for name in (alias, *names))
        table[_whole(alias, primary)] = list(dict.fromkeys(_whole(name, primary) for name in names))
    if table:
        site.variable("postfix_aliases", table)
    if bare and primary:
        site.note("MAIL_ALIASES", f"names without a domain are taken to be of {primary}")
    elif bare:
        site.lost(
            "MAIL_ALIASES", "names without a domain need one here, and there is no MAIL_DOMAIN"
        )


def _whole(name: str, domain: str) -> str:
    return name if "@" in name or not domain else f"{name}@{domain}"


def users(site: Site) -> None:
    """SMTPD_SASL_CLIENTAUTH: ``user:{scheme}password``; they go into the vault."""
    found: list[Plain] = []
    clear = False
    for number, word in enumerate(site.get("SMTPD_SASL_CLIENTAUTH").split(), 1):
        match = _HASH.fullmatch(word)
        if match is None:
            raise site.fault(
                "SMTPD_SASL_CLIENTAUTH",
                f"the {number}. word is no user with a scheme and a password",
                "write user:{CRYPT}hash; doveadm pw makes one",
            )
        if match[2].upper() in _PLAIN_SCHEMES:
            clear = True
            found.append({"name": match[1], "password": match[3]})
        else:
            found.append({"name": match[1], "password_hash": match[2] + match[3]})
    if found:
        site.outcome.secrets["dovecot_users"] = found
    if clear:
        site.note(
            "SMTPD_SASL_CLIENTAUTH",
            "a password in clear: only its hash reaches the host; change it",
        )


def transport(site: Site) -> None:
    """VIRTUAL_TRANSPORT: who takes mail at last."""
    to = site.get("VIRTUAL_TRANSPORT")
    if to == OWN_DOVECOT:
        site.note("VIRTUAL_TRANSPORT", "Dovecot takes the mail by LMTP, at the role's own socket")
    elif to:
        site.variable("postfix_delivery_transport", to)
    elif site.get("MAIL_BOXES"):
        site.note(
            "VIRTUAL_TRANSPORT",
            "Postfix itself fills /var/mail by default; here Dovecot takes the mail by LMTP",
        )


def size_limit(site: Site) -> None:
    """MESSAGE_SIZE_LIMIT: Postfix's bound, and the filter's above it."""
    given = site.get("MESSAGE_SIZE_LIMIT")
    limit = site.whole("MESSAGE_SIZE_LIMIT", 1 << 40) if given else MESSAGE_SIZE_LIMIT
    if limit == 0:
        site.lost("MESSAGE_SIZE_LIMIT", "0 is no limit; the role wants one")
        return
    site.variable("postfix_message_size_limit", limit)
    message_size(site, limit)
