"""Sections ``greylisting`` and ``limits``: who has to wait."""

from __future__ import annotations

from filter_engine.importers.outcome import Plain
from filter_engine.importers.rmilter import values
from filter_engine.importers.rmilter.grammar import Setting
from filter_engine.importers.rmilter.site import Site

#: rmilter's defaults (README): bucket -> burst:rate.
BUCKETS = {
    "limit_to": "20:0.016666667",
    "limit_to_ip": "30:0.025",
    "limit_to_ip_from": "100:0.033333333",
    "limit_bounce_to": "5:0.000277778",
    "limit_bounce_to_ip": "5:0.000277778",
}
BOUNCE_SENDERS = (
    "postmaster",
    "mailer-daemon",
    "symantec_antivirus_for_smtp_gateways",
    "",
    "null",
    "fetchmail-daemon",
)
GREYLIST_TIMEOUT = 300
GREYLIST_EXPIRE = values.DAY
#: How long a bucket is remembered.
BUCKET_EXPIRE = values.DAY
#: Who has passed is remembered so many times as long as who waits.
PASSED = 3
NO_POOL = "clients that passed often are kept in Redis, which has its own limit of memory"


# -- greylisting --------------------------------------------------------------------------------


def timeout(site: Site, setting: Setting) -> None:
    site.put("greylist.conf", "timeout", values.in_seconds(values.seconds(setting)))


def expire(site: Site, setting: Setting) -> None:
    site.put("greylist.conf", "expire", values.in_seconds(values.seconds(setting)))


def expire_white(site: Site, setting: Setting) -> None:
    site.put("greylist.conf", "pass_expire", values.in_seconds(values.seconds(setting)))


def greylist_whitelist(site: Site, setting: Setting) -> None:
    networks = values.networks(setting)
    if networks:
        site.put("greylist.conf", "whitelisted_ip", networks)


def greylisted_message(site: Site, setting: Setting) -> None:
    site.put("greylist.conf", "message", values.string(setting))


def greylist_enable(site: Site, setting: Setting) -> None:
    site.put("greylist.conf", "enabled", values.flag(setting))


def awl_enable(site: Site, setting: Setting) -> None:
    site.put("greylist.conf", "awl_enable", values.flag(setting))


def awl_hits(site: Site, setting: Setting) -> None:
    site.put("greylist.conf", "awl_hits", max(values.number(setting), 1))


def awl_ttl(site: Site, setting: Setting) -> None:
    site.put("greylist.conf", "awl_ttl", values.in_seconds(values.seconds(setting)))


# -- limits -------------------------------------------------------------------------------------


def bucket(site: Site, setting: Setting) -> None:
    burst, rate = values.bucket(setting)
    if burst and rate:
        content: dict[str, Plain] = {"burst": burst, "rate": values.per_time(rate)}
        name = setting.name.removeprefix("limit_")
        site.put("ratelimit.conf", "rates", name, {"bucket": content})


def limit_whitelist(site: Site, setting: Setting) -> None:
    networks = values.networks(setting)
    if networks:
        site.put("ratelimit.conf", "whitelisted_ip", networks)


def limit_whitelist_rcpt(site: Site, setting: Setting) -> None:
    found = values.recipients(setting)
    # "no" is rmilter's way to write that there is none
    site.put("ratelimit.conf", "whitelisted_rcpts", "" if found == ("no",) else ",".join(found))


def limit_bounce_addrs(site: Site, setting: Setting) -> None:
    senders = tuple(text.removeprefix("<").removesuffix(">") for text in values.strings(setting))
    site.put("ratelimit.conf", "bounce_senders", senders)


def limit_enable(site: Site, setting: Setting) -> None:
    site.put("ratelimit.conf", "enabled", values.flag(setting))


def complete(site: Site) -> None:
    """What rmilter did without being told, and what it did not do without a store."""
    if "greylisting" in site.sections and site.has("redis", "servers_grey"):
        greylist = site.files.setdefault("greylist.conf", {})
        greylist.setdefault("timeout", GREYLIST_TIMEOUT)
        expire = greylist.setdefault("expire", GREYLIST_EXPIRE)
        if isinstance(expire, int):
            greylist.setdefault("pass_expire", PASSED * expire)
    else:
        site.files["greylist.conf"] = {"enabled": False}
        site.default("greylisting", "off: rmilter needs the section and redis.servers_grey for it")
    if "limits" in site.sections and site.has("redis", "servers_limits"):
        limits = site.files.setdefault("ratelimit.conf", {})
        for name, text in BUCKETS.items():
            if not site.has("limits", name):
                burst, _, rate = text.partition(":")
                content: dict[str, Plain] = {
                    "burst": int(burst),
                    "rate": values.per_time(values.rate(rate)),
                }
                site.put(
                    "ratelimit.conf", "rates", name.removeprefix("limit_"), {"bucket": content}
                )
        limits.setdefault("bounce_senders", BOUNCE_SENDERS)
        limits.setdefault("expire", BUCKET_EXPIRE)
        # rmilter's buckets are the same for good and bad senders
        for what in ("rate", "burst"):
            limits[f"ham_factor_{what}"] = 1
            limits[f"spam_factor_{what}"] = 1
    else:
        site.files["ratelimit.conf"] = {"enabled": False}
        site.default("limits", "off: rmilter needs the section and redis.servers_limits for it")
