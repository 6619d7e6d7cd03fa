"""What a check may use while it gets ready, before processes are forked."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path

from filter_engine.config.model import Config
from filter_engine.config.redis import ModuleRedis, RedisConfig
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.maps import Maps
from filter_engine.scan.store import Place, Store

STORE_FILE = "store.sqlite"
"""The embedded store, in DBDIR."""


@frozen
class Setup:
    """Handed to ``prepare`` beside the check's own options."""

    config: Config
    maps: Maps = field(default_factory=Maps)
    """``setup.maps.of(definition, kind, where)`` gives a map; the scanner keeps it fresh."""

    def store(
        self,
        module: str,
        own: RedisConfig | None = None,
        *,
        embedded: bool | None = None,
        path: str = "",
        prefixed: bool = True,
    ) -> Store:
        """The store of a module: its ``own`` servers, else those of ``redis { }``, else SQLite.

        ``embedded`` True or False leaves no choice; without any server False raises ``ValueError``.
        ``path`` is that of SQLite, else one file in DBDIR for all. Keys get the prefix of
        ``redis { }`` unless ``prefixed`` is False.
        """
        shared = self.config.redis
        if shared is not None and module in shared.disabled_modules:
            shared = None
        where = own if own is not None and own.is_set else shared
        if where is not None and not embedded:
            # A module's own prefix is a matter of the module, which knows its keys.
            prefix = "" if where is own or not prefixed else where.prefix
            return Store(module, where, prefix.encode())
        if embedded is False:
            raise ValueError(f"{module}: no Redis: write redis {{ servers = ... }}")
        directory = self.config.variables.get("DBDIR", ".")
        return Store(module, Place(path or str(Path(directory, STORE_FILE))))

    def module_store(
        self, module: str, options: ModuleRedis, *, prefixed: bool = True
    ) -> Store | None:
        """The store of a module that does nothing without one; None where a site has none."""
        if options.backend == "sqlite":
            return self.store(module, embedded=True)
        shared = self.config.redis
        own = options.own
        if own.is_set or (shared is not None and module not in shared.disabled_modules):
            return self.store(module, own, embedded=False, prefixed=prefixed)
        return None
