"""The configuration as the rest of the engine sees it: typed, immutable, safe to share by fork."""

# option() makes a dataclasses.field; evaluated once on purpose

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

from filter_engine.config.addresses import LOOPBACK, PRIVATE, Address, AddressSet
from filter_engine.config.composites import CompositeConfig
from filter_engine.config.fake_records import FAKE_RECORDS, FakeRecord
from filter_engine.config.findings import Finding
from filter_engine.config.kinds import (
    ADDRESSES,
    BOOLEAN,
    INTEGER,
    NUMBER,
    SIZE,
    STRING,
    TIME,
    WORDS,
    at_least,
    list_of,
    nameservers,
    nullable,
    one_of,
    section,
    sections_of,
)
from filter_engine.config.log_format import DEFAULT, LOG_FORMAT
from filter_engine.config.log_levels import LEVELS
from filter_engine.config.options_class import options_class
from filter_engine.config.redis import RedisConfig as RedisConfig
from filter_engine.config.schema import Option, Section, option
from filter_engine.config.settings import SettingsRule
from filter_engine.config.unserved.logging import LOGGING
from filter_engine.config.unserved.options import DNS, MAPS, OPTIONS
from filter_engine.config.unserved.scores import GROUP, SYMBOL
from filter_engine.config.upstream_health import UpstreamConfig
from filter_engine.config.upstreams import UpstreamList
from filter_engine.config.workers import (
    ControllerConfig,
    FuzzyConfig,
    NormalConfig,
    ProxyConfig,
    WorkerConfig,
)
from filter_engine.ucl.nodes import UclObject


@options_class
class DnsConfig(Section):
    """``options.dns``: how names are resolved."""

    known: ClassVar[Mapping[str, Option]] = DNS
    anchor: ClassVar[str] = "configuration/options"

    nameservers: UpstreamList | None = option(
        nameservers(),
        None,
        key="nameserver",
        aliases=("nameservers", "server", "servers"),
        doc="the resolvers; default: those of /etc/resolv.conf",
    )
    timeout: float = option(TIME, 1.0, unit="seconds", doc="wait for one answer before retrying")
    retransmits: int = option(at_least(INTEGER, 1), 5, doc="times a question is sent")
    sockets: int = option(
        at_least(INTEGER, 1),
        16,
        doc="UDP sockets to spread questions over",
        aliases=("connections",),
    )
    fake_records: tuple[FakeRecord, ...] = option(
        FAKE_RECORDS, (), doc="answers that no resolver is asked for; for tests only"
    )


@options_class
class Neighbour(Section):
    """``options.neighbours.NAME``: another controller that the WebUI can show."""

    anchor: ClassVar[str] = "configuration/options"

    host: str = option(STRING, "", doc="URL of its web server, e.g. https://mx.example.net:443")
    path: str = option(STRING, "/", doc="path under which that server proxies the controller")


@options_class
class MapsConfig(Section):
    """``options.maps``: what holds for all maps."""

    known: ClassVar[Mapping[str, Option]] = MAPS.options
    anchor: ClassVar[str] = "configuration/options"

    secretbox_key: str = option(
        STRING, "", secret=True, doc="key (base64) of encrypted maps, files with the ending .enc"
    )


@options_class
class OptionsConfig(Section):
    """``options``: what concerns the whole engine."""

    known: ClassVar[Mapping[str, Option]] = OPTIONS
    anchor: ClassVar[str] = "configuration/options"
    retired: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "dns_nameserver": "write dns { nameserver = ...; }",
            "dns_retransmits": "write dns { retransmits = ...; }",
            "dns_sockets": "write dns { sockets = ...; }",
            "dns_timeout": "write dns { timeout = ...; }",
        }
    )

    local_addrs: AddressSet | None = option(
        nullable(ADDRESSES), None, doc="this host's own addresses, as Rspamd names them"
    )
    local_networks: AddressSet | None = option(
        nullable(ADDRESSES), None, doc="the site's networks; the union with local_addrs counts"
    )
    dns: DnsConfig = option(section(DnsConfig, "options.dns"), DnsConfig(), doc="name resolution")
    upstream: UpstreamConfig = option(
        section(UpstreamConfig, "options.upstream"),
        UpstreamConfig(),
        doc="when a server of any list counts as dead",
    )
    task_timeout: float = option(
        TIME,
        8.0,
        unit="seconds",
        doc="time for scanning one message; then what is known counts",
        aliases=("check_timeout",),
    )
    soft_reject_on_timeout: bool = option(
        BOOLEAN, False, doc="answer 451 when the time is up, instead of acting on what is known"
    )
    max_message: int = option(
        SIZE, 52428800, unit="bytes", doc="larger messages pass unscanned, with a header saying so"
    )
    max_urls: int = option(at_least(INTEGER, 1), 10240, doc="URLs looked at in one message")
    dns_max_requests: int = option(
        at_least(INTEGER, 1), 64, doc="names that all DNS lists together are asked for one message"
    )
    disable_monitoring: bool = option(BOOLEAN, False, doc="do not test that DNS lists are alive")
    map_watch_interval: float = option(
        TIME, 300.0, unit="seconds", doc="time between two fetches of a map from a URL"
    )
    map_file_watch_multiplier: float = option(
        NUMBER, 0.1, doc="factor on map_watch_interval for maps in files"
    )
    maps: MapsConfig = option(
        section(MapsConfig, "options.maps"), MapsConfig(), doc="what holds for all maps"
    )
    maps_cache_dir: str = option(
        STRING, "", doc="directory of fetched maps; empty: maps below $DBDIR"
    )
    trusted_keys: tuple[str, ...] = option(
        list_of(STRING), (), doc="public keys that may sign maps (base32)"
    )
    neighbours: Mapping[str, Neighbour] = option(
        sections_of(Neighbour, "options.neighbours"),
        MappingProxyType({}),
        doc="the site's controllers, by name",
    )
    gtube_patterns: str = option(
        one_of("disabled", "reject", "all"),
        "reject",
        doc="which GTUBE patterns act; all also serves those for add header and rewrite subject",
    )
    enable_test_patterns: bool = option(
        BOOLEAN, False, doc="older name of gtube_patterns = all; for tests only"
    )
    dynamic_conf: str = option(
        STRING, "", doc="file of scores that Rspamd's WebUI saved; empty = $DBDIR/rspamd_dynamic"
    )
    pidfile: str = option(STRING, "", doc="file for the supervisor's process id; empty = none")
    #: The one set of local networks: both options together, Rspamd's default without them.
    local: AddressSet = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Put the two options together once; every message asks."""
        given = [found for found in (self.local_addrs, self.local_networks) if found is not None]
        local = LOOPBACK
        for networks in given or [PRIVATE]:
            local |= networks
        object.__setattr__(self, "local", local)

    def is_local(self, address: Address | str | None) -> bool:
        """Whether an address belongs to the site (loopback always does)."""
        return address in self.local


@options_class
class LoggingConfig(Section):
    """``logging``: where log lines go, which, and what they look like."""

    known: ClassVar[Mapping[str, Option]] = LOGGING
    anchor: ClassVar[str] = "configuration/logging"

    type: str = option(
        one_of("console", "file", "syslog", "journal", "journald"),
        "console",
        doc="where log lines go; journal and journald: systemd's journal, with fields",
    )
    level: str = option(
        one_of(*LEVELS),
        "info",
        doc="least severity that is logged, as a word or as syslog's number; silent: info until"
        " the workers begin, then notice",
    )
    filename: str = option(STRING, "", doc="log file, for type = file")
    facility: str = option(STRING, "mail", doc="syslog facility, for type = syslog")
    systemd: bool = option(BOOLEAN, False, doc="leave time stamps to the journal")
    debug_modules: tuple[str, ...] = option(WORDS, (), doc="parts that log at debug level")
    debug_ip: AddressSet | None = option(
        nullable(ADDRESSES), None, doc="clients whose messages are logged at debug level"
    )
    log_format: str = option(LOG_FORMAT, DEFAULT, doc="template of the line about a message")
    log_json: bool = option(BOOLEAN, False, doc="log lines as JSON objects")
    log_color: bool = option(
        BOOLEAN, False, aliases=("color",), doc="colours where lines go to a terminal"
    )
    log_severity: bool = option(BOOLEAN, False, doc="name the severity in each line")
    log_usec: bool = option(BOOLEAN, False, doc="microseconds in time stamps")
    log_urls: bool = option(BOOLEAN, False, doc="log every URL of a message (the first 100)")
    max_log_tag_len: int = option(
        at_least(INTEGER, 0), 0, doc="longest tag of a message in a line; 0: as it is"
    )
    task_max_elts: int = option(
        at_least(INTEGER, 0), 7, doc="entries of a list in the line about a message; 0: all"
    )
    error_elts: int = option(
        at_least(INTEGER, 0), 10, doc="errors of one process kept for the WebUI"
    )
    error_maxlen: int = option(at_least(INTEGER, 1), 1000, unit="bytes", doc="longest of them")


@options_class
class ActionsConfig(Section):
    """``actions``: the score from which each action is taken; ``None`` (null) switches it off."""

    anchor: ClassVar[str] = "configuration/metrics"

    reject: float | None = option(nullable(NUMBER), 15.0, doc="refuse the message with 554")
    rewrite_subject: float | None = option(
        nullable(NUMBER), None, aliases=("rewrite subject",), doc="put the subject into a template"
    )
    add_header: float | None = option(
        nullable(NUMBER), 6.0, aliases=("add header",), doc="mark the message: X-Spam: Yes"
    )
    greylist: float | None = option(nullable(NUMBER), 4.0, doc="delay mail of unknown senders")
    soft_reject: float | None = option(
        nullable(NUMBER), None, aliases=("soft reject",), doc="answer 451"
    )
    discard: float | None = option(nullable(NUMBER), None, doc="accept and throw away")
    quarantine: float | None = option(nullable(NUMBER), None, doc="hold in the MTA's hold queue")
    subject: str = option(
        STRING, "***SPAM*** %s", doc="template of a rewritten subject; %s = the old one, %d = score"
    )
    grow_factor: float = option(
        NUMBER, 1.0, doc="factor on a score above zero that follows another; 1 or less: none"
    )
    unknown_weight: float = option(
        NUMBER, 0.0, doc="score of a symbol that only the site names, without a score"
    )

    #: Configuration name -> Rspamd's name on the wire.
    wire_names: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "discard": "discard",
            "reject": "reject",
            "quarantine": "quarantine",
            "soft_reject": "soft reject",
            "rewrite_subject": "rewrite subject",
            "add_header": "add header",
            "greylist": "greylist",
        }
    )

    def thresholds(self) -> tuple[tuple[str, float], ...]:
        """(wire name, score) of every action that is on, highest score first."""
        on = ((wire, getattr(self, name)) for name, wire in self.wire_names.items())
        return tuple(sorted((pair for pair in on if pair[1] is not None), key=lambda p: -p[1]))


@options_class
class SymbolConfig(Section):
    """``symbols { "NAME" { ... } }``: what a site says about a symbol; None = the check's own."""

    known: ClassVar[Mapping[str, Option]] = SYMBOL
    anchor: ClassVar[str] = "configuration/metrics"

    score: float | None = option(NUMBER, None, doc="score of the symbol", aliases=("weight",))
    description: str | None = option(STRING, None, doc="what the symbol means")
    one_shot: bool | None = option(BOOLEAN, None, doc="count only once in a message")
    nshots: int | None = option(at_least(INTEGER, 1), None, doc="count at most so many times")
    groups: tuple[str, ...] = option(WORDS, (), doc="further groups", aliases=("group",))
    enabled: bool | None = option(BOOLEAN, None, doc="whether the check runs")


@options_class
class GroupConfig(Section):
    """``group "NAME" { ... }``: what a site says about a group of symbols."""

    known: ClassVar[Mapping[str, Option]] = GROUP
    anchor: ClassVar[str] = "configuration/metrics"

    max_score: float | None = option(NUMBER, None, doc="most its symbols may add together")
    enabled: bool = option(BOOLEAN, True, doc="whether its checks run")
    disabled: bool = option(BOOLEAN, False, doc="the opposite of enabled")
    one_shot: bool | None = option(BOOLEAN, None, doc="default of its symbols' one_shot")
    symbols: Mapping[str, SymbolConfig] = option(
        sections_of(SymbolConfig, "symbols"),
        MappingProxyType({}),
        key="symbols",
        aliases=("symbol",),
        doc="its symbols",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One loaded configuration. Nothing in it changes; a reload makes a new one."""

    options: OptionsConfig = field(default_factory=OptionsConfig)
    logging: LoggingConfig = field(default_factory=LoggingConfig)
    actions: ActionsConfig = field(default_factory=ActionsConfig)
    #: Every worker section in order of writing, also those that are switched off.
    workers: tuple[WorkerConfig, ...] = ()
    groups: Mapping[str, GroupConfig] = field(default_factory=lambda: MappingProxyType({}))
    #: Every symbol a site says something about, in a group or not.
    symbols: Mapping[str, SymbolConfig] = field(default_factory=lambda: MappingProxyType({}))
    composites: Mapping[str, CompositeConfig] = field(default_factory=lambda: MappingProxyType({}))
    #: Rules by name, in order of writing.
    settings: Mapping[str, SettingsRule] = field(default_factory=lambda: MappingProxyType({}))
    #: None when no server is named.
    redis: RedisConfig | None = None
    #: The bound options of each module that has a schema, by section name.
    modules: Mapping[str, Section] = field(default_factory=lambda: MappingProxyType({}))
    #: Sections with ``enabled = false``; every module has that option without declaring it.
    disabled_modules: frozenset[str] = frozenset()
    #: The UCL of each module section, for whoever needs what its schema does not say.
    raw_modules: Mapping[str, UclObject] = field(default_factory=lambda: MappingProxyType({}))
    #: The whole parsed tree, for ``configdump``.
    tree: UclObject = field(default_factory=UclObject)
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: Every file that was read, in order of reading.
    files: tuple[str, ...] = ()
    #: Warnings and notes; errors raise ``ConfigError`` instead.
    findings: tuple[Finding, ...] = ()

    def is_enabled(self, module: str) -> bool:
        """Whether a module's section leaves it on (``enabled = false`` switches it off)."""
        return module not in self.disabled_modules

    @property
    def proxies(self) -> tuple[ProxyConfig, ...]:
        """The proxy workers that are to run."""
        return tuple(w for w in self.workers if isinstance(w, ProxyConfig) and w.active)

    @property
    def scanners(self) -> tuple[NormalConfig, ...]:
        """The normal workers that are to run."""
        return tuple(w for w in self.workers if isinstance(w, NormalConfig) and w.active)

    @property
    def controllers(self) -> tuple[ControllerConfig, ...]:
        """The controllers that are to run."""
        return tuple(w for w in self.workers if isinstance(w, ControllerConfig) and w.active)

    @property
    def fuzzy_storages(self) -> tuple[FuzzyConfig, ...]:
        """The fuzzy storages that are to run."""
        return tuple(w for w in self.workers if isinstance(w, FuzzyConfig) and w.active)
