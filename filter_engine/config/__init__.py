"""The configuration: layers, provenance, typed values and what is wrong with them.

``load`` reads a tree and returns a ``Config``; it raises ``ConfigError`` with every problem found.
A check module declares its options as a ``Section`` dataclass (see ``schema``) and gets them bound
as ``config.modules["name"]``.
"""

from filter_engine.config.addresses import AddressSet
from filter_engine.config.findings import ConfigError, Finding, Severity
from filter_engine.config.loader import load
from filter_engine.config.model import (
    ActionsConfig,
    Config,
    DnsConfig,
    GroupConfig,
    LoggingConfig,
    Neighbour,
    OptionsConfig,
    RedisConfig,
    SymbolConfig,
)
from filter_engine.config.origin import Layer, Origin
from filter_engine.config.schema import Option, Section, option, options_of
from filter_engine.config.sockets import BindSocket, SystemdSocket, TcpSocket, UnixSocket
from filter_engine.config.upstreams import Rotation, Upstream, UpstreamList
from filter_engine.config.workers import (
    ControllerConfig,
    FuzzyConfig,
    NormalConfig,
    ProxyConfig,
    ScanUpstream,
    WorkerConfig,
)

__all__ = [
    "ActionsConfig",
    "AddressSet",
    "BindSocket",
    "Config",
    "ConfigError",
    "ControllerConfig",
    "DnsConfig",
    "Finding",
    "FuzzyConfig",
    "GroupConfig",
    "Layer",
    "LoggingConfig",
    "Neighbour",
    "NormalConfig",
    "Option",
    "OptionsConfig",
    "Origin",
    "ProxyConfig",
    "RedisConfig",
    "Rotation",
    "ScanUpstream",
    "Section",
    "Severity",
    "SymbolConfig",
    "SystemdSocket",
    "TcpSocket",
    "UnixSocket",
    "Upstream",
    "UpstreamList",
    "WorkerConfig",
    "load",
    "option",
    "options_of",
]
