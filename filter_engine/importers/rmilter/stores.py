"""Section ``redis``: where things are kept."""

from __future__ import annotations

from filter_engine.config.redis import PORT
from filter_engine.importers.rmilter import values
from filter_engine.importers.rmilter.grammar import Setting
from filter_engine.importers.rmilter.site import Site

#: What each list of servers keeps -> the module that keeps it here.
MODULES = {
    "servers_grey": "greylist.conf",
    "servers_limits": "ratelimit.conf",
    "servers_id": "replies.conf",
}
NO_COPIES = "copies are not sent by Redis; metadata_exporter.conf sends them by other ways"
NO_DIFF = "scores of two filters are not compared here; filter-engine diff compares configurations"
OTHER_KEYS = "keys are made otherwise: what rmilter stored is not found under this prefix"


def module_servers(site: Site, setting: Setting) -> None:
    found = values.servers(setting)
    if any(server.mirror for server in found):
        site.note(setting, "a mirrored pair: only its first server is used, replicate by Redis")
    if len(found) > 1:
        site.note(
            setting,
            "rmilter spreads keys over its servers; here several are a primary and its replicas:"
            " only the first is used",
        )
    if found:
        site.put(MODULES[setting.name], "servers", found[0].text(PORT))


def servers_white(site: Site, setting: Setting) -> None:
    values.servers(setting)
    grey = site.said.get(("redis", "servers_grey"))
    if grey is None or [v.text for v in grey.values] != [v.text for v in setting.values]:
        site.lost(setting, "who passed greylisting is kept where the greylist is: servers_grey")


def key_prefix(site: Site, setting: Setting) -> None:
    file = {"grey_prefix": "greylist.conf", "id_prefix": "replies.conf"}[setting.name]
    prefix = values.string(setting)
    if prefix:
        site.put(file, "key_prefix", prefix)
        site.note(setting, OTHER_KEYS)


def white_prefix(site: Site, setting: Setting) -> None:
    values.string(setting)
    site.lost(setting, "the greylist's own records tell who passed; they have one prefix")


def connect_timeout(site: Site, setting: Setting) -> None:
    site.put("redis.conf", "timeout", values.in_seconds(values.seconds(setting)))
    site.note(setting, "the timeout of a whole command here, not of connecting alone")


def password(site: Site, setting: Setting) -> None:
    site.put("redis.conf", "password", values.string(setting))
    site.note(setting, "redis.conf now holds a password: keep it unreadable for others")


def dbname(site: Site, setting: Setting) -> None:
    site.put("redis.conf", "db", values.string(setting))


def protocol(site: Site, setting: Setting) -> None:
    values.string(setting)
    site.lost(setting, "of memcached; Redis has one protocol")


def extra_diff(site: Site, setting: Setting) -> None:
    if values.flag(setting):
        site.lost(setting, NO_DIFF)


def complete(site: Site) -> None:
    """Replies only work with a store; one store for all stands once."""
    lines = {
        file: str(site.files[file]["servers"])
        for file in MODULES.values()
        if "servers" in site.files.get(file, {})
    }
    if lines and len(set(lines.values())) == 1:
        site.put("redis.conf", "servers", next(iter(lines.values())))
        for file in lines:
            del site.files[file]["servers"]
    site.put("replies.conf", "enabled", "replies.conf" in lines)
    for file in MODULES.values():
        if not site.files.get(file, {"": None}):
            del site.files[file]
