"""Every directive of rmilter's: where it stands, what it takes, what becomes of it.

The one list: what is not in it is an unknown directive. Sources: the README of 2016, the sample
configuration, and ``cfg_file.l`` and ``cfg_file.y`` for names that the README does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeAlias

from filter_engine.importers.rmilter import (
    copies,
    general,
    policies,
    scanners,
    signing,
    stores,
    values,
)
from filter_engine.importers.rmilter.grammar import Setting
from filter_engine.importers.rmilter.site import Site
from filter_engine.importers.rmilter.values import Type
from filter_engine.lazy_dataclass import frozen

Handler: TypeAlias = Callable[[Site, Setting], None]

#: Sections, each with its other names.
SECTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "clamav": (),
        "spamd": (),
        "redis": ("memcached",),
        "beanstalk": (),
        "greylisting": (),
        "limits": (),
        "dkim": (),
        "rule": (),
    }
)


@frozen
class Directive:
    """One directive; ``target`` is the file and option it becomes, empty where nothing does."""

    section: str
    name: str
    type: Type
    handle: Handler
    target: str = ""
    #: Why nothing becomes of it (where there is no ``target``).
    reason: str = ""
    aliases: tuple[str, ...] = ()


#: Reads a value, so that a wrong one is told also where nothing becomes of it.
_READERS: Mapping[Type, Callable[[Setting], object]] = MappingProxyType(
    {
        Type.STRING: values.string,
        Type.STRINGS: values.strings,
        Type.FLAG: values.flag,
        Type.NUMBER: values.number,
        Type.FRACTION: values.fraction,
        Type.TIME: values.seconds,
        Type.SIZE: values.size,
        Type.SERVERS: values.servers,
    }
)


def _lost(section: str, name: str, kind: Type, reason: str) -> Directive:
    """A directive that has no counterpart."""
    read = _READERS[kind]

    def handle(site: Site, setting: Setting) -> None:
        read(setting)
        site.lost(setting, reason)

    return Directive(section, name, kind, handle, reason=reason)


def _health(section: str) -> Iterator[Directive]:
    """error_time, maxerrors and dead_time: one triple for all upstreams here."""
    for name, key in (
        ("error_time", "error_time"),
        ("maxerrors", "max_errors"),
        ("dead_time", "revive_time"),
    ):
        yield Directive(section, name, Type.NUMBER, _upstream(key), f"options.inc upstream.{key}")


def _upstream(key: str) -> Handler:
    def handle(site: Site, setting: Setting) -> None:
        found = values.number(setting)
        upstream = site.files.setdefault("options.inc", {}).setdefault("upstream", {})
        assert isinstance(upstream, dict)
        if upstream.setdefault(key, found) != found:
            site.lost(setting, "one value counts for all servers: that of an earlier section")

    return handle


def _table() -> Iterator[Directive]:
    yield from _general()
    yield from _scanners()
    yield from _stores()
    yield from _policies()
    yield from _dkim()


def _general() -> Iterator[Directive]:
    top = ""
    yield _lost(top, "pidfile", Type.STRING, general.NO_PID_FILE)
    yield Directive(top, "tempdir", Type.STRING, general.tempdir, "options.inc tempdir")
    yield _lost(top, "tempfiles_mode", Type.STRING, general.NO_TEMPORARY_FILES)
    yield Directive(
        top, "bind_socket", Type.SOCKET, general.bind_socket, "worker-proxy.inc bind_socket"
    )
    yield Directive(top, "max_size", Type.SIZE, general.max_size, "options.inc max_message")
    yield Directive(
        top,
        "strict_auth",
        Type.FLAG,
        general.strict_auth,
        "settings.conf rmilter_authenticated",
        aliases=("check_auth",),
    )
    yield Directive(
        top,
        "spf_domains",
        Type.STRINGS,
        general.spf_domains,
        "force_actions.conf rules.RMILTER_SPF_DOMAINS",
    )
    yield Directive(top, "use_dcc", Type.FLAG, general.use_dcc, "dcc.conf enabled")
    yield Directive(
        top, "whitelist", Type.RECIPIENTS, general.whitelist, "settings.conf rmilter_whitelist"
    )
    yield Directive(
        top, "our_networks", Type.NETWORKS, general.our_networks, "options.inc local_networks"
    )
    yield Directive(
        top, "use_redis", Type.FLAG, general.use_redis, reason="Redis is the only store"
    )


def _scanners() -> Iterator[Directive]:
    clamav = "clamav"
    yield Directive(
        clamav, "servers", Type.SERVERS, scanners.clamav_servers, "antivirus.conf clamav.servers"
    )
    for name in ("connect_timeout", "port_timeout"):
        yield _lost(clamav, name, Type.TIME, scanners.ONE_TIMEOUT)
    yield Directive(
        clamav,
        "results_timeout",
        Type.TIME,
        scanners.clamav_results_timeout,
        "antivirus.conf clamav.timeout",
    )
    yield from _health(clamav)
    yield Directive(
        clamav,
        "whitelist",
        Type.NETWORKS,
        scanners.clamav_whitelist,
        "settings.conf rmilter_clamav_whitelist",
    )
    yield from _spamd()


def _spamd() -> Iterator[Directive]:
    spamd, proxy = "spamd", "worker-proxy.inc"
    for name, kind, handle, target in (
        ("servers", Type.SERVERS, scanners.spamd_servers, f"{proxy} upstream.scan"),
        ("results_timeout", Type.TIME, scanners.spamd_results_timeout, f"{proxy} timeout"),
        ("retry_count", Type.NUMBER, scanners.retry_count, f"{proxy} max_retries"),
        ("reject_message", Type.STRING, scanners.reject_message, f"{proxy} reject_message"),
        ("spamd_soft_fail", Type.FLAG, scanners.spamd_soft_fail, "actions.conf"),
        ("spam_header", Type.STRING, scanners.spam_header, f"{proxy} spam_header"),
        (
            "extended_spam_headers",
            Type.FLAG,
            scanners.extended_spam_headers,
            "milter_headers.conf extended_spam_headers",
        ),
        ("spamd_never_reject", Type.FLAG, scanners.spamd_never_reject, "actions.conf reject"),
        (
            "whitelist",
            Type.NETWORKS,
            scanners.spamd_whitelist,
            "settings.conf rmilter_spamd_whitelist",
        ),
        (
            "spamd_settings_id",
            Type.STRING,
            scanners.settings_id,
            f"{proxy} upstream.scan.settings_id",
        ),
    ):
        yield Directive(spamd, name, kind, handle, target)
    yield Directive(
        spamd,
        "spamd_temp_fail",
        Type.FLAG,
        scanners.spamd_temp_fail,
        "postfix_milter_default_action",
        aliases=("tempfail_on_error",),
    )
    for name, kind, handle, reason in (
        ("rspamd_metric", Type.STRING, scanners.rspamd_metric, "there is one metric"),
        ("spam_header_value", Type.STRING, scanners.spam_header_value, "the value is Yes"),
        ("spamd_greylist", Type.FLAG, scanners.spamd_greylist, "the action greylist decides"),
        (
            "spamd_spam_add_header",
            Type.FLAG,
            scanners.spamd_spam_add_header,
            "a rewritten subject sets no header",
        ),
    ):
        yield Directive(spamd, name, kind, handle, reason=reason)
    for name in ("connect_timeout", "retry_timeout"):
        yield _lost(spamd, name, Type.TIME, scanners.ONE_TIMEOUT)
    yield from _health(spamd)
    second = "messages are not scanned a second time for comparison"
    yield _lost(spamd, "also_check", Type.SERVERS, second)
    for name in ("diff_dir", "symbols_dir", "check_symbols"):
        yield _lost(spamd, name, Type.STRING, second)
    for name in ("trace_symbol", "trace_addr"):
        yield _lost(spamd, name, Type.STRING, "no message is followed by a symbol or an address")
    yield _lost(spamd, "spam_bar_char", Type.STRING, "the bar's letter is fixed")
    yield _lost(
        spamd,
        "spam_no_auth_header",
        Type.FLAG,
        "see skip_authenticated and authenticated_headers in milter_headers.conf",
    )


def _stores() -> Iterator[Directive]:
    redis = "redis"
    for name, file in stores.MODULES.items():
        yield Directive(redis, name, Type.SERVERS, stores.module_servers, f"{file} servers")
    yield Directive(
        redis, "servers_white", Type.SERVERS, stores.servers_white, reason="kept with the greylist"
    )
    for name in ("servers_copy", "servers_spam"):
        yield _lost(redis, name, Type.SERVERS, stores.NO_COPIES)
    for name in ("copy_channel", "spam_channel"):
        yield _lost(redis, name, Type.STRING, stores.NO_COPIES)
    for name in ("copy_probability", "copy_full"):
        kind = Type.FRACTION if name == "copy_probability" else Type.FLAG
        yield _lost(redis, name, kind, stores.NO_COPIES)
    yield Directive(
        redis, "grey_prefix", Type.STRING, stores.key_prefix, "greylist.conf key_prefix"
    )
    yield Directive(redis, "id_prefix", Type.STRING, stores.key_prefix, "replies.conf key_prefix")
    yield Directive(
        redis, "white_prefix", Type.STRING, stores.white_prefix, reason="kept with the greylist"
    )
    yield Directive(
        redis, "connect_timeout", Type.TIME, stores.connect_timeout, "redis.conf timeout"
    )
    yield from _health(redis)
    yield Directive(redis, "password", Type.STRING, stores.password, "redis.conf password")
    yield Directive(redis, "dbname", Type.STRING, stores.dbname, "redis.conf db")
    yield Directive(redis, "protocol", Type.STRING, stores.protocol, reason="one protocol")
    beanstalk = "beanstalk"
    for name, copy in copies.COPIES.items():
        target = f"{copies.FILE} rules.{copy.rule}"
        yield Directive(beanstalk, name, Type.SERVERS, copies.servers, target)
        yield Directive(beanstalk, copy.flag, Type.FLAG, copies.flag, target)
    for name, kind, key in (
        ("connect_timeout", Type.TIME, "timeout"),
        ("lifetime", Type.NUMBER, "ttr"),
        ("id_regexp", Type.STRING, "id_regexp"),
        ("copy_probability", Type.FRACTION, "probability"),
    ):
        target = f"{copies.FILE} {key} of the rules"
        yield Directive(beanstalk, name, kind, copies.read, target)
    yield from _health(beanstalk)
    yield _lost(beanstalk, "protocol", Type.STRING, "beanstalkd has one protocol")
    yield Directive(
        beanstalk,
        "send_beanstalk_spam_extra_diff",
        Type.FLAG,
        stores.extra_diff,
        reason=stores.NO_DIFF,
    )


def _policies() -> Iterator[Directive]:
    grey = "greylisting"
    for name, kind, handle, key in (
        ("timeout", Type.TIME, policies.timeout, "timeout"),
        ("expire", Type.TIME, policies.expire, "expire"),
        ("whitelist", Type.NETWORKS, policies.greylist_whitelist, "whitelisted_ip"),
        ("greylisted_message", Type.STRING, policies.greylisted_message, "message"),
        ("enable", Type.FLAG, policies.greylist_enable, "enabled"),
    ):
        yield Directive(grey, name, kind, handle, f"greylist.conf {key}")
    target = "greylist.conf pass_expire"
    yield Directive(grey, "expire_white", Type.TIME, policies.expire_white, target)
    for name, kind, handle in (
        ("awl_enable", Type.FLAG, policies.awl_enable),
        ("awl_hits", Type.NUMBER, policies.awl_hits),
        ("awl_ttl", Type.TIME, policies.awl_ttl),
    ):
        yield Directive(grey, name, kind, handle, f"greylist.conf {name}")
    yield _lost(grey, "awl_pool", Type.SIZE, policies.NO_POOL)
    limits, file = "limits", "ratelimit.conf"
    for name in policies.BUCKETS:
        key = name.removeprefix("limit_")
        yield Directive(limits, name, Type.BUCKET, policies.bucket, f"{file} rates.{key}")
    yield Directive(
        limits,
        "limit_whitelist",
        Type.NETWORKS,
        policies.limit_whitelist,
        f"{file} whitelisted_ip",
        aliases=("limit_whitelist_ip",),
    )
    yield Directive(
        limits,
        "limit_whitelist_rcpt",
        Type.RECIPIENTS,
        policies.limit_whitelist_rcpt,
        f"{file} whitelisted_rcpts",
    )
    yield Directive(
        limits,
        "limit_bounce_addrs",
        Type.STRINGS,
        policies.limit_bounce_addrs,
        f"{file} bounce_senders",
    )
    yield Directive(limits, "enable", Type.FLAG, policies.limit_enable, f"{file} enabled")


def _dkim() -> Iterator[Directive]:
    dkim, file = "dkim", signing.FILE
    for name in ("header_canon", "body_canon"):
        yield Directive(dkim, name, Type.WORD, signing.canon, reason=signing.ALWAYS_RELAXED)
    yield Directive(dkim, "sign_alg", Type.ALGORITHM, signing.sign_alg, reason=signing.SHA1_REFUSED)
    yield Directive(dkim, "auth_only", Type.FLAG, signing.auth_only, f"{file} sign_inbound")
    yield Directive(
        dkim, "fold_header", Type.FLAG, signing.fold_header, reason="the header is always folded"
    )
    yield Directive(
        dkim, "sign_networks", Type.NETWORKS, signing.sign_networks, f"{file} sign_networks"
    )
    yield Directive(dkim, "key", Type.STRING, signing.common_key, reason="it names no domain")


TABLE: tuple[Directive, ...] = tuple(_table())

#: (section, name or other name) -> directive.
DIRECTIVES: Mapping[tuple[str, str], Directive] = MappingProxyType(
    {(d.section, name): d for d in TABLE for name in (d.name, *d.aliases)}
)


def as_markdown() -> str:
    """The list as a table, for ``docs/import.md``."""
    lines = ["| rmilter.conf | takes | becomes |", "| --- | --- | --- |"]
    for found in TABLE:
        names = ", ".join(f"`{name}`" for name in (found.name, *found.aliases))
        where = f"{found.section}: " if found.section else ""
        became = f"`{found.target}`" if found.target else f"not carried over: {found.reason}"
        lines.append(f"| {where}{names} | {found.type} | {became} |")
    return "\n".join(lines) + "\n"
