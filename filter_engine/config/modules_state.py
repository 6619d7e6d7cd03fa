"""Which modules run, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping

from filter_engine.config.layers import Layers
from filter_engine.config.model import Config
from filter_engine.config.redis import SERVER_LISTS
from filter_engine.config.sections import FOREIGN_MODULES
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.nodes import UclNode


@frozen
class ModulesState:
    """Every module of this engine or of Rspamd, in one of four lists.

    The text of a module is the reason or the place (``local.d/spf.conf:1``).
    """

    enabled: tuple[str, ...]
    #: ``enabled = false`` was written.
    disabled_explicitly: Mapping[str, str]
    #: Something is missing that it cannot do without.
    disabled_unconfigured: Mapping[str, str]
    #: Rspamd's modules that this engine does not have.
    not_served: Mapping[str, str]

    def as_dict(self) -> dict[str, object]:
        """The state for JSON."""
        return {
            "enabled": list(self.enabled),
            "disabled_explicitly": dict(self.disabled_explicitly),
            "disabled_unconfigured": dict(self.disabled_unconfigured),
            "not_served": dict(self.not_served),
        }


def modules_state(config: Config) -> ModulesState:
    """The state of every module under ``config``, names in alphabetical order."""
    layers = Layers(config.variables)
    enabled: list[str] = []
    off: dict[str, str] = {}
    unconfigured: dict[str, str] = {}
    for name, section in sorted(config.modules.items()):
        raw = config.raw_modules.get(name)
        if not config.is_enabled(name):
            written = None if raw is None else raw.get("enabled")
            off[name] = "" if written is None else layers.shown(layers.origin(written))
        elif section.needs_section and raw is None:
            unconfigured[name] = "no section: nobody asks for it"
        elif section.needs_redis and not has_redis(config, name):
            unconfigured[name] = "no Redis: write redis { servers = ... }"
        else:
            enabled.append(name)
    not_served = {
        name: _configured(config, name, layers)
        for name in sorted(FOREIGN_MODULES.difference(config.modules))
    }
    return ModulesState(tuple(enabled), off, unconfigured, not_served)


def has_redis(config: Config, module: str) -> bool:
    """Whether a module finds servers, in its own section or in ``redis { }``."""
    raw = config.raw_modules.get(module)
    if raw is not None and any(key in raw for key in (*SERVER_LISTS, "redis")):
        return True
    return config.redis is not None and module not in config.redis.disabled_modules


def _configured(config: Config, name: str, layers: Layers) -> str:
    """Where a site writes about a module that is not served."""
    raw = config.raw_modules.get(name)
    if raw is None:
        return ""
    first: UclNode = next(iter(raw.entries.values()))[0]
    return f"configured at {layers.shown(layers.origin(first))}"
