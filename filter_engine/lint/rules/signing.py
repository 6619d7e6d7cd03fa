"""Settings that switch signing off for mail that would be signed."""

from __future__ import annotations

from collections.abc import Iterator

from filter_engine.config.addresses import AddressSet
from filter_engine.config.findings import Finding, Severity
from filter_engine.config.model import Config
from filter_engine.config.settings import SettingsRule
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation

_MODULE = "dkim_signing"
_SYMBOLS = frozenset({"DKIM_SIGNED", _MODULE})
_GROUPS = frozenset({"dkim", "policies"})


@rule(
    "settings-without-signing",
    doc="A rule of settings for logged-in users or local networks leaves dkim_signing out (it is a "
    "check like others, in Rspamd too): such mail goes out without a DKIM signature.",
)
def settings_without_signing(situation: Situation) -> Iterator[Finding]:
    """Only where signing is configured, and for mail that it would sign."""
    config = situation.config
    signing = config.raw_modules.get(_MODULE)
    if signing is None or _MODULE in config.disabled_modules:
        return
    if not (signing.all("path") or signing.all("domain")):
        return
    for name, settings in config.settings.items():
        why = _why_unsigned(settings)
        if why and _is_for_signed_mail(settings, config):
            at = next(iter(settings.origins.values()))
            for attribute in ("apply", "whitelist"):
                at = settings.origins.get(attribute, at)
            yield situation.finding(
                "settings-without-signing",
                at,
                f"settings.{name} {why}: mail of those who log in or of local networks that falls "
                "under it is not signed",
                'write groups_enabled = ["dkim", ...], or symbols_enabled with "DKIM_SIGNED"',
            )


def _why_unsigned(settings: SettingsRule) -> str:
    """What of a rule leaves signing out, in words; empty when it stays."""
    apply = settings.apply
    if settings.whitelist or apply.whitelist or "skip" in apply.flags:
        return "leaves such mail unscanned"
    if _SYMBOLS & set(apply.symbols_enabled):
        return ""
    if _SYMBOLS & set(apply.symbols_disabled):
        return "disables DKIM_SIGNED"
    if _GROUPS & set(apply.groups_enabled):
        return ""
    if disabled := sorted(_GROUPS & set(apply.groups_disabled)):
        return f"disables the group {disabled[0]}, which DKIM_SIGNED is of"
    return "runs only what it names, and not DKIM_SIGNED" if apply.restricts else ""


def _is_for_signed_mail(settings: SettingsRule, config: Config) -> bool:
    """Whether its conditions single out the site's own mail; expressions are not looked into."""
    if settings.inverse or settings.expression is not None or settings.authenticated is False:
        return False
    if settings.authenticated or settings.user or settings.local:
        return True
    return settings.ip is not None and _overlap(settings.ip, config.options.local)


def _overlap(some: AddressSet, others: AddressSet) -> bool:
    return any(one.network_address in others for one in some) or any(
        other.network_address in some for other in others
    )


@rule(
    "unaligned-signature",
    Severity.INFO,
    doc="Mail is signed for another organisation's domain than From's: the signature verifies, and "
    "DMARC (RFC 7489, section 3.1.1) takes the mail as unsigned. One key for many domains has to "
    "sign as each of them, with a record under each.",
)
def unaligned_signature(situation: Situation) -> Iterator[Finding]:
    """Whose domain signs, where that is not From's by definition."""
    if situation.unaligned_of is None:
        return
    for said, origin in situation.unaligned_of(situation.config):
        yield situation.finding(
            "unaligned-signature",
            origin,
            f"{said}: where that is not of From's organisation, DMARC takes the mail as unsigned",
            "write use_domain = header; in key_table % for the domain; the key may be the same",
            Severity.INFO,
        )
