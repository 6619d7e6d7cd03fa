"""The hosts' own resolvers: they validate, and a hung one is restarted."""

from __future__ import annotations

from collections.abc import Callable

from testinfra.host import Host

from mailflow.trial import Site

HostOf = Callable[[str], Host]


def ask(host: Host, question: str) -> str:
    return str(host.check_output(f"dig @127.0.0.1 +time=5 {question}"))


def test_signed_answers_are_validated(site: Site, host_of: HostOf) -> None:
    for name in (member.name for member in site.lab.site().hosts):
        for question in ("goodcorp.example TXT", "nowhere.example A"):
            flags = ask(host_of(name), question).partition(";; flags:")[2].partition(";")[0]
            assert " ad" in flags, (name, question)


def test_a_bogus_zone_is_servfail_and_without_validation_it_answers(
    site: Site, host_of: HostOf
) -> None:
    host = host_of(site.exchangers[0])
    assert "status: SERVFAIL" in ask(host, "bogus.example TXT")
    assert "v=spf1 -all" in ask(host, "+cd bogus.example TXT")


def test_a_hung_resolver_is_restarted_and_one_that_runs_is_left_alone(
    site: Site, host_of: HostOf
) -> None:
    host = host_of(site.exchangers[0])

    def running() -> str:
        return str(host.check_output("systemctl show -P MainPID unbound.service"))

    before = running()
    host.check_output("systemctl start unbound-health.service")
    assert running() == before
    host.check_output("systemctl kill --signal=STOP unbound.service")
    host.check_output("systemctl start unbound-health.service")
    assert running() != before
    assert "status: NOERROR" in ask(host, "goodcorp.example TXT")
