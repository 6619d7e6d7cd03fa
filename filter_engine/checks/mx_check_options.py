"""Options and symbols of the module mx_check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from filter_engine.checks.services.options import SECONDS
from filter_engine.config.kinds import BOOLEAN, INTEGER, STRING, at_least
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, option
from filter_engine.scan.declare import Symbol

_PREFIXES: Final = ("", "REPLYTO_", "MIME_FROM_")
_GROUPS: Final = ("mx",)
_RULE: Final = "MX_INVALID"
"""The symbol that stands for the whole module in settings, as in Rspamd."""
_OUTCOMES: Final = (
    (_RULE, 3.0, "The MX takes connections and does not speak SMTP"),
    ("MX_GOOD", -0.01, "The MX takes connections"),
    ("MX_REFUSED", 1.0, "The MX refuses connections"),
    ("MX_TIMEOUT_CONNECT", 0.5, "The MX does not take connections in time"),
    ("MX_TIMEOUT_READ", 0.0, "The MX takes connections and gives no greeting in time"),
    ("MX_ERROR", 0.5, "The MX greets with an error"),
    ("MX_A_GOOD", 0.0, "Without MX: the domain's own address takes connections"),
    ("MX_A_REFUSED", 2.0, "Without MX: the domain's own address refuses connections"),
    ("MX_A_TIMEOUT_CONNECT", 1.0, "Without MX: the domain's own address does not answer"),
    ("MX_A_TIMEOUT_READ", 0.0, "Without MX: the domain's own address gives no greeting"),
    ("MX_A_ERROR", 1.0, "Without MX: the domain's own address greets with an error"),
    ("MX_A_INVALID", 3.0, "Without MX: the domain's own address does not speak SMTP"),
    ("MX_WHITE", -0.1, "The domain or its MX is trusted"),
    ("MX_NONE", 4.0, "The domain has neither MX nor address"),
    ("MX_NULL", 6.0, "The domain takes no mail: a null MX"),
    ("MX_BROKEN", 4.0, "No MX of the domain has an address"),
    ("MX_DNS_FAIL", 0.0, "DNS does not tell the MX just now"),
    ("MX_LOCAL_ONLY", 3.0, "The MX has private addresses only"),
    ("MX_LOCAL_MIX", 3.0, "The MX has private addresses among others"),
    ("MX_BOGON_ONLY", 8.0, "The MX has only addresses that nobody can reach"),
    ("MX_BOGON_MIX", 5.0, "The MX has addresses that nobody can reach among others"),
    ("MX_SKIP", 0.0, "exclude_ips names all addresses of the MX"),
    ("MX_BAD", 6.0, "bad_mxs names the MX"),
    ("MX_IP_BAD", 6.0, "bad_ips names an address of the MX"),
)


def _symbols(prefix: str) -> Iterator[Symbol]:
    for name, score, text in _OUTCOMES:
        yield Symbol(f"{prefix}{name}", score, text, _GROUPS, one_shot=True, rule=_RULE)


SYMBOLS: Final = tuple(symbol for prefix in _PREFIXES for symbol in _symbols(prefix))


@options_class
class MxCheckOptions(Section):
    """Whether the sender's domain can take mail, by DNS and by connecting to its MX."""

    check_from: bool = option(BOOLEAN, True, doc="look at the envelope sender, else at HELO")
    check_mime_from: bool = option(BOOLEAN, True, doc="look at From")
    check_reply_to: bool = option(BOOLEAN, True, doc="look at Reply-To")
    check_authorized: bool = option(BOOLEAN, False, doc="also for clients that logged in")
    check_local: bool = option(BOOLEAN, False, doc="also for clients in local_networks")
    symbol_prefix_from: str = option(STRING, "", doc="put before symbols of the envelope sender")
    symbol_prefix_mime_from: str = option(STRING, "MIME_FROM_", doc="put before symbols of From")
    symbol_prefix_reply_to: str = option(STRING, "REPLYTO_", doc="put before symbols of Reply-To")
    probe_ipv4: bool = option(BOOLEAN, True, doc="look up IPv4 addresses")
    probe_ipv6: bool = option(BOOLEAN, False, doc="look up IPv6 addresses")
    port: int = option(INTEGER, 25, doc="port that is tried")
    connect_timeout: float = option(
        SECONDS, 2.0, unit="seconds", doc="how long connecting may take", aliases=("timeout",)
    )
    read_timeout: float = option(SECONDS, 5.0, unit="seconds", doc="how long a greeting may take")
    verify_greeting: bool = option(
        BOOLEAN, False, doc="a connection alone is not enough", aliases=("wait_for_greeting",)
    )
    send_quit: bool = option(BOOLEAN, False, doc="say QUIT before closing")
    max_mx_a_records: int = option(at_least(INTEGER, 1), 3, doc="MX hosts that are looked up")
    exclude_domains: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="domains that are not looked at (patterns)"
    )
    exclude_mxs: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="MX hosts that are trusted (patterns)"
    )
    exclude_ips: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="addresses of MX that need not be looked at"
    )
    bad_mxs: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="MX hosts that count as bad (patterns), with a factor"
    )
    bad_ips: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="addresses of MX that count as bad, with a factor"
    )
    reject_null_mx: bool = option(BOOLEAN, False, doc="reject mail from domains with a null MX")
    reject_null_mx_message: str = option(
        STRING, "The sender's domain takes no mail (null MX)", doc="reply to those"
    )
    reject_authorized: bool = option(BOOLEAN, False, doc="also of clients that logged in")
    reject_local: bool = option(BOOLEAN, False, doc="also of clients in local_networks")
    test_mode: bool = option(BOOLEAN, False, doc="loopback addresses count as public; for tests")
    anchor: ClassVar[str] = "modules/mx_check"
    known: ClassVar[Mapping[str, Option]] = unserved("mx_check")


def symbols_of_options(options: MxCheckOptions) -> Iterator[Symbol]:
    """The symbols under prefixes of a site's own."""
    prefixes = (
        options.symbol_prefix_from,
        options.symbol_prefix_reply_to,
        options.symbol_prefix_mime_from,
    )
    for prefix in prefixes:
        if prefix not in _PREFIXES:
            yield from _symbols(prefix)
