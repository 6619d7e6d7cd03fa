"""Mail that comes straight from where it was written (module once_received)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from filter_engine.checks.received_rules import hops
from filter_engine.config.kinds import BOOLEAN, STRING, list_of
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, option
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS = ("headers",)


@options_class
class OnceReceivedOptions(Section):
    """Which host names count as those of mail servers, and which not."""

    good_host: tuple[str, ...] = option(
        list_of(STRING), ("mail",), doc="parts of host names that mail servers have"
    )
    bad_host: tuple[str, ...] = option(
        list_of(STRING), ("static", "dynamic"), doc="parts of host names that mail servers have not"
    )
    check_local: bool = option(BOOLEAN, False, doc="also for clients in local_networks")
    check_authed: bool = option(BOOLEAN, False, doc="also for clients that logged in")
    anchor: ClassVar[str] = "modules/once_received"
    known: ClassVar[Mapping[str, Option]] = unserved("once_received")


@check(
    "once_received",
    options=OnceReceivedOptions,
    symbols=(
        Symbol("ONCE_RECEIVED", 0.1, "The mail has made one hop at most", _HEADERS),
        Symbol(
            "ONCE_RECEIVED_STRICT", 4.0, "One hop, from a host that is no mail server", _HEADERS
        ),
        Symbol("RDNS_NONE", 1.0, "The client's address has no name", _HEADERS),
        Symbol("RDNS_DNSFAIL", 0.0, "The client's name could not be looked up", _HEADERS),
        Symbol("DIRECT_TO_MX", 0.0, "Straight from the program it was written with", _HEADERS),
    ),
)
async def once_received(task: Task, ask: Ask) -> list[Finding]:
    """One Received header or none, and the client's reverse name where the MTA gave none."""
    options = task.options(OnceReceivedOptions)
    if (task.authenticated and not options.check_authed) or (
        task.local and not options.check_local
    ):
        return []
    way = hops(task)
    hostname = task.envelope.hostname
    if hostname is None and task.ip is not None:
        return await _unnamed(task, ask, options, single=len(way) <= 1)
    if len(way) != 1:
        return []
    name = (way[0].real_hostname or "").lower()
    if any(part in name for part in options.good_host):
        return []
    return _single(hostname or "", options)


def _single(hostname: str, options: OnceReceivedOptions) -> list[Finding]:
    found = [Finding("ONCE_RECEIVED")]
    bad = next((part for part in options.bad_host if part in hostname.lower()), None)
    if bad is not None:
        found.append(Finding("ONCE_RECEIVED_STRICT", (bad,)))
    return found


async def _unnamed(
    task: Task, ask: Ask, options: OnceReceivedOptions, *, single: bool
) -> list[Finding]:
    assert task.ip is not None
    answer = await ask.dns(task.ip.reverse_pointer, "PTR")
    if answer.failed:
        return [Finding("RDNS_DNSFAIL", evidence=answer.detail)]
    if not answer.missing:
        name = str(answer.records[0])
        if not single or any(part in name for part in options.good_host):
            return []
        return _single(name, options)
    found = [Finding("RDNS_NONE", evidence=f"no PTR of {task.ip}")]
    if single:
        found += [Finding("ONCE_RECEIVED"), Finding("ONCE_RECEIVED_STRICT")]
        program = task.message.text("user-agent") or task.message.text("x-mailer")
        if program:
            found.append(Finding("DIRECT_TO_MX", (program,)))
    return found
