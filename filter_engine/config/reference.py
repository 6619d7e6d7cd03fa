"""Every section of the configuration with its options, for documentation and comparisons.

All of it is derived from the schemas; nothing is stated here but which file holds which section.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from types import MappingProxyType

from filter_engine.config import declared, rspamd
from filter_engine.config.annotate import DOCUMENTATION, described
from filter_engine.config.declared import CORE, NAME, CoreSection, Modules
from filter_engine.config.declared_files import module_file
from filter_engine.config.effective import value_node
from filter_engine.config.schema import REST, Option, Schema, Section, options_of
from filter_engine.lazy_dataclass import frozen


@frozen
class OptionReference:
    """One option; ``path`` is dotted; in a ``SectionReference`` it starts inside that section."""

    path: str
    option: Option

    @property
    def type(self) -> str:
        """The name of its type."""
        return self.option.kind.name

    @property
    def default(self) -> str:
        """The default in one line, empty where there is none."""
        value = self.option.default
        if value is None or self.option.kind.inner is not None:
            return ""
        return described(value_node(value), self.option.unit)


@frozen
class SectionReference:
    """One section: where a site writes it, what is served there, and what only Rspamd serves."""

    name: str
    #: Its file in ``local.d`` and ``override.d``.
    file: str
    #: Full address of Rspamd's page about it; empty for what Rspamd does not have.
    page: str
    doc: str
    options: tuple[OptionReference, ...] = ()
    unserved: tuple[OptionReference, ...] = ()
    retired: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: Whether any part of it is served.
    served: bool = True
    #: Why nothing reads it yet, though it is checked; empty for all others.
    unused: str = ""

    def option(self, path: str) -> OptionReference | None:
        """The option at a dotted path inside the section, served or not."""
        found = (made for made in (*self.options, *self.unserved) if made.path == path)
        return next(found, None)


def sections(modules: Modules | None = None) -> list[SectionReference]:
    """Core sections, then ``modules`` (name -> schema), then Rspamd's other modules, by name."""
    served = modules or {}
    found = [_served(_heading(core), core.file, core.schema) for core in CORE]
    found += [_served(name, module_file(name), cls) for name, cls in sorted(served.items())]
    for name in sorted(rspamd.NAMES - served.keys()):
        schema = rspamd.find(name)
        assert schema is not None
        found.append(_unserved(name, schema))
    return found


def find(path: str, modules: Modules | None = None) -> OptionReference | None:
    """The option of a dotted path such as ``options.dns.timeout`` or ``worker.normal.count``."""
    option = declared.find(path, modules)
    return None if option is None else OptionReference(path, option)


def _heading(core: CoreSection) -> str:
    """How a section is written: ``worker "normal"``, ``group NAME``."""
    name, _, worker = core.name.partition(".")
    if worker:
        return f'{name} "{worker}"'
    return f"{name} {NAME}" if core.named else name


def _served(name: str, file: str, cls: type[Section]) -> SectionReference:
    doc = (cls.__doc__ or "").strip().splitlines()[0].rstrip(".")
    return SectionReference(
        name,
        file,
        f"{DOCUMENTATION}{cls.anchor}" if cls.anchor else "",
        doc,
        tuple(_of_section(cls, "")),
        tuple(_known_below(cls, "")),
        cls.retired,
        unused=cls.unused,
    )


def _unserved(name: str, schema: Schema) -> SectionReference:
    return SectionReference(
        name,
        module_file(name),
        f"{DOCUMENTATION}{schema.anchor}" if schema.anchor else "",
        schema.doc,
        unserved=tuple(_of_schema(schema, "")),
        retired=schema.retired,
        served=False,
    )


def _of_section(cls: type[Section], prefix: str) -> Iterator[OptionReference]:
    for option in options_of(cls):
        inner = option.kind.inner
        path = f"{prefix}{option.key}"
        if option.key == REST:
            path = prefix.removesuffix(".")
        if isinstance(inner, type):
            below = f"{path}.{NAME}." if option.kind.named else f"{path}."
            yield from _of_section(inner, below.lstrip("."))
        else:
            yield OptionReference(path, option)


def _known_below(cls: type[Section], prefix: str) -> Iterator[OptionReference]:
    """What is not served of a section and of the served ones inside it."""
    for option in cls.known.values():
        yield from _known(option, prefix)
    for option in options_of(cls):
        inner = option.kind.inner
        if isinstance(inner, type):
            path = prefix if option.key == REST else f"{prefix}{option.key}."
            yield from _known_below(inner, f"{path}{NAME}." if option.kind.named else path)


def _known(option: Option, prefix: str) -> Iterator[OptionReference]:
    path = f"{prefix}{option.key}"
    inner = option.kind.inner
    if isinstance(inner, Schema) and (inner.options or inner.rules):
        yield from _of_schema(inner, f"{path}.{NAME}." if option.kind.named else f"{path}.")
    else:
        yield OptionReference(path, option)


def _of_schema(schema: Schema, prefix: str) -> Iterator[OptionReference]:
    for option in schema.options.values():
        yield from _known(option, prefix)
    if schema.rules is not None:
        below = f"{prefix}{schema.rules_key}." if schema.rules_key else prefix
        yield from _of_schema(schema.rules, f"{below}{NAME}.")
