"""Plus tags in addresses, aliases, and whether mail comes in, goes out or stays (module aliases).

Addresses are looked at, never rewritten: other checks see them without tags and as they came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from filter_engine.checks.addresses import smtp_address, without_tags
from filter_engine.checks.alias_book import ALIASES, AliasBook, Tables
from filter_engine.config.kinds import BOOLEAN, INTEGER, at_least
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, MapKind
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, option
from filter_engine.message.address import Address
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_NAME: Final = "email_plus_aliases"
_GROUPS: Final = ("aliases",)
_GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})
_MAX_ADDRESSES: Final = 100
"""Addresses of one mail whose aliases are looked up."""


@options_class
class AliasesOptions(Section):
    """Domains and aliases of this site. Without any of them only tags are looked at."""

    anchor: ClassVar[str] = "modules/aliases"
    known: ClassVar[Mapping[str, Option]] = unserved("aliases")

    local_domains: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="domains of this site: tells mail in, out and inside"
    )
    system_aliases: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="aliases as in /etc/aliases, in local_domains"
    )
    virtual_aliases: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="Postfix's virtual aliases: address or @domain, then targets"
    )
    rspamd_aliases: MapDefinition | None = option(
        ALIASES, None, doc="further aliases, in this section or a map"
    )
    max_recursion_depth: int = option(at_least(INTEGER, 1), 10, doc="aliases of aliases")
    expand_multiple: bool = option(BOOLEAN, True, doc="follow aliases with several targets")
    enable_gmail_rules: bool = option(BOOLEAN, True, doc="Gmail's addresses: dots and tags")
    enable_plus_aliases: bool = option(BOOLEAN, True, doc="tags after a plus sign")


def _prepare(options: AliasesOptions, setup: Setup) -> AliasBook:
    def table(name: str, kind: MapKind) -> tuple[MapDefinition | None, MapKind, str]:
        return getattr(options, name), kind, f"aliases.{name}"

    return AliasBook(
        Tables(
            system=setup.maps.of(*table("system_aliases", MapKind.TEXT)),
            virtual=setup.maps.of(*table("virtual_aliases", MapKind.HASH)),
            own=setup.maps.of(*table("rspamd_aliases", MapKind.HASH)),
            domains=setup.maps.of(*table("local_domains", MapKind.SET)),
        ),
        min(options.max_recursion_depth, 100),
        several=options.expand_multiple,
    )


@check(
    _NAME,
    module="aliases",
    options=AliasesOptions,
    stage=Stage.PREFILTER,
    priority=150,
    prepare=_prepare,
    symbols=(
        Symbol("TAGGED_FROM", 0.0, "The sender's address has plus tags", ("headers",)),
        Symbol("TAGGED_RCPT", 0.0, "A recipient's address has plus tags", ("headers",)),
        Symbol("LOCAL_INBOUND", 0.0, "Mail from elsewhere to this site", _GROUPS),
        Symbol("LOCAL_OUTBOUND", 0.0, "Mail from this site to elsewhere", _GROUPS),
        Symbol("INTERNAL_MAIL", 0.0, "Mail from this site to itself", _GROUPS),
        Symbol("ALIAS_RESOLVED", 0.0, "An address is an alias of another", _GROUPS),
    ),
)
def tagged(task: Task) -> list[Finding]:
    """Tags and aliases of the first sender and of all recipients, in envelope and header."""
    senders = [] if task.envelope.mail_from is None else [smtp_address(task.envelope.mail_from)]
    senders += task.message.from_addresses[:1]
    recipients = [smtp_address(text) for text in task.envelope.rcpt_to]
    recipients += task.message.recipients
    options = task.options(AliasesOptions)
    found: list[Finding] = []
    for symbol, addresses in (("TAGGED_FROM", senders), ("TAGGED_RCPT", recipients)):
        tags: dict[str, None] = {}
        tagged_any = False
        for address in addresses:
            removed = _bare(address, options)[1]
            if removed is not None:
                tagged_any = True
                tags.update(dict.fromkeys(removed))
        if tagged_any:
            found.append(Finding(symbol, tuple(tags)))
    book: AliasBook | None = task.state(_NAME)
    if book:
        resolved = tuple(dict.fromkeys(_resolved(senders + recipients, book, options)))
        if resolved:
            found.append(Finding("ALIAS_RESOLVED", resolved))
        found += _way(task, senders, recipients, book)
    return found


def _bare(address: Address, options: AliasesOptions) -> tuple[Address, tuple[str, ...] | None]:
    gmail = address.domain in _GMAIL
    if not (options.enable_gmail_rules if gmail else options.enable_plus_aliases):
        return address, None
    return without_tags(address)


def _resolved(addresses: list[Address], book: AliasBook, options: AliasesOptions) -> Iterator[str]:
    """``alias -> targets`` of each address that is one, its tags aside."""
    for address in addresses[:_MAX_ADDRESSES]:
        if not address.domain:
            continue
        bare = _bare(address, options)[0].email.lower()
        targets = book.resolve(bare)
        if targets != (bare,):
            yield f"{address.email} -> {', '.join(targets)}"
        elif address.domain in _GMAIL and bare != address.email.lower():
            yield f"{address.email} -> {bare}"


def _way(
    task: Task, senders: list[Address], recipients: list[Address], book: AliasBook
) -> list[Finding]:
    """Which way the mail goes. A stranger who only says that he is of this site is not."""
    ours = (task.authenticated or task.local) and any(book.is_local(s.domain) for s in senders[:1])
    envelope = len(task.envelope.rcpt_to)
    reached = [r for r in (recipients[:envelope] if envelope else recipients) if r.domain]
    local = [rcpt for rcpt in reached if book.is_local(rcpt.domain)]
    if not reached or not (ours or local):
        return []
    symbol = "LOCAL_INBOUND"
    if ours:
        symbol = "INTERNAL_MAIL" if len(local) == len(reached) else "LOCAL_OUTBOUND"
    domains = dict.fromkeys(
        rcpt.domain for rcpt in (local if symbol != "LOCAL_OUTBOUND" else reached)
    )
    return [Finding(symbol, tuple(domains)[:_MAX_ADDRESSES])]
