"""TLS, the relay for outgoing mail, and parameters given by their own names."""

from __future__ import annotations

import re

from filter_engine.importers.amavis.postfix_parameters import PARAMETERS
from filter_engine.importers.amavis.site import TEMPLATED, Site, templated

TLS_LEVELS = ("none", "may", "encrypt", "dane", "dane-only", "verify", "secure")
#: Those that do not do without TLS.
_ENFORCING = TLS_LEVELS[2:]
_RELAY = re.compile(r"(\[[^\]\s]{1,253}\]|[^\s:\[\]]{1,253})(:\w{1,32})?")
#: Parameters that have a role variable of their own or a meaning besides.
_OWN = frozenset(
    """
    message_size_limit smtp_tls_security_level smtp_tls_wrappermode smtpd_tls_cert_file
    smtpd_tls_key_file smtpd_use_tls virtual_transport relayhost
    """.split()  # noqa: SIM905  # a table to read
)


def relay(site: Site) -> None:
    """SMTP_RELAY_HOSTAUTH: ``[host]:port user:password``."""
    host, _, login = site.get("SMTP_RELAY_HOSTAUTH").partition(" ")
    if not host:
        return
    if _RELAY.fullmatch(host) is None:
        raise site.fault("SMTP_RELAY_HOSTAUTH", "the first word is no host", "write [host]:587")
    site.entry("postfix_main", "relayhost", host)
    if login.strip():
        site.lost(
            "SMTP_RELAY_HOSTAUTH",
            "user and password: main.cf can be read by everybody; put them into a file of mode"
            " 0600 and name it in postfix_main (smtp_sasl_password_maps, smtp_sasl_auth_enable)",
        )


def outgoing_tls(site: Site) -> None:
    """SMTP_TLS_SECURITY_LEVEL and SMTP_TLS_WRAPPERMODE."""
    level = site.get("SMTP_TLS_SECURITY_LEVEL").lower()
    if level and level not in TLS_LEVELS:
        known = ", ".join(TLS_LEVELS)
        raise site.fault("SMTP_TLS_SECURITY_LEVEL", "no level that Postfix has", f"known: {known}")
    if level:
        site.variable("postfix_smtp_tls_security_level", level)
    if site.yes("SMTP_TLS_WRAPPERMODE"):
        site.entry("postfix_main", "smtp_tls_wrappermode", "yes")
        if level not in _ENFORCING:
            site.note(
                "SMTP_TLS_WRAPPERMODE",
                "needs SMTP_TLS_SECURITY_LEVEL=encrypt: Postfix sends nothing",
            )


def incoming_tls(site: Site) -> None:
    """SMTPD_TLS_CERT_FILE and SMTPD_TLS_KEY_FILE, which Dovecot shares; SMTPD_USE_TLS."""
    pair = {"certificate": "SMTPD_TLS_CERT_FILE", "key": "SMTPD_TLS_KEY_FILE"}
    for what, name in pair.items():
        path = site.get(name)
        if path and not path.startswith("/"):
            site.lost(
                name, "below /etc/postfix of that image: put the file onto the host, whole path"
            )
        elif path:
            site.variable(f"postfix_tls_{what}", path)
            site.variable(f"dovecot_tls_{what}", path)
    if site.get("SMTPD_USE_TLS") and not site.yes("SMTPD_USE_TLS"):
        site.lost("SMTPD_USE_TLS", "TLS is always offered, with a self-signed certificate at least")


def postfix_parameters(site: Site) -> list[str]:
    """Any parameter of main.cf in upper case; the names that were one."""
    taken: list[str] = []
    for name in sorted(site.environ):
        parameter = name.lower()
        if name != name.upper() or parameter not in PARAMETERS:
            continue
        taken.append(name)
        if parameter in _OWN - {"relayhost"} or not site.get(name):
            continue
        if _fits(site, name):
            site.entry("postfix_main", parameter, site.get(name))
    return taken


def dovecot_settings(site: Site) -> list[str]:
    """Any setting of Dovecot's behind ``DOVECOT_`` (or what DOVECOT_PREFIX says)."""
    prefix = site.get("DOVECOT_PREFIX") or "DOVECOT_"
    taken: list[str] = []
    for name in sorted(site.environ):
        setting = name.removeprefix(prefix).lower()
        if name == "DOVECOT_PREFIX" or not name.startswith(prefix) or name != name.upper():
            continue
        taken.append(name)
        if re.fullmatch(r"[a-z][a-z0-9_]{0,80}", setting) is None or not site.get(name):
            continue
        if _fits(site, name):
            site.entry("dovecot_settings", setting, site.get(name))
        if setting == "disable_plaintext_auth" and not site.yes(name):
            site.note(name, "passwords in clear are then taken without TLS: remove it")
        elif setting == "mail_location":
            site.note(name, "replaces the role's own place below dovecot_mail_directory")
    return taken


def _fits(site: Site, name: str) -> bool:
    """Whether a value can stand in one line of a file that Ansible writes."""
    value = site.get(name)
    if len(value) > 4096 or any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in value):
        site.lost(name, "not one line of text")
        return False
    if templated(value):
        site.lost(name, TEMPLATED)
        return False
    return True
