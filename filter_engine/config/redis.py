"""How Redis is reached: the section ``redis``, and the same options inside Rspamd's modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    TIME,
    list_of,
    one_of,
    section,
    upstreams,
)
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import Option, Section, declare_known, known, option, options_of
from filter_engine.config.upstreams import Rotation, UpstreamList

PORT = 6379
SENTINEL_PORT = 26379
SERVER_LISTS = ("servers", "read_servers", "write_servers", "sentinels")
"""Options that name servers."""

KNOWN = declare_known(
    redis_version=known(NUMBER, 6, doc="major version of the servers"),
    sentinel_masters_pattern=known(STRING, doc="Lua pattern of the primaries' names"),
    sentinel_master_maxerrors=known(INTEGER, 2, doc="errors until Sentinels are asked at once"),
)
"""What Rspamd has besides."""


@options_class
class RedisConfig(Section):
    """``redis { ... }``, for all modules or inside one: servers and credentials."""

    known: ClassVar[Mapping[str, Option]] = KNOWN
    anchor: ClassVar[str] = "configuration/redis"

    servers: UpstreamList | None = option(
        upstreams(PORT, Rotation.MASTER_SLAVE),
        None,
        doc="Redis for reading and writing",
        aliases=("server",),
    )
    read_servers: UpstreamList | None = option(
        upstreams(PORT, Rotation.MASTER_SLAVE), None, doc="Redis for reading; default: servers"
    )
    write_servers: UpstreamList | None = option(
        upstreams(PORT, Rotation.MASTER_SLAVE), None, doc="Redis for writing; default: servers"
    )
    sentinels: UpstreamList | None = option(
        upstreams(SENTINEL_PORT), None, doc="Sentinels that know the primary"
    )
    sentinel_master_name: str = option(STRING, "", doc="name of the primary at the Sentinels")
    sentinel_username: str = option(STRING, "", doc="user at the Sentinels (ACL)")
    sentinel_password: str = option(STRING, "", secret=True, doc="password of the Sentinels")
    sentinel_watch_time: float = option(
        TIME, 60.0, unit="seconds", doc="how often Sentinels are asked while all is well"
    )
    username: str = option(STRING, "", doc="Redis user (ACL)")
    password: str = option(STRING, "", secret=True, doc="Redis password")
    db: str = option(STRING, "", doc="number of the database", aliases=("dbname", "database"))
    prefix: str = option(STRING, "", doc="put before every key")
    expand_keys: bool = option(
        BOOLEAN, False, doc="put values in for ${ip} and the like in the keys of multimap's maps"
    )
    timeout: float = option(TIME, 1.0, unit="seconds", doc="time for one command")
    ssl: bool = option(BOOLEAN, False, doc="TLS to the servers and Sentinels; not in Rspamd")
    ssl_ca: str = option(STRING, "", doc="file of the authorities; default: the system's")
    ssl_cert: str = option(STRING, "", doc="file of the client's certificate")
    ssl_key: str = option(STRING, "", doc="file of its key; default: in ssl_cert")
    ssl_name: str = option(STRING, "", doc="name in the servers' certificates; default: the host")
    disabled_modules: tuple[str, ...] = option(
        list_of(STRING), (), doc="modules that must not use this Redis"
    )

    @property
    def is_set(self) -> bool:
        """Whether any server is named."""
        return bool(self.reading or self.writing or self.sentinels)

    @property
    def reading(self) -> UpstreamList | None:
        """Where to read: ``read_servers``, else ``servers``, else ``write_servers``."""
        return self.read_servers or self.servers or self.write_servers

    @property
    def writing(self) -> UpstreamList | None:
        """Where to write: ``write_servers``, else ``servers``."""
        return self.write_servers or self.servers


@options_class
class ModuleRedis(RedisConfig):
    """The servers of one module: in its own section, in ``redis { }`` there, else those of all.

    A module whose ``timeout`` is something else sets ``has_own_timeout``.
    """

    needs_redis: ClassVar[bool] = True
    has_own_timeout: ClassVar[bool] = False

    redis: RedisConfig = option(
        section(RedisConfig, "redis"), RedisConfig(), doc="servers of this module"
    )
    backend: str = option(
        one_of("", "redis", "sqlite"),
        "",
        doc="sqlite remembers in the store of this host; default: Redis, without it nothing",
    )

    @property
    def own(self) -> RedisConfig:
        """The servers that the module itself names."""
        if self.redis.is_set:
            return self.redis
        left_out = {"timeout"} if self.has_own_timeout else set()
        return RedisConfig(
            **{
                made.attribute: getattr(self, made.attribute)
                for made in options_of(RedisConfig)
                if made.attribute not in left_out
            }
        )


def module_options() -> Mapping[str, Option]:
    """The same options as they stand in a module's own section, none of them served."""
    own = {
        made.key: replace(made, served=False, default=made.default or None)
        for made in options_of(RedisConfig)
        if made.key != "disabled_modules"
    }
    return MappingProxyType({**own, **KNOWN})
