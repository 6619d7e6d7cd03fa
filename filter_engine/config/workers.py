"""The options of each worker, as sections of typed values."""

# option() makes a dataclasses.field; evaluated once on purpose

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, TypeAlias

from filter_engine.config import redis
from filter_engine.config.addresses import LOOPBACK, AddressSet
from filter_engine.config.controller_hash import PASSWORD
from filter_engine.config.kinds import (
    ADDRESSES,
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    TIME,
    at_least,
    list_of,
    nullable,
    one_of,
    sections_of,
    sockets,
    upstreams,
)
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.redis import RedisConfig
from filter_engine.config.schema import Option, Section, option, options_of
from filter_engine.config.sockets import BindSocket, TcpSocket, UnixSocket
from filter_engine.config.unserved.workers import (
    CONTROLLER,
    FUZZY,
    NORMAL,
    PROXY,
    SCAN_UPSTREAM,
    WORKER,
)
from filter_engine.config.upstreams import Rotation, UpstreamList
from filter_engine.config.worker_keys import KEYPAIRS, PUBLIC_KEY, PublicKey, WorkerKeypair

PROXY_PORT = 11332
NORMAL_PORT = 11333
CONTROLLER_PORT = 11334
FUZZY_PORT = 11335


def _loopback(port: int) -> tuple[BindSocket, ...]:
    return (TcpSocket("127.0.0.1", port), TcpSocket("::1", port, optional=True))


@options_class
class WorkerSection(Section):
    """What every worker has. ``count`` None means one a core for scanning workers, else one."""

    #: The worker's name in UCL: ``worker "normal" { ... }``.
    kind: ClassVar[str] = ""
    known: ClassVar[Mapping[str, Option]] = WORKER
    anchor: ClassVar[str] = "workers/"

    count: int | None = option(
        at_least(INTEGER, -1), None, doc="processes to run; 0 or -1 switches the worker off"
    )
    enabled: bool = option(BOOLEAN, True, doc="whether to run the worker at all")

    @property
    def active(self) -> bool:
        """Whether the worker is to run."""
        return self.enabled and (self.count is None or self.count > 0)


@options_class
class TlsWorkerSection(WorkerSection):
    """What workers have that can listen with TLS."""

    ssl: bool = option(
        BOOLEAN,
        False,
        doc="TLS on every socket but those of paths; on one: the word ssl in its bind_socket",
    )
    ssl_cert: str = option(
        STRING, "", doc="file of the certificate and its chain, PEM; read at every start and reload"
    )
    ssl_key: str = option(STRING, "", doc="file of its key, PEM; default: in ssl_cert")

    def speaks_tls(self, bind: BindSocket) -> bool:
        """Whether clients of a socket of this worker speak TLS."""
        return not isinstance(bind, UnixSocket) and (self.ssl or bind.ssl)


@options_class
class ScanUpstream(Section):
    """``upstream "name" { ... }`` of the proxy: scanners that serve it."""

    known: ClassVar[Mapping[str, Option]] = SCAN_UPSTREAM
    anchor: ClassVar[str] = "workers/rspamd_proxy"

    default: bool = option(BOOLEAN, False, doc="whether requests without a host go here")
    hosts: UpstreamList | None = option(
        upstreams(NORMAL_PORT, srv=False), None, doc="the scanners, with rotation and weights"
    )
    self_scan: bool = option(BOOLEAN, False, doc="scan in the proxy itself, without a scanner")
    timeout: float | None = option(
        TIME, None, unit="seconds", doc="time for one request; default: the worker's timeout"
    )
    compression: bool = option(
        BOOLEAN, False, doc="compress requests with zstd", aliases=("compress",)
    )
    settings_id: str = option(STRING, "", doc="Settings-ID to send", aliases=("settings",))
    ssl: bool = option(
        BOOLEAN, False, doc="TLS to the scanners, but to those at paths; certificates are checked"
    )
    ssl_ca: str = option(
        STRING,
        "",
        doc="file of the authorities of their certificates; default: the system's; not in Rspamd",
    )
    ssl_name: str = option(
        STRING, "", doc="name in their certificates; default: the host as written; not in Rspamd"
    )


@options_class
class ProxyConfig(TlsWorkerSection):
    """Worker ``rspamd_proxy``: speaks milter with the MTA, hands messages to a scanner."""

    kind: ClassVar[str] = "rspamd_proxy"
    known: ClassVar[Mapping[str, Option]] = PROXY
    anchor: ClassVar[str] = "workers/rspamd_proxy"

    bind_socket: tuple[BindSocket, ...] = option(
        sockets(PROXY_PORT), _loopback(PROXY_PORT), doc="where to listen"
    )
    milter: bool = option(BOOLEAN, True, doc="speak the milter protocol (false: HTTP)")
    timeout: float = option(TIME, 120.0, unit="seconds", doc="time for scanning one message")
    upstreams: Mapping[str, ScanUpstream] = option(
        sections_of(ScanUpstream, "upstream"),
        MappingProxyType({}),
        key="upstream",
        doc="the scanners, by name",
    )
    max_retries: int = option(
        at_least(INTEGER, 1), 5, doc="scanners to try before giving the message up"
    )
    discard_on_reject: bool = option(BOOLEAN, False, doc="discard silently instead of rejecting")
    quarantine_on_reject: bool = option(BOOLEAN, False, doc="quarantine instead of rejecting")
    spam_header: str = option(STRING, "X-Spam", doc="header set to Yes by the action add header")
    reject_message: str = option(
        STRING, "Spam message rejected", doc="text of the 554 reply to a rejected message"
    )
    tempfail_message: str = option(
        STRING,
        "Try again later",
        doc="text of the 451 reply to a soft reject without one of its own",
    )

    @property
    def default_upstream(self) -> ScanUpstream | None:
        """The upstream marked ``default``, or the only one there is."""
        chosen = [u for u in self.upstreams.values() if u.default]
        if not chosen and len(self.upstreams) == 1:
            chosen = list(self.upstreams.values())
        return chosen[0] if chosen else None


@options_class
class NormalConfig(TlsWorkerSection):
    """Worker ``normal``: scans messages asked for by HTTP (``/checkv2``)."""

    kind: ClassVar[str] = "normal"
    known: ClassVar[Mapping[str, Option]] = NORMAL
    anchor: ClassVar[str] = "workers/normal"

    bind_socket: tuple[BindSocket, ...] = option(
        sockets(NORMAL_PORT), _loopback(NORMAL_PORT), doc="where to listen"
    )
    timeout: float = option(TIME, 30.0, unit="seconds", doc="longest wait for a client's next byte")
    task_timeout: float | None = option(
        TIME, None, unit="seconds", doc="overrides options.task_timeout for this worker"
    )
    max_tasks: int = option(
        at_least(INTEGER, 0), 64, doc="messages at once in each process, then 503; 0 = no limit"
    )


@options_class
class ControllerConfig(TlsWorkerSection):
    """Worker ``controller``: statistics, learning and the WebUI over HTTP."""

    kind: ClassVar[str] = "controller"
    known: ClassVar[Mapping[str, Option]] = CONTROLLER
    anchor: ClassVar[str] = "workers/controller"

    bind_socket: tuple[BindSocket, ...] = option(
        sockets(CONTROLLER_PORT), _loopback(CONTROLLER_PORT), doc="where to listen"
    )
    timeout: float = option(TIME, 60.0, unit="seconds", doc="longest time for one request")
    password: tuple[str, ...] = option(
        list_of(PASSWORD),
        (),
        secret=True,
        doc="hash of the password for reading (filter-engine pw)",
    )
    enable_password: tuple[str, ...] = option(
        list_of(PASSWORD),
        (),
        secret=True,
        doc="hash of the password for changing things; default: the same password",
    )
    secure_ip: AddressSet = option(
        ADDRESSES, LOOPBACK, doc="clients that need no password", aliases=("secure_ips",)
    )
    trusted_ips: AddressSet = option(
        ADDRESSES, AddressSet(), doc="proxies whose X-Forwarded-For is believed"
    )
    static_dir: str = option(
        STRING, "", doc="directory of a WebUI's files; default: $WWWDIR, where there is one"
    )


@options_class
class FuzzyConfig(WorkerSection):
    """Worker ``fuzzy``: the storage of fuzzy hashes, over UDP."""

    kind: ClassVar[str] = "fuzzy"
    retired: ClassVar[Mapping[str, str]] = MappingProxyType(
        dict.fromkeys(
            ("slaves", "masters", "master_timeout", "sync_keypair", "master_key"),
            "removed in Rspamd 2.0; replicate the storage's Redis instead",
        )
    )
    known: ClassVar[Mapping[str, Option]] = FUZZY
    anchor: ClassVar[str] = "workers/fuzzy_storage"

    count: int | None = option(
        at_least(INTEGER, -1), -1, doc="processes to run; -1 (the default) = no storage here"
    )
    bind_socket: tuple[BindSocket, ...] = option(
        sockets(FUZZY_PORT), _loopback(FUZZY_PORT), doc="where to listen (UDP)"
    )
    backend: str = option(one_of("redis", "sqlite", "noop"), "redis", doc="where hashes are kept")
    servers: UpstreamList | None = option(
        upstreams(redis.PORT, Rotation.MASTER_SLAVE), None, doc="Redis for reading and writing"
    )
    read_servers: UpstreamList | None = option(
        upstreams(redis.PORT, Rotation.MASTER_SLAVE), None, doc="Redis for reading"
    )
    write_servers: UpstreamList | None = option(
        upstreams(redis.PORT, Rotation.MASTER_SLAVE), None, doc="Redis for writing"
    )
    sentinels: UpstreamList | None = option(
        upstreams(redis.SENTINEL_PORT), None, doc="Sentinels that know the primary"
    )
    sentinel_master_name: str = option(STRING, "", doc="name of the primary at the Sentinels")
    sentinel_username: str = option(STRING, "", doc="user at the Sentinels (ACL)")
    sentinel_password: str = option(STRING, "", secret=True, doc="password of the Sentinels")
    sentinel_watch_time: float = option(
        TIME, 60.0, unit="seconds", doc="how often Sentinels are asked while all is well"
    )
    ssl: bool = option(BOOLEAN, False, doc="TLS to the servers and Sentinels; not in Rspamd")
    ssl_ca: str = option(STRING, "", doc="file of the authorities; default: the system's")
    ssl_cert: str = option(STRING, "", doc="file of the client's certificate")
    ssl_key: str = option(STRING, "", doc="file of its key; default: in ssl_cert")
    ssl_name: str = option(STRING, "", doc="name in the servers' certificates; default: the host")
    timeout: float = option(TIME, 1.0, unit="seconds", doc="time for one Redis command")
    prefix: str = option(STRING, "fuzzy", doc="what every key begins with")
    hash_file: str = option(
        STRING,
        "",
        doc="file of the backend sqlite; default: fuzzy.sqlite in DBDIR",
        aliases=("hashfile", "file", "database"),
    )
    db: str = option(STRING, "0", doc="number of the Redis database", aliases=("dbname",))
    username: str = option(STRING, "", doc="Redis user")
    password: str = option(STRING, "", secret=True, doc="Redis password")
    expire: float = option(TIME, 172800.0, unit="seconds", doc="how long a hash lives")
    allow_update: AddressSet = option(ADDRESSES, AddressSet(), doc="clients that may change hashes")
    allow_update_keys: tuple[PublicKey, ...] = option(
        list_of(PUBLIC_KEY), (), doc="public keys whose holders may change hashes"
    )
    read_only: bool = option(BOOLEAN, False, doc="accept no changes")
    blocked: AddressSet = option(ADDRESSES, AddressSet(), doc="clients that are not answered")
    skip_hashes: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="digests in hex that nobody may teach"
    )
    keypair: tuple[WorkerKeypair, ...] = option(
        KEYPAIRS, (), doc="keys of sealed requests; the first is the default"
    )
    keypair_cache_size: int = option(
        at_least(INTEGER, 1), 512, doc="keys of clients that are remembered"
    )
    encrypted_only: bool = option(BOOLEAN, False, doc="answer sealed requests alone")
    delay: float | None = option(
        nullable(TIME), None, unit="seconds", doc="time until a new hash is told"
    )
    delay_whitelist: AddressSet = option(
        ADDRESSES, AddressSet(), doc="clients that are told at once"
    )
    ratelimit_rate: float | None = option(
        nullable(NUMBER),
        None,
        unit="requests a second",
        doc="most on average of one network; default: no limit",
        aliases=("leaky_bucket_rate",),
    )
    ratelimit_burst: float | None = option(
        nullable(NUMBER),
        None,
        unit="requests",
        doc="most at once; default: no limit",
        aliases=("leaky_bucket_burst",),
    )
    ratelimit_bucket_ttl: float = option(
        TIME, 3600.0, unit="seconds", doc="how long a network over the limit is refused"
    )
    ratelimit_max_buckets: int = option(
        at_least(INTEGER, 1), 2000, doc="networks that are counted", aliases=("max_buckets",)
    )
    ratelimit_network_mask: int = option(
        at_least(INTEGER, 1),
        24,
        unit="bits",
        doc="of IPv4 clients that are counted as one; IPv6: four times as many, 64 or more",
        aliases=("leaky_bucket_mask",),
    )
    ratelimit_whitelist: AddressSet = option(ADDRESSES, AddressSet(), doc="clients without limit")
    ratelimit_log_only: bool = option(
        BOOLEAN, False, doc="log clients over the limit, answer all the same"
    )

    @property
    def redis(self) -> RedisConfig:
        """The servers that the worker itself names."""
        return RedisConfig(
            **{
                made.attribute: getattr(self, made.attribute)
                for made in options_of(RedisConfig)
                if made.attribute != "prefix" and hasattr(self, made.attribute)
            }
        )


WorkerConfig: TypeAlias = ProxyConfig | NormalConfig | ControllerConfig | FuzzyConfig

#: The section class of each worker name, with the names Rspamd also accepts.
WORKER_TYPES: Mapping[str, type[ProxyConfig | NormalConfig | ControllerConfig | FuzzyConfig]] = (
    MappingProxyType(
        {
            "rspamd_proxy": ProxyConfig,
            "proxy": ProxyConfig,
            "normal": NormalConfig,
            "controller": ControllerConfig,
            "fuzzy": FuzzyConfig,
            "fuzzy_storage": FuzzyConfig,
        }
    )
)

__all__ = [
    "CONTROLLER_PORT",
    "FUZZY_PORT",
    "NORMAL_PORT",
    "PROXY_PORT",
    "WORKER_TYPES",
    "ControllerConfig",
    "FuzzyConfig",
    "NormalConfig",
    "ProxyConfig",
    "ScanUpstream",
    "TlsWorkerSection",
    "WorkerConfig",
    "WorkerSection",
]
