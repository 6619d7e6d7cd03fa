"""The environment of the container docker-postfix-amavis as role variables and local.d files.

Names, defaults and meaning: the README of mlan/docker-postfix-amavis.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from filter_engine.importers.amavis import connections, delivery, filtering
from filter_engine.importers.amavis.site import TEMPLATED, Site, templated
from filter_engine.importers.outcome import Outcome

_NO_LDAP = "no role reads a directory: list postfix_recipients and dovecot_users instead"
_NO_SQL = "no role reads a database: list postfix_recipients and dovecot_users instead"
_NO_RIMAP = "no role asks another IMAP server for passwords: list dovecot_users instead"
_NO_ACME = "certificates are not fetched: renew them with a client of yours into postfix_tls_*"
_NO_SRS = "senders are not rewritten on forwarding"

#: Names without a place here -> why.
NO_PLACE: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "LDAP_HOST",
            "LDAP_USER_BASE",
            "LDAP_QUERY_FILTER_USER",
            "LDAP_QUERY_ATTRS_USER",
            "LDAP_QUERY_FILTER_PASS",
            "LDAP_GROUP_BASE",
            "LDAP_QUERY_FILTER_ALIAS",
            "LDAP_QUERY_FILTER_GROUP",
            "LDAP_QUERY_FILTER_EXPAND",
            "LDAP_BIND_DN",
            "LDAP_BIND_PW",
        ),
        _NO_LDAP,
    ),
    **dict.fromkeys(
        (
            "MYSQL_HOST",
            "MYSQL_DATABASE",
            "MYSQL_QUERY_USER",
            "MYSQL_QUERY_ALIAS",
            "MYSQL_USER",
            "MYSQL_PASSWORD",
            "MYSQL_QUERY_PASS",
        ),
        _NO_SQL,
    ),
    "SMTPD_SASL_IMAPHOST": _NO_RIMAP,
    "SASL_IMAP_HOST": _NO_RIMAP,
    "ACME_FILE": _NO_ACME,
    "ACME_POSTHOOK": _NO_ACME,
    "REGEX_ALIAS": "addresses are not rewritten by expressions; for user+detail@ set"
    " recipient_delimiter in postfix_main",
    **dict.fromkeys(("SRS_DOMAIN", "SRS_SECRET", "SRS_EXCLUDE_DOMAINS"), _NO_SRS),
    "KOPANO_SPAMD_LIB": "name its spam and ham in filter_engine_drop_directories",
    "FORCE_CONFIG": "roles write their files on every run",
    "DOCKER_UNLOCK_FILE": "roles write their files on every run",
}
#: Names that ``filtering``, ``delivery`` and ``connections`` read.
READ = frozenset(
    """
    SA_TAG_LEVEL_DEFLT SA_TAG2_LEVEL_DEFLT SA_KILL_LEVEL_DEFLT FINAL_SPAM_DESTINY
    FINAL_VIRUS_DESTINY FINAL_BANNED_DESTINY FINAL_BAD_HEADER_DESTINY DKIM_SELECTOR DKIM_KEYBITS
    DKIM_PRIVATEKEY MAIL_DOMAIN MAIL_BOXES MAIL_ALIASES SMTPD_SASL_CLIENTAUTH VIRTUAL_TRANSPORT
    MESSAGE_SIZE_LIMIT SYSLOG_LEVEL LOG_LEVEL SA_DEBUG SMTP_RELAY_HOSTAUTH SMTP_TLS_SECURITY_LEVEL
    SMTP_TLS_WRAPPERMODE SMTPD_TLS_CERT_FILE SMTPD_TLS_KEY_FILE SMTPD_USE_TLS LDAP_QUERY_ATTRS_PASS
    DOVECOT_PREFIX RAZOR_REGISTRATION
    """.split()  # noqa: SIM905  # a table to read
)


def import_amavis(
    environ: Mapping[str, str], file: str, lines: Mapping[str, int] | None = None
) -> Outcome:
    """Carry an environment over; ``lines`` gives the line of each name in ``file``.

    Users and passwords come out as secrets; no remark repeats a value that may be one. Raises
    ``ImportFaultError`` with the variable's line where a value cannot be read.
    """
    unfit = sorted(name for name in READ & environ.keys() if templated(environ[name]))
    kept = {name: value for name, value in environ.items() if name not in unfit}
    site = Site(kept, file, lines or {})
    for name in unfit:
        site.lost(name, TEMPLATED)
    for read in (
        filtering.scores,
        filtering.marked_recipients,
        filtering.other_destinies,
        filtering.razor,
        filtering.dkim,
        filtering.logging,
        delivery.domains,
        delivery.mailboxes,
        delivery.aliases,
        delivery.users,
        delivery.transport,
        delivery.size_limit,
        connections.relay,
        connections.outgoing_tls,
        connections.incoming_tls,
        _password_filter,
    ):
        read(site)
    for name, reason in NO_PLACE.items():
        if site.get(name):
            site.lost(name, reason)
    taken = {*connections.postfix_parameters(site), *connections.dovecot_settings(site)}
    for name in sorted(site.environ.keys() - taken - READ - NO_PLACE.keys()):
        _near_miss(site, name)
    return site.finish()


def _password_filter(site: Site) -> None:
    """LDAP_QUERY_ATTRS_PASS, with the search that follows from it."""
    name = "LDAP_QUERY_ATTRS_PASS"
    if not site.get(name):
        return
    derived = password_filter(site.get("LDAP_QUERY_FILTER_USER"), site.get(name))
    if derived and not site.get("LDAP_QUERY_FILTER_PASS"):
        site.lost(name, f"{_NO_LDAP}; the search for a login was {derived}")
    else:
        site.lost(name, _NO_LDAP)


def password_filter(user_filter: str, attributes: str) -> str:
    """The search for a login that follows from that for an address: ``(mail=%s)`` -> ``(uid=%u)``.

    ``attributes`` is ``uid=user``; empty where it names no ``user`` or nothing is replaced.
    """
    for pair in attributes.split(","):
        attribute, _, field = pair.strip().partition("=")
        if attribute and field == "user" and "(mail=%s)" in user_filter:
            return user_filter.replace("(mail=%s)", f"({attribute}=%u)")
    return ""


def _near_miss(site: Site, name: str) -> None:
    """An environment has many variables; tell only of those that look like a misspelt one."""
    if name != name.upper() or not site.get(name) or len(name) > 80:
        return
    close = difflib.get_close_matches(name, sorted(READ | NO_PLACE.keys()), n=1, cutoff=0.87)
    if close:
        site.lost(name, f"unknown; did you mean {close[0]}?")


__all__ = ["import_amavis", "password_filter"]
