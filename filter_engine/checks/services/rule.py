"""One compiled rule: whom to ask, what for, and what a reply counts."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, Final

from filter_engine.checks.services.cache import Cache
from filter_engine.checks.services.contents import Content
from filter_engine.checks.services.options import Patterns, ScannerRule
from filter_engine.checks.services.protocol import Kind, Protocol, Said
from filter_engine.config.map_definition import MapKind
from filter_engine.matching.pattern import Flags, parse_slashed
from filter_engine.scan.declare import Symbol
from filter_engine.scan.exchange import Exchange, Reply, Tls, Until
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import Store
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, PreResult

log = logging.getLogger(__name__)

_MAX_REPLY: Final = 256 * 1024
_TEMPLATE: Final = re.compile(r"\$\{?(SCANNER|VIRUS)\}?")
_PATTERN_WEIGHT: Final = 1.0


def with_defaults(options: ScannerRule, protocol: Protocol, *, of_viruses: bool) -> ScannerRule:
    """``options`` with the protocol's defaults where the site says nothing."""
    defaults = {
        "timeout": 5.0,
        "retransmits": 2,
        "scan_mime_parts": of_viruses,
        **protocol.defaults,
    }
    empty = (None, "")
    written = {made.name: getattr(options, made.name) for made in fields(options)}
    filled = {name: value for name, value in defaults.items() if written[name] in empty}
    symbol = options.symbol or filled.get("symbol") or options.name.upper()
    for kind in ("fail", "encrypted", "macro"):
        name = f"symbol_{kind}"
        if not written[name] and name not in filled:
            filled[name] = f"{symbol}_{kind.upper()}"
    return replace(options, **{**filled, "symbol": symbol})


def symbols(options: ScannerRule, module: str) -> Iterator[Symbol]:
    """The symbols that a rule may set. ``options`` have their defaults."""
    groups = (options.group or module,)
    rule, about = options.symbol, f"{options.name} finds something"
    yield Symbol(rule, options.score or 0.0, options.description or about, groups, rule=rule)
    named = {
        options.symbol_fail: f"{options.name} gives no answer",
        options.symbol_encrypted: f"{options.name} cannot look into something",
        options.symbol_macro: f"{options.name} finds a document with macros",
    }
    if options.type == "dcc":
        named[options.symbol_bulk] = f"{options.name} counted the mail often"
    for symbol, _ in (*options.patterns, *options.patterns_fail):
        named.setdefault(symbol, about)
    named.pop(rule, None)
    for symbol, text in named.items():
        yield Symbol(symbol, 0.0, text, (module,), rule=rule)


class Rule:
    """A rule made ready. Raises nothing: patterns were checked when the options were read."""

    def __init__(
        self,
        options: ScannerRule,
        protocol: Protocol,
        setup: Setup | None,
        module: str,
        store: Store | None = None,
    ) -> None:
        self.options = options
        self.protocol = protocol
        self.of_parts = bool(options.scan_mime_parts)
        self.part_patterns = _compiled(options.mime_parts_filter_regex)
        self.filters_parts = bool(self.part_patterns or options.mime_parts_filter_ext)
        self.log_prefix = f"{module} {options.name}"
        verified = Tls.UNVERIFIED if options.no_ssl_verify else Tls.VERIFIED
        self._tls = verified if options.ssl else Tls.NONE
        self._found, self._failed = _compiled(options.patterns), _compiled(options.patterns_fail)
        where = f"{module}.{options.name}.whitelist"
        self._whitelist = (
            setup.maps.of(options.whitelist, MapKind.SET, where)
            if setup is not None and options.whitelist is not None
            else None
        )
        expire = protocol.kept if options.cache_expire is None else options.cache_expire
        caches = store is not None and protocol.kept and expire and not options.no_cache
        self.cache = Cache(store, options, expire) if store is not None and caches else None
        port = protocol.port if options.default_port is None else options.default_port
        assert options.servers is not None
        self.servers = replace(
            options.servers,
            upstreams=tuple(
                server if server.is_unix or server.port else replace(server, port=port)
                for server in options.servers
            ),
        )

    def exchange(
        self,
        send: bytes,
        until: Until = Until.EOF,
        pattern: bytes = b"",
        *,
        half_close: bool = False,
    ) -> Exchange:
        """A question to the rule's servers."""
        return Exchange(
            self.servers,
            send,
            until,
            pattern,
            timeout=self.options.timeout or 5.0,
            tries=(self.options.retransmits or 0) + 1,
            limit=_MAX_REPLY,
            half_close=half_close,
            tls=self._tls,
            service=self.log_prefix,
        )

    def question(self, task: Task, content: Content) -> Exchange:
        """What is asked about a content of a mail."""
        return self.protocol.request(self, task, content.data)

    def said(self, reply: Reply) -> tuple[Said, ...]:
        """What a reply means."""
        if reply.ok:
            return self.protocol.read(self, reply.data)
        return (Said(Kind.FAIL, (f"no answer: {reply.detail or reply.status.value}",)),)

    def findings(
        self, content: Content, said: Sequence[Said], server: str
    ) -> tuple[list[Finding], PreResult | None]:
        """What an answer counts, and the action that it forces; ``server`` gave it."""
        found: list[Finding] = []
        forced: list[str] = []
        for each in said:
            if each.kind is Kind.CLEAN and self.options.log_clean:
                log.info("%s: %s is clean", self.log_prefix, content.name or "the content")
            counted = [name for name in each.names if not self._is_whitelisted(name)]
            found += self._counted(each, counted, content, server)
            if counted and each.kind not in (Kind.FAIL, Kind.BULK):
                forced += counted
        return found, self._pre_result(forced) if forced else None

    def _is_whitelisted(self, name: str) -> bool:
        return self._whitelist is not None and name in self._whitelist

    def _counted(
        self, said: Said, names: list[str], content: Content, server: str
    ) -> Iterator[Finding]:
        options = self.options
        evidence = f"{options.type} {server}: {', '.join(names)[:500]}"
        if content.name:
            evidence += f" in {content.name[:200]!r}"
        if said.kind is Kind.BULK:
            yield Finding(options.symbol_bulk, tuple(names), said.weight, evidence)
            return
        symbol, weight = {
            Kind.CLEAN: (options.symbol, 0.0),
            Kind.FOUND: (options.symbol, said.weight),
            Kind.FAIL: (options.symbol_fail, 0.0),
            Kind.ENCRYPTED: (options.symbol_encrypted, 1.0),
            Kind.MACRO: (options.symbol_macro, 1.0),
        }[said.kind]
        patterns = self._failed if said.kind is Kind.FAIL else self._found
        for name in names:
            matched = next((own for own, pattern in patterns if pattern.search(name)), None)
            shown = f"{name}|{content.name}" if options.show_attachments and content.name else name
            yield Finding(
                matched or symbol, (shown,), _PATTERN_WEIGHT if matched else weight, evidence
            )

    def _pre_result(self, names: list[str]) -> PreResult | None:
        options = self.options
        if not options.action:
            return None
        words = {"SCANNER": options.name, "VIRUS": "; ".join(names)}
        text = _TEMPLATE.sub(lambda match: words[match[1]], options.message or "Rejected")
        least = options.action != Action.REJECT.value
        return PreResult(Action.parse(options.action), text, options.name, least=least)


def _compiled(patterns: Patterns) -> tuple[tuple[str, Any], ...]:
    """Symbols and patterns for text."""
    made = ((symbol, parse_slashed(written)) for symbol, written in patterns)
    return tuple((symbol, replace(one, flags=one.flags | Flags.UTF8).regex) for symbol, one in made)
