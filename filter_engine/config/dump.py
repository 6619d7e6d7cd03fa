"""The effective configuration as UCL: every option with its value, defaults included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from filter_engine.config.addresses import AddressSet
from filter_engine.config.model import Config
from filter_engine.config.schema import Section, options_of
from filter_engine.config.sockets import SystemdSocket, TcpSocket, UnixSocket
from filter_engine.config.upstreams import UpstreamList
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar

HIDDEN = "(hidden)"
"""What is shown instead of a secret that is set."""


def dump(config: Config, *, show_secrets: bool = False) -> UclObject:
    """The whole configuration under the names a site would write."""
    top: dict[str, list[UclNode]] = {
        "options": [_section(config.options, show_secrets)],
        "logging": [_section(config.logging, show_secrets)],
        "actions": [_section(config.actions, show_secrets)],
        "worker": [
            UclObject({worker.kind: [_section(worker, show_secrets)]}) for worker in config.workers
        ],
    }
    if config.groups:
        top["group"] = [_value(config.groups, show_secrets)]
    if config.symbols:
        top["symbols"] = [_value(config.symbols, show_secrets)]
    if config.redis is not None:
        top["redis"] = [_section(config.redis, show_secrets)]
    for name, section in sorted(config.modules.items()):
        node = _section(section, show_secrets)
        node.entries.setdefault("enabled", [UclScalar(config.is_enabled(name))])
        top[name] = [node]
    for name, raw in sorted(config.raw_modules.items()):
        top.setdefault(name, [raw])
    return UclObject({name: values for name, values in top.items() if values})


def _section(section: Section, show_secrets: bool) -> UclObject:
    entries: dict[str, list[UclNode]] = {}
    for declared in options_of(type(section)):
        value = getattr(section, declared.attribute)
        if value is None and declared.attribute not in section.origins:
            continue  # nothing set, nothing by default
        if declared.secret and value and not show_secrets:
            value = HIDDEN
        entries[declared.key] = [_value(value, show_secrets)]
    return UclObject(entries)


def _value(value: Any, show_secrets: bool) -> UclNode:
    if isinstance(value, (UclScalar, UclArray, UclObject)):
        return value
    if value is None or isinstance(value, (bool, int, float)):
        return UclScalar(value)
    if isinstance(value, (str, UpstreamList, TcpSocket, UnixSocket, SystemdSocket)):
        return UclScalar(str(value), style='"')
    if isinstance(value, AddressSet):
        return UclArray([UclScalar(str(network), style='"') for network in value])
    if isinstance(value, Section):
        return _section(value, show_secrets)
    if isinstance(value, Mapping):
        return UclObject({str(key): [_value(item, show_secrets)] for key, item in value.items()})
    if isinstance(value, (tuple, list, frozenset)):
        return UclArray([_value(item, show_secrets) for item in value])
    return UclScalar(str(value), style='"')
