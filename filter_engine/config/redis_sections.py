"""Which sections of a configuration name Redis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from filter_engine.config.model import Config
from filter_engine.config.redis import RedisConfig
from filter_engine.config.schema import Section, options_of
from filter_engine.config.workers import FuzzyConfig


def redis_sections(config: Config) -> Iterator[tuple[str, RedisConfig | FuzzyConfig]]:
    """(name, section) of each that has options of Redis, of what is switched on."""
    if config.redis is not None:
        yield "redis", config.redis
    for module, section in config.modules.items():
        if config.is_enabled(module):
            yield from _inside(section, module)
    for worker in config.workers:
        if isinstance(worker, FuzzyConfig) and worker.active:
            yield "worker 'fuzzy'", worker


def _inside(section: Section, name: str) -> Iterator[tuple[str, RedisConfig]]:
    if getattr(section, "enabled", True) is False:
        return
    if isinstance(section, RedisConfig):
        yield name, section
    for made in options_of(type(section)):
        value = getattr(section, made.attribute)
        if isinstance(value, Section):
            yield from _inside(value, f"{name}.{made.key}")
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                if isinstance(inner, Section):
                    yield from _inside(inner, f"{name} {key!r}")
