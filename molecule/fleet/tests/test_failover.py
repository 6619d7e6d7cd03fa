"""Each part of the site fails for real while numbered mail flows: none is lost, none comes twice.

FAILOVER_RATE is the number of mails a second (20). What is printed (`-s`): how long nothing was
accepted, and how long nothing was learned. docs/failover.md says what is promised.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab import mail as lab_mail
from mailflow import faults, redis_hosts
from mailflow.learning import Learning
from mailflow.numbered import Account, NumberedMail
from mailflow.playbook import play
from mailflow.redis_hosts import until
from mailflow.trial import Site

RATE = float(os.environ.get("FAILOVER_RATE", "20"))
BEFORE, WHILE, AFTER = 0.3, 2.0, 1.0
"""Seconds of mail accepted before something breaks, while it is broken, and afterwards."""
HANGING = 7.0
"""Seconds something lasts that leaves sessions hanging (for 5: `numbered_mail.py` gives up)."""
SLOW = 10.0
"""Seconds nothing may be accepted while an exchanger is left (a session hangs for 5 at most)."""

PROMOTION = 240.0
"""Seconds for a promotion: 10 until the loss is seen; an election in which each of two Sentinels
votes for itself is repeated after twice the ``failover-timeout`` of a minute."""


@pytest.fixture(scope="module", autouse=True)
def whole(site: Site) -> Iterator[None]:
    """The site is well before and afterwards, what was learned here forgotten."""
    faults.whole(site)
    yield
    faults.whole(site)
    redis_hosts.ask(site.lab, site.access_server, "bayes", "flushall")


ACCOUNTS: dict[str, Account] = {}
"""By failure, for those who ask more of it."""


@contextmanager
def riding(
    site: Site, what: str, teach_at: str | None = None, *, unfinished: int = 0
) -> Iterator[tuple[NumberedMail, Learning]]:
    """Mail and lessons around a failure; in the end the account is settled and must be clean."""
    host = teach_at or site.exchangers[0]
    with Learning(site, host) as learning:
        with NumberedMail(site, RATE) as mail:
            learning.again()
            mail.flows(BEFORE)
            yield mail, learning
            mail.flows(AFTER)
            learning.again()
        account = mail.account()
    print(f"\n{what}: {account.summary()}; {learning.summary()}")
    ACCOUNTS[what] = account
    assert account.problems(unfinished) == []


def primary(site: Site, asked: str = "") -> str:
    """Host of the primary of what Bayes learned, as a Sentinel knows it (the first exchanger's)."""
    return redis_hosts.primary(site.lab, asked or site.exchangers[0], "bayes")


def agreed(site: Site) -> None:
    """Wait until all Sentinels know the same primaries, which all others follow."""
    until("all agree", lambda: redis_hosts.settled(site.lab, *redis_hosts.LEARNED), 60.0)


def test_redis_of_the_primary_is_killed(site: Site) -> None:
    host = primary(site)
    with riding(site, "Redis killed") as (_mail, learning):
        for instance in (*redis_hosts.LEARNED, redis_hosts.STATE):
            faults.kill_unit(site.lab, host, f"redis-server@{instance}")
        learning.again()
    agreed(site)
    # On a busy machine it takes longer to start than redis_sentinel_down_after.
    if learning.longest_pause < 8.0:
        assert primary(site) == host, "it was back before anybody missed it"


def test_a_filter_is_killed(site: Site) -> None:
    host = site.exchangers[0]
    with riding(site, "filter killed", site.exchangers[1]) as (mail, _learning):
        faults.kill_unit(site.lab, host, "filter-engine")
        mail.flows(WHILE)
        until("the filter is back", lambda: faults.answers(site.lab, host))
    assert ACCOUNTS["filter killed"].longest_pause < SLOW


def test_a_resolver_is_killed(site: Site) -> None:
    with riding(site, "resolver killed") as (mail, _learning):
        faults.kill_unit(site.lab, site.exchangers[0], "unbound")
        mail.flows(WHILE)


def test_an_exchanger_crashes(site: Site) -> None:
    with (
        riding(site, "exchanger crashed") as (mail, _learning),
        faults.host_killed(site.lab, site.exchangers[1]),
    ):
        mail.flows(WHILE)


def test_an_exchanger_freezes(site: Site) -> None:
    with (
        riding(site, "exchanger frozen") as (mail, _learning),
        faults.host_frozen(site.lab, site.exchangers[1]),
    ):
        mail.flows(HANGING)


def test_one_tunnel_is_cut(site: Site) -> None:
    one, other = site.exchangers[0], site.access_server
    before = primary(site)
    with (
        riding(site, "one tunnel cut", site.exchangers[1]) as (mail, _learning),
        faults.tunnel_cut(site.lab, one, [other]),
    ):
        mail.flows(HANGING)
    agreed(site)
    assert primary(site) == before


def test_a_host_without_its_vpn_runs_on(site: Site) -> None:
    host = site.exchangers[1]
    units = ["filter-engine", "mailfleet-redis.target", "mailfleet-redis-sentinel", "postfix@-"]
    units += [f"redis-server@{one}" for one in (*redis_hosts.LEARNED, redis_hosts.STATE)]
    with riding(site, "VPN stopped") as (mail, _learning), faults.vpn_stopped(site.lab, host):
        done = site.lab.ssh.run(host, ["systemctl", "is-active", *units], check=False)
        assert done.stdout.decode().split() == ["active"] * len(units)
        mail.flows(HANGING)
    assert ACCOUNTS["VPN stopped"].accepted_by(lab_mail.target_address(site.lab, host))


def test_the_disk_under_redis_is_full(site: Site) -> None:
    host = primary(site)
    with riding(site, "disk full") as (mail, learning), faults.disk_full(site.lab, host, "bayes"):
        # It was started again: at first its replicas are missed (NOREPLICAS).
        learning.refusal(with_word="MISCONF")
        mail.flows(WHILE)


def test_without_any_redis_mail_is_filtered_with_what_is_left(site: Site) -> None:
    def failures() -> int:
        counts = []
        for host in site.exchangers:
            done = site.lab.ssh.run(host, ["curl", "-s", "http://127.0.0.1:11334/stat"])
            counts.append(int(json.loads(done.stdout)["store_failures"]))
        return sum(counts)

    before = failures()
    with riding(site, "no Redis at all") as (mail, learning):
        with faults.redis_gone(site):
            learning.refusal()
            mail.flows(WHILE)
        agreed(site)
    assert ACCOUNTS["no Redis at all"].without_store > 0
    assert failures() > before


def test_the_access_server_crashes_and_a_roll_out_undoes_no_promotion(site: Site) -> None:
    lab, host = site.lab, site.access_server
    redis_hosts.promote(lab, host)
    redis_hosts.prefer(lab, site.exchangers[-1])
    # Into each of two mailboxes it delivered one mail at that moment.
    with riding(site, "access server crashed", unfinished=2) as (mail, learning):
        with faults.host_killed(lab, host):
            until("a replica is promoted", lambda: primary(site) not in ("", host), PROMOTION)
            learning.again()
            mail.flows(WHILE)
        agreed(site)
    promoted = primary(site)
    assert promoted != host
    # Other roles' variables are looked at all the same, and role dkim_keys did not run.
    words = ("--tags", "redis", "-e", '{"dkim_keys_signing": []}')
    counts = play(lab, "site.yml", *words).changed
    assert set(counts.values()) == {0}
    assert primary(site) == promoted
    faults.kill_unit(lab, promoted, "redis-server@bayes")
    agreed(site)
    assert primary(site) == promoted


def test_the_host_of_the_primary_is_cut_off_and_loses_its_place(site: Site) -> None:
    lab, host = site.lab, primary(site)
    others = [one.name for one in lab.site().hosts if one.name != host]
    # Where it shall be in the end.
    redis_hosts.prefer(lab, next(one for one in (site.access_server, *others) if one != host))
    with riding(site, "primary cut off", others[0]) as (mail, learning):
        with faults.tunnel_cut(lab, host, others):
            until("a replica is promoted", lambda: primary(site, others[0]) in others, PROMOTION)
            learning.again()
            # Whoever still takes it for the primary is told: nothing is written to be lost later.
            until(
                "the old primary takes no writes",
                lambda: redis_hosts.ask_as_engine(
                    lab, host, 6382, "hset", "RS_split", "S", "1"
                ).startswith("NOREPLICAS"),
                30.0,
            )
            mail.flows(WHILE)
        agreed(site)
    sizes = {redis_hosts.ask(lab, name, "bayes", "dbsize") for name in (host, *others)}
    assert len(sizes) == 1, sizes
