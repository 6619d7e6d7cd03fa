"""What concerns the filter: scores, what becomes of a message, signing, logging."""

from __future__ import annotations

from filter_engine.config.model import OptionsConfig
from filter_engine.importers.amavis.site import Site
from filter_engine.importers.dkim_names import is_dkim_name
from filter_engine.importers.environment import (
    DEFAULT_SELECTOR,
    DEFAULT_SYSLOG_LEVEL,
    KEY_PATH,
    LOG_LEVELS,
)
from filter_engine.importers.outcome import Plain

#: That image's defaults.
TAG2_LEVEL = 6.2
KILL_LEVEL = 6.9
DESTINIES = ("D_PASS", "D_BOUNCE", "D_REJECT", "D_DISCARD")
#: Destiny -> action; D_PASS forces none.
ACTIONS = {"D_DISCARD": "discard", "D_REJECT": "reject", "D_BOUNCE": "reject"}
#: Where razorfy, which speaks for Razor's agents, listens.
RAZORFY = "127.0.0.1:11342"
#: Key lengths of the role dkim_keys.
KEY_BITS = (2048, 3072, 4096)
BACKSCATTER = (
    "D_BOUNCE is refused: the sender of spam is forged, so the bounce goes to a stranger; the"
    " message is rejected while its client waits"
)
OTHER_SCALE = "SpamAssassin's score: other rules make other sums, see what your mail gets first"


def scores(site: Site) -> None:
    """SA_TAG2_LEVEL_DEFLT, SA_KILL_LEVEL_DEFLT and FINAL_SPAM_DESTINY as actions."""
    tag2 = site.number("SA_TAG2_LEVEL_DEFLT") if site.get("SA_TAG2_LEVEL_DEFLT") else TAG2_LEVEL
    kill = site.number("SA_KILL_LEVEL_DEFLT") if site.get("SA_KILL_LEVEL_DEFLT") else KILL_LEVEL
    destiny = destiny_of(site, "FINAL_SPAM_DESTINY") or "D_PASS"
    # that image delays nobody
    actions: dict[str, Plain] = {"greylist": None, "add_header": tag2, "reject": None}
    if destiny in ("D_REJECT", "D_BOUNCE"):
        actions["reject"] = kill
    elif destiny == "D_DISCARD":
        actions["discard"] = kill
    elif site.get("SA_KILL_LEVEL_DEFLT"):
        site.lost("SA_KILL_LEVEL_DEFLT", "FINAL_SPAM_DESTINY lets spam pass; the header marks it")
    site.put("actions.conf", **actions)
    for name in ("SA_TAG2_LEVEL_DEFLT", "SA_KILL_LEVEL_DEFLT"):
        if site.get(name) and (name.startswith("SA_TAG2") or destiny != "D_PASS"):
            site.note(name, OTHER_SCALE)
    if site.get("SA_TAG_LEVEL_DEFLT"):
        site.put("milter_headers.conf", min_score=site.number("SA_TAG_LEVEL_DEFLT"))
        site.note("SA_TAG_LEVEL_DEFLT", OTHER_SCALE)


def marked_recipients(site: Site) -> None:
    """MAIL_DOMAIN: amavis marks mail to these domains, also that of users and of the site."""
    domains = site.get("MAIL_DOMAIN").split()
    if domains:
        listed = tuple(f"@{domain.lower()}" for domain in domains)
        site.put("milter_headers.conf", extended_headers_rcpt=listed)


def destiny_of(site: Site, name: str) -> str:
    """One of ``DESTINIES``, or empty; D_BOUNCE is reported."""
    text = site.get(name).upper()
    if text and text not in DESTINIES:
        raise site.fault(name, "no destiny that amavis has", f"write {', '.join(DESTINIES)}")
    if text == "D_BOUNCE":
        site.lost(name, BACKSCATTER)
    return text


def other_destinies(site: Site) -> None:
    """FINAL_VIRUS_DESTINY, FINAL_BANNED_DESTINY, FINAL_BAD_HEADER_DESTINY."""
    virus = destiny_of(site, "FINAL_VIRUS_DESTINY")
    if virus:
        action = ACTIONS.get(virus)
        rule: dict[str, Plain] = {
            "type": "clamav",
            "servers": "/run/clamav/clamd.sock",
            "symbol": "CLAM_VIRUS",
            **({"action": action} if action else {}),
        }
        site.put("antivirus.conf", clamav=rule)
        site.note(
            "FINAL_VIRUS_DESTINY", "clamd is asked at /run/clamav/clamd.sock: say if elsewhere"
        )
    for name, key in (
        ("FINAL_BANNED_DESTINY", "banned"),
        ("FINAL_BAD_HEADER_DESTINY", "bad_header"),
    ):
        action = ACTIONS.get(destiny_of(site, name))
        if action:
            site.put("destiny.conf", **{key: action})
            site.note(name, f"{key}_symbols in destiny.conf are what counts as such")


def razor(site: Site) -> None:
    """RAZOR_REGISTRATION: ``user:password``, ``user:`` or ``:``; the identity is Razor's own."""
    given = site.get("RAZOR_REGISTRATION")
    if not given:
        return
    user, colon, password = given.partition(":")
    if not colon or any(char.isspace() for char in given):
        raise site.fault("RAZOR_REGISTRATION", "no registration", "write user:password, user: or :")
    site.put("external_services.conf", razor={"servers": RAZORFY})
    options = " -user=..." * bool(user) + " -pass=..." * bool(password)
    site.lost(
        "RAZOR_REGISTRATION",
        f"Razor is asked by razorfy at {RAZORFY}: as its user run razor-admin -register{options}",
    )


def dkim(site: Site) -> None:
    """DKIM_SELECTOR, DKIM_KEYBITS, DKIM_PRIVATEKEY, and MAIL_DOMAIN as the domains to sign for."""
    bits = site.get("DKIM_KEYBITS")
    if bits:
        length = site.whole("DKIM_KEYBITS", 1 << 16)
        if length in KEY_BITS:
            site.variable("dkim_keys_rsa_bits", length)
        else:
            site.lost("DKIM_KEYBITS", f"keys are made with {', '.join(map(str, KEY_BITS))} bits")
    domains = tuple(site.get("MAIL_DOMAIN").split())
    selector = site.get("DKIM_SELECTOR") or DEFAULT_SELECTOR
    if not domains:
        for name in ("DKIM_SELECTOR", "DKIM_PRIVATEKEY"):
            if site.get(name):
                site.lost(name, "there is no MAIL_DOMAIN to sign for")
        return
    if not is_dkim_name(selector):  # domains have been looked at (delivery.py)
        raise site.fault("DKIM_SELECTOR", "not a selector", "letters, digits, - and _ between dots")
    if not all(map(is_dkim_name, domains)):
        raise site.fault("MAIL_DOMAIN", "a word is no domain", "write a.org b.org")
    site.variable("dkim_keys_domains", domains)
    site.variable("dkim_keys_selectors", [{"selector": selector}])
    place: dict[str, Plain] = {"path": KEY_PATH, "selector": selector}
    site.put("dkim_signing.conf", domain=dict.fromkeys(domains, place))
    key = KEY_PATH.replace("$domain", domains[0]).replace("$selector", selector)
    if site.get("DKIM_PRIVATEKEY"):
        site.lost("DKIM_PRIVATEKEY", f"private keys are not written: put it into {key}, mode 0640")
    else:
        old = f"/var/db/dkim/{domains[0]}.{selector}.privkey.pem"
        site.note("DKIM_SELECTOR", f"copy the key {old} to {key}, or publish a new one")
    if len(domains) > 1:
        site.note("MAIL_DOMAIN", "that image signs for all domains with one key; here each has one")


def logging(site: Site) -> None:
    """SYSLOG_LEVEL as the level of the log."""
    given = site.get("SYSLOG_LEVEL")
    level = site.whole("SYSLOG_LEVEL", len(LOG_LEVELS) - 1) if given else DEFAULT_SYSLOG_LEVEL
    site.put("logging.inc", level=LOG_LEVELS[level])
    for name in ("LOG_LEVEL", "SA_DEBUG"):
        if site.get(name) not in ("", "0"):
            site.lost(name, "of amavis or SpamAssassin; see debug_modules in logging.inc")


def message_size(site: Site, limit: int) -> None:
    """Let the filter take what Postfix takes."""
    if limit >= OptionsConfig().max_message:
        site.put("options.inc", max_message=limit + (1 << 20))
