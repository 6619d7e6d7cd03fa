"""Section ``dkim``: whose mail is signed, with which keys."""

from __future__ import annotations

from filter_engine.importers.rmilter import values
from filter_engine.importers.rmilter.grammar import Block, Setting
from filter_engine.importers.rmilter.site import Site

FILE = "dkim_signing.conf"
ALWAYS_RELAXED = "signatures are relaxed/relaxed: simple breaks when a relay folds a line"
SHA1_REFUSED = "sha1 must not sign (RFC 8301, section 3.1): rsa-sha256 is used"
#: rmilter joins these behind the directory of a key for the domain "*".
KEY_NAME = "$domain.$selector.key"


def canon(site: Site, setting: Setting) -> None:
    if values.word(setting, "simple", "relaxed") == "simple":
        site.lost(setting, ALWAYS_RELAXED)


def sign_alg(site: Site, setting: Setting) -> None:
    if values.word(setting, "sha1", "sha256") == "sha1":
        site.lost(setting, SHA1_REFUSED)


def auth_only(site: Site, setting: Setting) -> None:
    if not values.flag(setting):
        site.put(FILE, "sign_local", True)
        site.put(FILE, "sign_inbound", True)
        site.note(setting, "anybody's mail with a sender of your domains is signed, as before")


def fold_header(site: Site, setting: Setting) -> None:
    if not values.flag(setting):
        site.lost(setting, "the header DKIM-Signature is always folded")


def sign_networks(site: Site, setting: Setting) -> None:
    networks = values.networks(setting)
    if networks:
        site.put(FILE, "sign_networks", networks)


def common_key(site: Site, setting: Setting) -> None:
    values.string(setting)
    site.lost(setting, "outside of domain { } it names no domain: write it inside")


def domain(site: Site, block: Block) -> None:
    """``domain { key; domain; selector; }``; the domain ``*`` is for all others."""
    said = {name: _setting(block, name) for name in ("key", "domain", "selector")}
    missing = [name for name, setting in said.items() if setting is None]
    if missing:
        hint = f"write: {missing[0]} = ...;"
        raise block.place.fault(f"domain lacks {' and '.join(missing)}", hint)
    key, name, selector = (values.string(setting) for setting in said.values() if setting)
    if name == "*":
        site.put(FILE, "path", f"{key.rstrip('/')}/{KEY_NAME}")
        site.put(FILE, "selector", selector)
        site.put(FILE, "try_fallback", True)
    else:
        site.put(FILE, "domain", name.lower(), {"path": key, "selector": selector})


def _setting(block: Block, name: str) -> Setting | None:
    found: Setting | None = None
    for statement in block.statements:
        if isinstance(statement, Setting) and statement.name == name:
            found = statement
    return found


def complete(site: Site) -> None:
    """Who is signed: by the envelope sender's domain, as rmilter looked for it."""
    signing = site.files.get(FILE, {})
    if "domain" not in signing and "path" not in signing:
        site.files[FILE] = {"enabled": False}
        return
    site.put(FILE, "enabled", True)
    for key, value in (
        ("sign_authenticated", True),
        # our_networks counts as authenticated
        ("sign_local", site.has("", "our_networks")),
        ("try_fallback", False),
        ("use_domain", "envelope"),
        ("use_esld", False),
        ("allow_hdrfrom_mismatch", True),
        ("allow_username_mismatch", True),
    ):
        signing.setdefault(key, value)
    section = site.sections["dkim"]
    site.note(
        section,
        "signed by the envelope sender's domain, whatever From: and login say, as before; DMARC"
        " asks for From:'s (use_domain = header)",
    )
    for name, reason in (
        ("header_canon", ALWAYS_RELAXED),
        ("body_canon", ALWAYS_RELAXED),
        ("sign_alg", SHA1_REFUSED),
    ):
        if not site.has("dkim", name):
            told = "simple" if name != "sign_alg" else "sha1"
            site.default(f"dkim.{name}", f"{told} by default; {reason}")
