"""Loading: find the tree, parse its layers, bind them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from filter_engine.config import dynamic
from filter_engine.config.bind_symbols import bind_groups
from filter_engine.config.bind_workers import bind_workers
from filter_engine.config.collector import Collector
from filter_engine.config.composites import bind_composites
from filter_engine.config.declared_files import declared_files
from filter_engine.config.findings import ConfigError, Finding, Severity
from filter_engine.config.kinds import BOOLEAN, merged_object
from filter_engine.config.layers import Layers, strength
from filter_engine.config.metric import with_metric
from filter_engine.config.model import (
    ActionsConfig,
    Config,
    LoggingConfig,
    OptionsConfig,
    RedisConfig,
)
from filter_engine.config.origin import Layer
from filter_engine.config.schema import MisfitError, Section, bind, bind_known, options_of
from filter_engine.config.sections import FOREIGN, OWN
from filter_engine.config.settings import bind_settings
from filter_engine.config.unread_files import unread_files
from filter_engine.config.variables import MAIN_FILE, build_variables
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.document import Document, parse_file
from filter_engine.ucl.errors import UclError
from filter_engine.ucl.near import closest
from filter_engine.ucl.nodes import NOWHERE, UclNode, UclObject

S = TypeVar("S", bound=Section)


@frozen
class Inspection:
    """What ``inspect`` found: the findings, and the configuration if it can be used."""

    config: Config | None
    findings: tuple[Finding, ...]


def load(
    main_file: Path | str | None = None,
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    modules: Mapping[str, type[Section]] | None = None,
    groups: Iterable[str] = (),
) -> Config:
    """Read the configuration and bind it.

    ``main_file`` None means the shipped one, which includes the site's ``local.d`` and
    ``override.d``. ``variables`` are those of ``--var``; ``environ`` is the process environment
    (default: the real one), whose ``RSPAMD_*`` variables templates see as ``env``. ``modules``
    maps a section name to the schema of the check module that owns it; ``groups`` are the groups of
    symbols that the checks declare. Each of both has its file in ``local.d`` and ``override.d``.

    Raises ``ConfigError`` with every finding when anything in it is an error.
    """
    found = inspect(main_file, variables, environ, modules=modules, groups=groups)
    if found.config is None:
        raise ConfigError(found.findings)
    return found.config


def inspect(
    main_file: Path | str | None = None,
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    modules: Mapping[str, type[Section]] | None = None,
    groups: Iterable[str] = (),
) -> Inspection:
    """As ``load``, but return the findings also when they are errors. Raises nothing."""
    all_variables = build_variables(variables or {})
    arguments = _Arguments(
        main_file or Path(all_variables["CONFDIR"], MAIN_FILE),
        all_variables,
        os.environ if environ is None else environ,
        modules or {},
        tuple(groups),
    )
    directory = all_variables["DBDIR"]
    unusable = dynamic.unreadable(directory, dynamic.known_files(arguments.modules, groups))
    found = _inspect(arguments, unusable)
    layers = Layers(all_variables)
    faults = {
        f.file: f"line {f.line}: {f.message}"
        for f in found.findings
        if f.severity is Severity.ERROR and layers.of(f.file) is Layer.DYNAMIC
    }
    return _inspect(arguments, unusable | faults) if faults else found


@frozen
class _Arguments:
    """What ``inspect`` was asked for."""

    main_file: Path | str
    variables: Mapping[str, str]
    environ: Mapping[str, str]
    modules: Mapping[str, type[Section]]
    groups: tuple[str, ...]


def _inspect(asked: _Arguments, unusable: Mapping[str, str]) -> Inspection:
    """``inspect``, as if the files ``unusable`` (path -> why) of the dynamic layer were empty."""
    collector = Collector(Layers(asked.variables))
    errors: list[UclError] = []
    document: Document | None = None
    derived = declared_files(asked.variables["CONFDIR"], asked.modules, asked.groups)
    try:
        document = parse_file(
            asked.main_file,
            variables=asked.variables,
            environ=asked.environ,
            texts={**derived, **dict.fromkeys(unusable, "")},
            errors=errors,
        )
    except UclError as error:
        errors.append(error)
    for fault in errors:
        collector.syntax(fault)
    if document is None:
        return Inspection(None, collector.findings)
    for note in document.notes:
        collector.odd(note)
    unusable = {
        **unusable,
        **dynamic.add_rspamds(document.root, asked.variables["DBDIR"], unusable),
        **_add_shared(document.root, asked.variables["DBDIR"], unusable),
    }
    for finding in dynamic.left_out(unusable):
        collector.add(finding)
    config = _bind(document, asked.variables, collector, asked.modules)
    for finding in unread_files(document, asked.variables):
        collector.add(finding)
    findings = collector.findings
    if any(finding.severity is Severity.ERROR for finding in findings):
        return Inspection(None, findings)
    return Inspection(replace(config, findings=findings), findings)


def _add_shared(root: UclObject, dbdir: str, unusable: Mapping[str, str]) -> Mapping[str, str]:
    """``add_shared``, which few sites load."""
    if not any(isinstance(n, UclObject) and n.entries for n in root.values("dynamic_conf")):
        return {}
    from filter_engine.config.dynamic_conf import add_shared

    return add_shared(root, dbdir, unusable)


def _bind(
    document: Document,
    variables: Mapping[str, str],
    collector: Collector,
    modules: Mapping[str, type[Section]],
) -> Config:
    root = document.root
    _check_sections(root, collector, modules)
    options = _options(root, collector)
    groups, symbols = bind_groups(root, collector)
    raw = {name: _section(root, name) for name in root if name not in OWN}
    redis = _bind_section(RedisConfig, root, "redis", collector)
    disabled = frozenset(n for n, node in raw.items() if not _is_enabled(n, node, collector))
    return Config(
        options=options,
        logging=_bind_section(LoggingConfig, root, "logging", collector),
        actions=_bind_section(ActionsConfig, with_metric(root, collector), "actions", collector),
        workers=bind_workers(root, collector),
        groups=groups,
        symbols=symbols,
        composites=bind_composites(root, collector),
        settings=bind_settings(root, collector),
        redis=redis if redis.is_set else None,
        modules=MappingProxyType(
            {name: _bind_module(schema, root, name, collector) for name, schema in modules.items()}
        ),
        disabled_modules=disabled,
        raw_modules=MappingProxyType({name: node for name, node in raw.items() if node}),
        tree=root,
        variables=MappingProxyType(dict(variables)),
        files=document.files,
    )


def _section(root: UclObject, name: str) -> UclObject:
    """A top-level section, several of one name as one; empty when absent or no section."""
    nodes = root.values(name)
    if not nodes:
        return UclObject(origin=NOWHERE)
    try:
        return merged_object(nodes)
    except MisfitError:
        return UclObject(origin=nodes[0].origin)


def _bind_section(
    cls: type[S], root: UclObject, name: str, collector: Collector, also: Iterable[str] = ()
) -> S:
    nodes = root.values(name)
    try:
        node = merged_object(nodes) if nodes else UclObject(origin=NOWHERE)
    except MisfitError as misfit:
        collector.report(
            Severity.ERROR, "wrong-type", misfit.node or nodes[0], f"{name}: {misfit}", misfit.hint
        )
        node = UclObject(origin=NOWHERE)
    return bind(cls, node, collector, name, also=also)


def _bind_module(cls: type[S], root: UclObject, name: str, collector: Collector) -> S:
    """A module's section; ``enabled``, which every module has, need not be in its schema."""
    if any(declared.key == "enabled" for declared in options_of(cls)):
        return _bind_section(cls, root, name, collector)
    nodes = [_without_enabled(node) for node in root.values(name)]
    root = UclObject({name: nodes} if nodes else {})
    return _bind_section(cls, root, name, collector, ("enabled",))


def _without_enabled(node: UclNode) -> UclNode:
    """``enabled`` is read, and checked, for all modules alike (``_is_enabled``)."""
    if not isinstance(node, UclObject):
        return node
    rest = {key: values for key, values in node.entries.items() if key != "enabled"}
    return UclObject(rest, node.origin, priority=node.priority)


def _is_enabled(name: str, node: UclObject, collector: Collector) -> bool:
    values = node.all("enabled")
    if not values:
        return True
    try:
        return BOOLEAN.convert(values, collector)
    except MisfitError as misfit:
        collector.report(
            Severity.ERROR, "wrong-type", values[0], f"{name}.enabled: {misfit}", misfit.hint
        )
        return True


def _options(root: UclObject, collector: Collector) -> OptionsConfig:
    options = _bind_section(OptionsConfig, root, "options", collector)
    if options.local_addrs is None or options.local_networks is None:
        return options
    addrs = options.origin("local_addrs")
    networks = options.origin("local_networks")
    if addrs.layer is Layer.SHIPPED and strength(networks.layer) > strength(addrs.layer):
        return replace(options, local_addrs=None)
    if networks.layer is Layer.SHIPPED and strength(addrs.layer) > strength(networks.layer):
        return replace(options, local_networks=None)
    collector.add(
        Finding(
            addrs.file,
            addrs.line,
            Severity.WARNING,
            "local-addrs-beside-networks",
            "local_addrs and local_networks are one option; here both count, Rspamd drops one",
            f"put all networks into local_networks ({networks})",
            addrs.column,
        )
    )
    return options


def _check_sections(
    root: UclObject, collector: Collector, modules: Mapping[str, type[Section]]
) -> None:
    """Report top-level names nobody reads."""
    names = sorted(OWN | FOREIGN | modules.keys())
    for name, values in root.entries.items():
        if name in OWN or name in modules:
            continue
        if name not in FOREIGN:
            close = closest(name, names)
            collector.report(
                Severity.WARNING,
                "unknown-section",
                values[0],
                f"unknown section {name!r}",
                f"did you mean {close[0]!r}?" if close else "",
            )
            continue
        for value in values:
            written = _first_of_site(value, collector)
            if written is not None:
                collector.report(
                    Severity.INFO,
                    "not-served",
                    written,
                    f"section {name!r} is Rspamd's; this engine does not serve it yet",
                )
                _check_unserved(name, root, collector)
                break


def _check_unserved(name: str, root: UclObject, collector: Collector) -> None:
    """Names and types of a section that a site wrote for Rspamd's sake."""
    # a site without such sections does not load the schemas of some fifty modules
    from filter_engine.config.rspamd import find

    schema = find(name)
    if schema is None:
        return
    try:
        section = merged_object([_without_enabled(node) for node in root.values(name)])
        bind_known(schema, section, collector, name)
    except MisfitError as misfit:
        at = misfit.node or root.values(name)[0]
        collector.report(Severity.WARNING, "wrong-type", at, f"{name}: {misfit}", misfit.hint)


def _first_of_site(node: UclNode, collector: Collector) -> UclNode | None:
    """The first value under ``node`` that is not shipped."""
    if isinstance(node, UclObject):
        for values in node.entries.values():
            for value in values:
                found = _first_of_site(value, collector)
                if found is not None:
                    return found
        return None
    return None if collector.origin(node).layer is Layer.SHIPPED else node
