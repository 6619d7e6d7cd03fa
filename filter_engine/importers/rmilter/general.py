"""Directives outside of sections: socket, sizes, whom to check."""

from __future__ import annotations

from filter_engine.config.model import OptionsConfig
from filter_engine.importers.outcome import Plain
from filter_engine.importers.rmilter import values
from filter_engine.importers.rmilter.grammar import Setting
from filter_engine.importers.rmilter.site import Site

#: Groups that still run for mail that rmilter only signed.
SIGNING_ONLY = ("dkim",)
#: What rmilter did with mail of addresses that spamd does not see: sign it, look for viruses.
WITHOUT_SPAM_CHECKS = ("dkim", "antivirus")

#: The symbol of mail whose SPF failure is a refusal.
SPF_DOMAINS = "RMILTER_SPF_DOMAINS"

NO_PID_FILE = (
    "the service manager knows the process; pidfile of options.inc writes a file if need be"
)
NO_TEMPORARY_FILES = "messages are scanned in memory; there are no temporary files"


def bind_socket(site: Site, setting: Setting) -> None:
    socket = values.bind_socket(setting)
    site.put("worker-proxy.inc", "bind_socket", socket)
    if socket.startswith("/"):
        site.note(setting, "made with mode 0660: put the MTA's user into the engine's group")
    elif socket.startswith("*:"):
        site.note(setting, "names no host: it listens on every address, also public ones")


def tempdir(site: Site, setting: Setting) -> None:
    site.put("options.inc", "tempdir", values.string(setting))
    site.note(setting, f"Rspamd reads it; here {NO_TEMPORARY_FILES}")


def max_size(site: Site, setting: Setting) -> None:
    limit = values.size(setting)
    if limit:
        site.put("options.inc", "max_message", limit)
        site.note(setting, "larger mail passes unscanned and unsigned; rmilter still signed it")
    else:
        site.note(
            setting, f"0 is no limit; the engine has one ({_bound()} unless max_message says)"
        )


def strict_auth(site: Site, setting: Setting) -> None:
    if values.flag(setting):
        site.note(setting, "users who logged in are checked like everybody, which is the default")


def spf_domains(site: Site, setting: Setting) -> None:
    """Mail of these envelope senders that fails SPF was refused; others rmilter did not check."""
    domains = values.strings(setting)
    if not domains:
        return
    rule: dict[str, Plain] = {
        "type": "from",
        "extract_from": "smtp",
        "filter": "email:domain",
        "map": tuple(dict.fromkeys(domain.lower() for domain in domains)),
        "symbol": SPF_DOMAINS,
        "score": 0,
    }
    site.put("multimap.conf", SPF_DOMAINS.lower(), rule)
    forced: dict[str, Plain] = {
        "action": "reject",
        "expression": f"R_SPF_FAIL & {SPF_DOMAINS}",
        "message": "SPF policy violation: this host is not allowed to send mail of that domain",
    }
    site.put("force_actions.conf", "rules", SPF_DOMAINS, forced)
    site.note(
        setting,
        "mail of these domains is refused when SPF fails, as before; SPF of all others is checked"
        " and scored, as rspamd did (domains of spf.conf checks some alone)",
    )


def use_dcc(site: Site, setting: Setting) -> None:
    wanted = values.flag(setting)
    site.put("dcc.conf", "enabled", wanted)
    if wanted:
        site.note(
            setting, "the module dcc asks dccifd at /var/dcc/dccifd unless told another socket"
        )


def whitelist(site: Site, setting: Setting) -> None:
    site.put(
        "settings.conf",
        "rmilter_whitelist",
        {"priority": "high", "rcpt": values.recipients(setting), "whitelist": True},
    )
    site.note(
        setting, "one of the recipients is enough; the mail is then not scanned for the others"
    )


def our_networks(site: Site, setting: Setting) -> None:
    networks = values.networks(setting)
    if networks:
        site.put("options.inc", "local_networks", networks)


def use_redis(site: Site, setting: Setting) -> None:
    if not values.flag(setting):
        site.lost(setting, "memcached is not served; Redis is the only store")


def complete(site: Site) -> None:
    """What was left unsaid or concerns several directives."""
    strict = site.said.get(("", "strict_auth"))
    if strict is None or not values.flag(strict):
        apply: dict[str, Plain] = {"apply": {"groups_enabled": SIGNING_ONLY}}
        site.put("settings.conf", "rmilter_authenticated", {"authenticated": True, **apply})
        ours = site.said.get(("", "our_networks"))
        networks = values.networks(ours) if ours is not None else ()
        if networks:
            site.put("settings.conf", "rmilter_our_networks", {"ip": networks, **apply})
        if strict is None:
            site.default("strict_auth", "no by default: mail of users who logged in is only signed")
    if not site.has("", "bind_socket"):
        site.default(
            "bind_socket",
            "unix:/var/tmp/rmilter.sock by default, where everybody may write: not carried over;"
            " the engine listens on 127.0.0.1:11332, tell the MTA",
        )
    if not site.has("", "max_size"):
        site.default("max_size", f"no limit by default; the engine's is {_bound()}")
    if not site.has("", "spf_domains"):
        site.default(
            "spf_domains", "nobody's SPF failure was a refusal by default; it is scored here"
        )


def _bound() -> str:
    return f"{OptionsConfig().max_message} bytes"
