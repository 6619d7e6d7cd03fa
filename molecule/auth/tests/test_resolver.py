"""The hosts' own resolvers: they validate, bridge outages, and a hung one is restarted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.rrset
import pytest
from testinfra.host import Host

from lab.publish import publish
from mailflow.trial import Site

HostOf = Callable[[str], Host]


@pytest.fixture
def exchanger(site: Site, host_of: HostOf) -> Host:
    return host_of(site.exchangers[0])


def ask(host: Host, question: str) -> str:
    return str(host.check_output(f"dig @127.0.0.1 +time=5 {question}"))


def running(host: Host) -> str:
    """Which process Unbound is."""
    return str(host.check_output("systemctl show -P MainPID unbound.service"))


@contextmanager
def while_(host: Host, begin: str, end: str) -> Iterator[None]:
    """Between two commands."""
    host.check_output(begin)
    try:
        yield
    finally:
        host.check_output(end)


def test_signed_answers_are_validated(site: Site, host_of: HostOf) -> None:
    for name in (member.name for member in site.lab.site().hosts):
        for question in ("goodcorp.example TXT", "nowhere.example A"):
            flags = ask(host_of(name), question).partition(";; flags:")[2].partition(";")[0]
            assert " ad" in flags, (name, question)


def test_a_bogus_zone_is_servfail_and_without_validation_it_answers(exchanger: Host) -> None:
    assert "status: SERVFAIL" in ask(exchanger, "bogus.example TXT")
    assert "v=spf1 -all" in ask(exchanger, "+cd bogus.example TXT")


def test_no_stranger_names_an_address_of_the_site(site: Site, exchanger: Host) -> None:
    for address in ("10.195.171.241", "192.0.2.77"):
        name = f"n{address.replace('.', '-')}.goodcorp.example."
        publish(site.lab, "goodcorp.example", dns.rrset.from_text(name, 60, "IN", "A", address))
        assert (address in ask(exchanger, f"{name} A")) is address.startswith("192.")


def test_an_expired_answer_bridges_an_outage_of_its_servers(
    site: Site, exchanger: Host, host_of: HostOf
) -> None:
    name = "brief.goodcorp.example."
    record = dns.rrset.from_text(name, 1, "IN", "TXT", '"still here"')
    publish(site.lab, "goodcorp.example", record)
    assert "still here" in ask(exchanger, f"{name} TXT")
    internet = host_of(site.lab.internet.name)
    stop, go_on = (f"systemctl kill -s {signal} knot.service" for signal in ("STOP", "CONT"))
    with while_(internet, stop, go_on):
        end = time.monotonic() + 10
        # Fresh for a second yet; an expired one has a lifetime of 30 s (unbound.conf(5)).
        while (answer := ask(exchanger, f"+noall +answer {name} TXT").split())[1] != "30":
            assert time.monotonic() < end, answer
            assert "still" in " ".join(answer)
        began = time.monotonic()
        assert "still here" in ask(exchanger, f"{name} TXT")
        assert time.monotonic() - began < 2.0


def test_a_hung_resolver_is_restarted_and_one_that_runs_is_left_alone(exchanger: Host) -> None:
    before = running(exchanger)
    exchanger.check_output("systemctl start unbound-health.service")
    assert running(exchanger) == before
    exchanger.check_output("systemctl kill --signal=STOP unbound.service")
    exchanger.check_output("systemctl start unbound-health.service")
    assert running(exchanger) != before
    assert "status: NOERROR" in ask(exchanger, "goodcorp.example TXT")


def test_one_that_does_not_resolve_keeps_its_cache_and_is_told_of(exchanger: Host) -> None:
    before = running(exchanger)
    with while_(
        exchanger, "unbound-control local_zone . refuse", "unbound-control local_zone_remove ."
    ):
        assert exchanger.run("systemctl start unbound-health.service").rc != 0
        told = exchanger.check_output("journalctl -q -o cat -u unbound-health.service -n 20")
        assert "Unbound answers, but does not resolve" in told
        assert "status: REFUSED" in told
    assert running(exchanger) == before
    exchanger.check_output("systemctl start unbound-health.service")
