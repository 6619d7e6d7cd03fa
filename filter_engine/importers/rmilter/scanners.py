"""Sections ``clamav`` and ``spamd``: who is asked about a message, and what follows."""

from __future__ import annotations

from filter_engine.config.workers import NORMAL_PORT
from filter_engine.importers.outcome import Plain
from filter_engine.importers.rmilter import values
from filter_engine.importers.rmilter.general import WITHOUT_SPAM_CHECKS
from filter_engine.importers.rmilter.grammar import Setting
from filter_engine.importers.rmilter.site import Site

CLAMD_PORT = 3310
#: rmilter's defaults, in seconds.
RESULTS_TIMEOUT = 20
REJECT_MESSAGE = "Spam message rejected; If this is not spam contact abuse team"

ONE_TIMEOUT = "one timeout covers connecting and answering: results_timeout"
CLAMAV_SYMBOL = "CLAM_VIRUS"
#: The upstream's name is the role's, not "local" of the shipped tree.
UPSTREAM = "scan"


# -- clamav -------------------------------------------------------------------------------------


def clamav_servers(site: Site, setting: Setting) -> None:
    found = values.servers(setting)
    if found:
        rule: dict[str, Plain] = {
            "type": "clamav",
            "servers": ",".join(server.text(CLAMD_PORT) for server in found),
            "symbol": CLAMAV_SYMBOL,
            "action": "reject",
            "scan_mime_parts": False,
        }
        for key, value in rule.items():
            site.put("antivirus.conf", "clamav", key, value)


def clamav_results_timeout(site: Site, setting: Setting) -> None:
    site.put("antivirus.conf", "clamav", "timeout", values.in_seconds(values.seconds(setting)))


def clamav_whitelist(site: Site, setting: Setting) -> None:
    networks = values.networks(setting)
    if networks:
        apply = {"symbols_disabled": (CLAMAV_SYMBOL,)}
        site.put("settings.conf", "rmilter_clamav_whitelist", {"ip": networks, "apply": apply})


# -- spamd --------------------------------------------------------------------------------------


def spamd_servers(site: Site, setting: Setting) -> None:
    found = values.servers(setting)
    engines = [server for server in found if server.rspamd]
    if len(engines) < len(found):
        site.lost(
            setting,
            "servers without r: speak SpamAssassin's protocol, which the proxy does not;"
            " write r:host if it is an Rspamd",
        )
    if engines:
        hosts = ",".join(server.text(NORMAL_PORT) for server in engines)
        site.put("worker-proxy.inc", "upstream", UPSTREAM, "default", True)
        site.put("worker-proxy.inc", "upstream", UPSTREAM, "hosts", hosts)


def spamd_results_timeout(site: Site, setting: Setting) -> None:
    site.put("worker-proxy.inc", "timeout", values.in_seconds(values.seconds(setting)))


def retry_count(site: Site, setting: Setting) -> None:
    site.put("worker-proxy.inc", "max_retries", max(1, values.number(setting)))


def reject_message(site: Site, setting: Setting) -> None:
    site.put("worker-proxy.inc", "reject_message", values.string(setting))


def spam_header(site: Site, setting: Setting) -> None:
    site.put("worker-proxy.inc", "spam_header", values.string(setting))


def spam_header_value(site: Site, setting: Setting) -> None:
    if values.string(setting).lower() != "yes":
        site.lost(setting, "the header always says Yes")


def spamd_soft_fail(site: Site, setting: Setting) -> None:
    if not values.flag(setting):
        for action in ("add_header", "rewrite_subject", "greylist"):
            site.put("actions.conf", action, None)


def spamd_greylist(site: Site, setting: Setting) -> None:
    if not values.flag(setting):
        site.lost(
            setting,
            "greylisting follows the action greylist; to delay nearly all mail set a low score"
            " for it in actions.conf",
        )


def rspamd_metric(site: Site, setting: Setting) -> None:
    if values.string(setting) != "default":
        site.lost(setting, "there is one metric, default, since Rspamd 2.0")


def spamd_whitelist(site: Site, setting: Setting) -> None:
    networks = values.networks(setting)
    if networks:
        apply = {"groups_enabled": WITHOUT_SPAM_CHECKS}
        site.put("settings.conf", "rmilter_spamd_whitelist", {"ip": networks, "apply": apply})
        site.note(setting, "such mail is still signed and looked through for viruses, as before")


def extended_spam_headers(site: Site, setting: Setting) -> None:
    site.put("milter_headers.conf", "extended_spam_headers", values.flag(setting))


def spamd_never_reject(site: Site, setting: Setting) -> None:
    if values.flag(setting):
        site.put("actions.conf", "reject", None)


def spamd_temp_fail(site: Site, setting: Setting) -> None:
    wanted = values.flag(setting)
    site.variables["postfix_milter_default_action"] = "tempfail" if wanted else "accept"
    if not wanted:
        site.note(
            setting,
            "with no scanner left the proxy answers 451; only when the proxy itself is gone does"
            " mail pass (milter_default_action of the MTA)",
        )


def spamd_spam_add_header(site: Site, setting: Setting) -> None:
    if values.flag(setting):
        site.lost(setting, "the action rewrite subject sets no spam header")


def settings_id(site: Site, setting: Setting) -> None:
    site.put("worker-proxy.inc", "upstream", UPSTREAM, "settings_id", values.string(setting))


# -- both ---------------------------------------------------------------------------------------


def complete(site: Site) -> None:
    """Defaults of rmilter's that are not the engine's."""
    if "clamav" in site.files.get("antivirus.conf", {}):
        if not site.has("clamav", "results_timeout"):
            site.put("antivirus.conf", "clamav", "timeout", RESULTS_TIMEOUT)
        site.default("clamav", "a scan ends after options.task_timeout, clamd's timeout or not")
    proxy = site.files.get("worker-proxy.inc", {})
    if "spamd" not in site.sections:
        return
    if "upstream" not in proxy:
        site.default("spamd.servers", "none that could be carried over: this host scans by itself")
    if "timeout" not in proxy:
        site.put("worker-proxy.inc", "timeout", RESULTS_TIMEOUT)
    if "reject_message" not in proxy:
        site.put("worker-proxy.inc", "reject_message", REJECT_MESSAGE)
    if "postfix_milter_default_action" not in site.variables:
        site.variables["postfix_milter_default_action"] = "accept"
        site.default(
            "spamd_temp_fail",
            "no by default: mail passes when the proxy is gone (milter_default_action of the"
            " MTA); with no scanner left the proxy answers 451",
        )
    if not site.has("spamd", "spamd_spam_add_header"):
        site.default("spamd_spam_add_header", "yes by default; a rewritten subject sets no header")
