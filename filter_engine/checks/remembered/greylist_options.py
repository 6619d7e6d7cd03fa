"""The options of greylisting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from filter_engine.checks.services.options import SECONDS
from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    SIZE,
    STRING,
    at_least,
    list_of,
    nullable,
)
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.redis import ModuleRedis
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Binder, Kind, MisfitError, Option, option
from filter_engine.scan.declare import Symbol
from filter_engine.scan.verdict import Action
from filter_engine.ucl.nodes import UclNode

GROUPS: Final = ("greylist",)


def _action(nodes: list[UclNode], binder: Binder) -> str:
    text = STRING.convert(nodes, binder)
    try:
        return Action.parse(text).value
    except ValueError:
        known = ", ".join(action.value for action in Action)
        raise MisfitError(f"{text!r} is no action", f"known: {known}") from None


ACTION: Final[Kind[str]] = Kind("action", _action)
"""The name of an action, as ``Action.parse`` takes it."""


@options_class
class GreylistOptions(ModuleRedis):
    """Mail that may be spam waits once, unless its sender or its text has waited before."""

    anchor: ClassVar[str] = "modules/greylist"
    known: ClassVar[Mapping[str, Option]] = unserved("greylist")
    retired: ClassVar[Mapping[str, str]] = {"exclude_pattern": "write a rule of multimap"}
    has_own_timeout: ClassVar[bool] = True

    timeout: float = option(SECONDS, 300.0, unit="seconds", doc="how long a new sender waits")
    expire: float = option(
        SECONDS, 86_400.0, unit="seconds", doc="how long a sender or text is known"
    )
    pass_expire: float | None = option(
        nullable(SECONDS),
        None,
        unit="seconds",
        doc="the same once it has passed; default: expire",
    )
    key_prefix: str = option(STRING, "rg", doc="put before the keys in Redis")
    max_data_len: int = option(SIZE, 10_240, unit="bytes", doc="of the body that are compared")
    message: str = option(STRING, "Try again later", doc="reply")
    report_time: bool = option(BOOLEAN, False, doc="tell in the reply when to come back")
    symbol: str = option(STRING, "GREYLIST", doc="symbol for mail that waits")
    action: str = option(ACTION, "soft reject", doc="action of mail that waits")
    greylist_min_score: float | None = option(
        nullable(NUMBER), None, doc="score from which mail waits; default: the action's own"
    )
    ipv4_mask: int = option(at_least(INTEGER, 0), 19, unit="bits", doc="of IPv4 that count")
    ipv6_mask: int = option(at_least(INTEGER, 0), 64, unit="bits", doc="of IPv6 that count")
    whitelist_symbols: tuple[str, ...] = option(
        list_of(STRING), (), doc="symbols whose mail does not wait"
    )
    whitelist_domains_url: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="names of clients, or their domains, whose mail does not wait"
    )
    whitelisted_ip: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="clients whose mail does not wait"
    )
    check_local: bool = option(BOOLEAN, False, doc="also for clients in local_networks")
    check_authed: bool = option(BOOLEAN, False, doc="also for clients that logged in")
    awl_enable: bool = option(
        BOOLEAN, False, doc="clients whose mail has passed often do not wait; not in Rspamd"
    )
    awl_hits: int = option(at_least(INTEGER, 1), 10, doc="how often it must have passed")
    awl_ttl: float = option(
        SECONDS, 3600.0, unit="seconds", doc="how long a client is listed after it last passed"
    )


def symbols_of_options(options: GreylistOptions) -> Iterator[Symbol]:
    """The symbol under a site's own name."""
    if options.symbol != "GREYLIST":
        yield Symbol(options.symbol, 0.0, "The mail is new and waits", GROUPS)
