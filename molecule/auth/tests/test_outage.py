"""The exchanger's own resolver fails while mail comes in: verdicts stay, nothing is lost (D16)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from testinfra.host import Host

from mailflow.trial import Site
from mailflow.verdicts import SESSION, Case, Outcome, problems, send_all

FAULTS = {
    "silent": ("systemctl kill -s STOP unbound.service", "systemctl kill -s CONT unbound.service"),
    "stopped": ("systemctl stop unbound.service", "systemctl start unbound.service"),
    "refusing": (
        "unbound-control local_zone example. refuse",
        "unbound-control local_zone_remove example.",
    ),
}
"""How the first resolver fails, and how it is mended."""


@contextmanager
def unattended(host: Host, fault: str) -> Iterator[Callable[[], None]]:
    """Nobody mends the resolver while it is broken; what is yielded breaks it."""
    broken, mended = FAULTS[fault]
    host.check_output("systemctl stop unbound-health.timer")
    # New workers: no answer is remembered from before.
    host.check_output("systemctl reload filter-engine")
    try:
        yield lambda: host.check_output(broken)
    finally:
        host.check_output(mended)
        host.check_output("systemctl start unbound-health.timer")


def fate(outcome: Outcome) -> tuple[int, str]:
    """Code of the reply, and the filter's action."""
    return outcome.code, str(outcome.header.get("X-Rspamd-Action", ""))


@pytest.mark.parametrize("fault", FAULTS)
def test_verdicts_are_the_same_when_the_first_resolver_fails_mid_stream(
    fault: str,
    site: Site,
    host_of: Callable[[str], Host],
    cases: dict[str, Case],
    outcomes: dict[str, Outcome],
) -> None:
    chosen = [case for case in cases.values() if case.name.startswith(("spf-", "dmarc-p"))]
    assert len(chosen) > 2 * SESSION  # one before, two without it
    host = host_of(site.exchangers[0])
    with unattended(host, fault) as break_it:

        def before(session: int) -> None:
            if session == 1:
                break_it()
                asked = host.run("dig @127.0.0.1 +time=1 +tries=1 pass.spf.example TXT").stdout
                assert "status: NOERROR" not in asked

        without_it = send_all(site, chosen, before)
    found = {case.name: problems(case.expect, without_it[case.name]) for case in chosen}
    assert {name: told for name, told in found.items() if told} == {}
    # Refused, marked and delivered are the same mails as in good health.
    assert {case.name: fate(without_it[case.name]) for case in chosen} == {
        case.name: fate(outcomes[case.name]) for case in chosen
    }
