"""What is said to a Redis server before anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from filter_engine.config.redis import RedisConfig
from filter_engine.scan.tls_client import client_context
from filter_engine.store.redis.codec import command

if TYPE_CHECKING:
    import ssl


class Login(NamedTuple):
    """Credentials, database and TLS of a connection. Its text shows no password."""

    username: str = ""
    password: str = ""
    db: str = ""
    tls: bool = False
    ssl_ca: str = ""
    ssl_cert: str = ""
    ssl_key: str = ""
    ssl_name: str = ""

    def __repr__(self) -> str:
        return f"Login({self.username or 'default'}, db {self.db or '0'})"

    @classmethod
    def of(cls, config: RedisConfig) -> Login:
        """The login that a section says."""
        return cls(
            config.username,
            config.password,
            config.db,
            config.ssl,
            config.ssl_ca,
            config.ssl_cert,
            config.ssl_key,
            config.ssl_name,
        )

    @classmethod
    def of_sentinels(cls, config: RedisConfig) -> Login:
        """The login at the Sentinels; they have no databases. TLS is as for the servers."""
        login = cls.of(config)
        return login._replace(
            username=config.sentinel_username, password=config.sentinel_password, db=""
        )

    def commands(self) -> list[bytes]:
        """AUTH and SELECT, as far as they are needed."""
        said = []
        if self.password:
            words = (self.username, self.password) if self.username else (self.password,)
            said.append(command(b"AUTH", *(word.encode() for word in words)))
        if self.db and self.db != "0":
            said.append(command(b"SELECT", self.db.encode()))
        return said

    def context(self) -> ssl.SSLContext | None:
        """TLS as configured, None without; raises ``ValueError`` that names an unusable file."""
        if not self.tls:
            return None
        return client_context(self.ssl_ca, self.ssl_cert, self.ssl_key)
