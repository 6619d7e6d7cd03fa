"""The calendar of keys: which step is due on which day, and what it never does."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils import dkim_calendar
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_calendar import Seen
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_series import (
    Policy,
    Series,
    wanted,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_states import (
    CalendarError,
    Key,
    read,
    records,
    write,
)
from hypothesis import given
from hypothesis import strategies as st

DAY = date(2026, 11, 21)
POLICY = Policy(rotation=180, publish_lead=14, overlap=10)
PATH = "/keys/$domain.$selector.key"
MAIL = [{"selector": "mail", "algorithm": "rsa"}]
DOMAIN = "example.net"
FIRST = f"mail._domainkey.{DOMAIN}"
SECOND = f"r20270506._domainkey.{DOMAIN}"


class Site:
    """Keys that live through days; `published` names what DNS answers."""

    def __init__(
        self,
        domains: Iterable[object] = (DOMAIN,),
        selectors: Iterable[object] = MAIL,
        policy: Policy = POLICY,
        arc: str = "none",
    ) -> None:
        self.series: list[Series] = wanted(domains, selectors, arc)
        self.policy = policy
        self.keys: list[Key] = []
        self.report: list[str] = []
        self.waiting: list[str] = []

    def run(
        self,
        day: date,
        *,
        missing: Collection[str] = (),
        rotate: Iterable[str] = (),
        roll_back: Iterable[str] = (),
    ) -> list[Key]:
        """One run of both steps; every record is seen but those that are `missing`."""
        published = dkim_calendar.publish(
            self.keys, self.series, self.policy, day, PATH, list(rotate)
        )
        published = [k if k.public_key else replace(k, public_key="AAAA") for k in published]
        seen = {
            key.name: Seen(False, "resolver 192.0.2.1 has no record")
            if key.name in missing
            else Seen(True)
            for key in dkim_calendar.questions(published, self.series, list(roll_back))
        }
        outcome = dkim_calendar.activate(
            published, self.series, self.policy, day, seen, list(roll_back)
        )
        self.keys, self.report, self.waiting = outcome.keys, outcome.report, outcome.waiting
        return self.keys

    @property
    def states(self) -> dict[str, str]:
        return {key.name: key.state for key in self.keys}

    def signers(self, use: str = "dkim") -> dict[str, list[str]]:
        return {
            str(one["domain"]): [place["selector"] for place in one["selectors"]]  # type: ignore[attr-defined]
            for one in dkim_calendar.signing(self.keys, self.series, use)
        }


def after(days: int) -> date:
    return DAY + timedelta(days)


def test_a_key_lives_through_its_states_on_computed_days() -> None:
    site = Site()
    site.run(DAY)
    assert site.states == {FIRST: "active"}
    site.run(after(165))
    assert site.states == {FIRST: "active"}
    site.run(after(166))
    assert site.states == {FIRST: "active", SECOND: "published"}
    site.run(after(179))
    assert site.states == {FIRST: "active", SECOND: "published"}
    site.run(after(180))
    assert site.states == {FIRST: "retiring", SECOND: "active"}
    site.run(after(189))
    assert site.states == {FIRST: "retiring", SECOND: "active"}
    site.run(after(190))
    assert site.states == {FIRST: "revoked", SECOND: "active"}
    assert site.keys[0].dates == {
        "published": DAY,
        "active": DAY,
        "retiring": after(180),
        "revoked": after(190),
    }


def test_the_future_key_has_its_days() -> None:
    site = Site()
    (future,) = dkim_calendar.planned(site.run(DAY), site.series, POLICY)
    assert (future.name, future.state) == (SECOND, "future")
    assert future.dates == {"published": after(166), "active": after(180)}


def test_a_first_key_that_is_not_seen_signs_nothing() -> None:
    site = Site()
    site.run(DAY, missing=[FIRST])
    assert site.states == {FIRST: "published"}
    assert site.signers() == {DOMAIN: []}
    assert site.waiting == [FIRST]
    assert site.report == [
        f"{FIRST} must not sign yet: resolver 192.0.2.1 has no record; nothing signs for {DOMAIN}"
    ]


def test_a_record_that_never_appears_leaves_the_old_key() -> None:
    site = Site()
    site.run(DAY)
    for days in (166, 180, 200, 400, 900):
        site.run(after(days), missing=[SECOND])
        assert site.states == {FIRST: "active", SECOND: "published"}
        assert site.signers() == {DOMAIN: ["mail"]}
    assert site.waiting == [SECOND]
    assert f"{FIRST} goes on signing" in site.report[0]
    assert "resolver 192.0.2.1 has no record" in site.report[0]
    site.run(after(901))
    assert site.signers() == {DOMAIN: ["r20270506"]}


def test_the_record_stands_for_the_whole_lead_although_the_run_came_late() -> None:
    site = Site()
    site.run(DAY)
    site.run(after(300))
    site.run(after(313))
    assert site.signers() == {DOMAIN: ["mail"]}
    site.run(after(314))
    assert site.signers() == {DOMAIN: ["r20270917"]}


def test_a_key_changes_at_once_if_it_must() -> None:
    site = Site()
    site.run(DAY)
    site.policy = replace(POLICY, publish_lead=0)
    site.run(DAY, rotate=[DOMAIN])
    assert site.signers() == {DOMAIN: ["r20261121"]}
    site.run(DAY, rotate=[DOMAIN])
    assert site.signers() == {DOMAIN: ["r20261121b"]}


def test_a_change_asked_for_keeps_the_lead() -> None:
    site = Site()
    site.run(DAY)
    site.run(after(30), rotate=[DOMAIN])
    site.run(after(43), rotate=[DOMAIN])
    assert site.signers() == {DOMAIN: ["mail"]}
    assert len(site.keys) == 2
    site.run(after(44))
    assert site.signers() == {DOMAIN: ["r20261221"]}


def test_rotation_off_never_makes_a_successor() -> None:
    site = Site(policy=replace(POLICY, rotation=0))
    site.run(DAY)
    site.run(after(10_000))
    assert site.states == {FIRST: "active"}
    assert dkim_calendar.planned(site.keys, site.series, site.policy) == []


def test_roll_back_lets_the_retiring_key_sign_again_and_a_second_run_changes_nothing() -> None:
    site = Site()
    site.run(DAY)
    site.run(after(166))
    site.run(after(180))
    site.run(after(181), roll_back=[FIRST])
    assert site.states == {FIRST: "active", SECOND: "retiring"}
    before = list(site.keys)
    site.run(after(181), roll_back=[FIRST])
    assert site.keys == before
    site.run(after(191))
    assert site.states == {FIRST: "active", SECOND: "revoked"}


def test_roll_back_to_a_key_that_is_not_seen_stays() -> None:
    site = Site()
    site.run(DAY)
    site.run(after(166))
    site.run(after(180))
    site.run(after(181), roll_back=[FIRST], missing=[FIRST])
    assert site.states == {FIRST: "retiring", SECOND: "active"}
    assert f"{SECOND} goes on signing" in site.report[0]


def test_a_revoked_key_never_signs_again() -> None:
    site = Site()
    for days in (0, 166, 180, 190):
        site.run(after(days))
    with pytest.raises(CalendarError, match="only a retiring key can sign again"):
        site.run(after(191), roll_back=[FIRST])


def test_algorithms_have_calendars_of_their_own() -> None:
    both = [*MAIL, {"algorithm": "ed25519"}]
    site = Site(selectors=both)
    site.run(DAY)
    assert site.signers() == {DOMAIN: ["mail", "e20261121"]}
    site.run(after(166))
    late = f"e20270506._domainkey.{DOMAIN}"
    site.run(after(180), missing=[late])
    assert site.signers() == {DOMAIN: ["r20270506", "e20261121"]}
    assert site.waiting == [late]


def test_one_key_for_many_domains() -> None:
    site = Site(domains=[{"domain": "example.org", "shares": DOMAIN}, DOMAIN])
    site.run(DAY)
    paths = {key.domain: key.path for key in site.keys}
    assert paths == dict.fromkeys((DOMAIN, "example.org"), f"/keys/{DOMAIN}.mail.key")
    site.run(after(166))
    site.run(after(180), missing=["r20270506._domainkey.example.org"])
    assert site.signers() == {DOMAIN: ["r20270506"], "example.org": ["mail"]}
    site.run(after(181))
    assert site.signers() == {DOMAIN: ["r20270506"], "example.org": ["r20270506"]}


def test_a_domain_that_goes_retires_its_keys_and_may_come_back() -> None:
    site = Site(domains=[DOMAIN, "example.org"])
    site.run(DAY)
    site.series = wanted([DOMAIN], MAIL)
    site.run(after(1))
    assert site.states["mail._domainkey.example.org"] == "retiring"
    assert site.signers() == {DOMAIN: ["mail"]}
    site.series = wanted([DOMAIN, "example.org"], MAIL)
    site.run(after(2))
    assert site.signers()["example.org"] == ["mail"]


def test_arc_keys_alike() -> None:
    site = Site(arc="own")
    site.run(DAY)
    assert site.signers() == {DOMAIN: ["mail"]}
    assert site.signers("arc") == {DOMAIN: ["ar20261121"]}
    site.run(after(166))
    site.run(after(180))
    assert site.signers("arc") == {DOMAIN: ["ar20270506"]}


def test_the_records_follow_the_states() -> None:
    site = Site()
    for days in (0, 166, 180, 190):
        site.run(after(days))
    planned = dkim_calendar.planned(site.keys, site.series, POLICY)
    found = {record["name"]: record for record in records([*site.keys, *planned], 3600)}
    assert found.keys() == {FIRST, SECOND}
    assert found[FIRST]["value"] == "v=DKIM1; k=rsa; p="
    assert found[FIRST]["reason"] == ("DKIM key mail of example.net (rsa): revoked on 2027-05-30")
    assert found[SECOND]["value"] == "v=DKIM1; k=rsa; p=AAAA"
    assert (found[SECOND]["type"], found[SECOND]["ttl"]) == ("TXT", 3600)


def test_the_file_is_read_as_it_was_written() -> None:
    site = Site(selectors=[*MAIL, {"algorithm": "ed25519"}], arc="own")
    for days in (0, 166, 180):
        site.run(after(days))
    keys = [*site.keys, *dkim_calendar.planned(site.keys, site.series, POLICY)]
    text = write(keys)
    back = read(text, "calendar.json")
    assert sorted(back, key=lambda key: key.name) == sorted(keys, key=lambda key: key.name)
    assert write(back) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "calendar.json is not a calendar of keys"),
        ("[" * 100_000, "calendar.json is not a calendar of keys"),
        ('{"version": 2, "keys": []}', "has version 2"),
        ('{"version": 1, "keys": [{}]}', "calendar.json, key 1:"),
        ('{"version": 1, "keys": [[]]}', "calendar.json, key 1:"),
    ],
)
def test_a_broken_file_is_an_error_that_names_it(text: str, words: str) -> None:
    with pytest.raises(CalendarError, match=words.replace(".", r"\.")):
        read(text, "calendar.json")


@pytest.mark.parametrize(
    ("domains", "selectors", "words"),
    [
        (["example.net", "example.net"], MAIL, "listed twice"),
        (["Example.Net"], MAIL, "lower case"),
        ([{"domain": "example.net", "selector": "x"}], MAIL, "a domain has"),
        (["example.net"], [{"algorithm": "rsa"}, {"algorithm": "rsa"}], "two keys rsa"),
        (["example.net"], [{"selector": "a b"}], "not a domain name"),
        (["example.net"], [{"algorithm": "dsa"}], "none of rsa, ed25519"),
        ([{"domain": "example.org", "shares": "example.net"}], MAIL, "has none of its own"),
    ],
)
def test_variables_that_cannot_be_meant_are_refused(
    domains: list[object], selectors: list[object], words: str
) -> None:
    with pytest.raises(CalendarError, match=words):
        wanted(domains, selectors)


def test_a_lead_longer_than_the_term_is_refused() -> None:
    with pytest.raises(CalendarError, match="publish_lead must be shorter"):
        Policy(rotation=10, publish_lead=10, overlap=1)


ED = f"e20261122._domainkey.{DOMAIN}"


@pytest.mark.parametrize("selectors", [[{"selector": "2027"}], [{}], [{"algorithm": "rsa"}]])
def test_another_selector_names_the_next_key_and_the_one_that_signs_goes_on(
    selectors: list[object],
) -> None:
    site = Site()
    site.run(DAY)
    site.series = wanted([DOMAIN], selectors)
    site.run(after(1))
    assert site.states == {FIRST: "active"}
    assert site.signers() == {DOMAIN: ["mail"]}
    (future,) = dkim_calendar.planned(site.keys, site.series, POLICY)
    site.run(after(166))
    site.run(after(180))
    assert site.states == {FIRST: "retiring", future.name: "active"}
    named = [one.first_selector for one in site.series if one.first_selector]
    assert site.signers() == {DOMAIN: named or ["r20270506"]}


def test_the_key_of_another_algorithm_signs_before_the_old_one_retires() -> None:
    site = Site()
    site.run(DAY)
    site.series = wanted([DOMAIN], [{"algorithm": "ed25519"}])
    for days in (1, 30, 300):
        site.run(after(days), missing=[ED])
        assert site.states == {FIRST: "active", ED: "published"}
        assert site.signers() == {DOMAIN: ["mail"]}
        assert f"{FIRST} goes on signing" in site.report[0]
    site.run(after(301))
    assert site.states == {FIRST: "retiring", ED: "active"}
    assert site.signers() == {DOMAIN: ["e20261122"]}
    assert site.report == [f"{ED} signs", f"{FIRST} retires: it is not wanted any more"]
    site.run(after(311))
    assert site.states == {FIRST: "revoked", ED: "active"}


def test_the_way_back_is_open_while_the_old_key_retires() -> None:
    site = Site()
    site.run(DAY)
    site.series = wanted([DOMAIN], [{"algorithm": "ed25519"}])
    site.run(after(1))
    assert site.states == {FIRST: "retiring", ED: "active"}
    site.series = wanted([DOMAIN], MAIL)
    site.run(after(9), missing=[FIRST])
    assert site.states == {FIRST: "published", ED: "active"}
    assert site.signers() == {DOMAIN: ["e20261122"]}
    assert f"{ED} goes on signing" in site.report[0]
    site.run(after(40), roll_back=[FIRST])
    assert site.states == {FIRST: "active", ED: "retiring"}
    assert site.signers() == {DOMAIN: ["mail"]}


def test_the_way_back_before_the_change_is_done_changes_nothing() -> None:
    site = Site()
    site.run(DAY)
    site.series = wanted([DOMAIN], [{"algorithm": "ed25519"}])
    site.run(after(1), missing=[ED])
    site.series = wanted([DOMAIN], MAIL)
    site.run(after(2))
    assert site.states == {FIRST: "active", ED: "retiring"}
    assert site.signers() == {DOMAIN: ["mail"]}


def test_roll_back_to_a_key_that_is_not_wanted_says_what_to_change() -> None:
    site = Site()
    site.run(DAY)
    site.series = wanted([DOMAIN], [{"algorithm": "ed25519"}])
    site.run(after(1))
    with pytest.raises(CalendarError, match="not wanted any more: name its algorithm again"):
        site.run(after(2), roll_back=[FIRST])


def test_one_of_two_keys_that_goes_leaves_the_other() -> None:
    two = [{"selector": "a"}, {"selector": "b"}]
    site = Site(selectors=two)
    site.run(DAY)
    for selectors, signs in ((two[1:], ["b"]), (two, ["a", "b"]), (two[:1], ["a"])):
        site.series = wanted([DOMAIN], selectors)
        site.run(after(1))
        assert site.signers() == {DOMAIN: signs}
        assert len(site.keys) == 2


def test_sealing_keys_that_are_not_wanted_retire_at_once() -> None:
    site = Site(arc="own")
    site.run(DAY)
    site.series = wanted([DOMAIN], MAIL, "none")
    site.run(after(1))
    assert site.states == {FIRST: "active", f"ar20261121._domainkey.{DOMAIN}": "retiring"}


def test_a_calendar_whose_keys_are_called_by_their_selector_goes_on() -> None:
    site = Site()
    site.run(DAY)
    site.keys = [replace(key, series="mail") for key in site.keys]
    site.run(after(1))
    assert site.states == {FIRST: "active"}


def test_a_domain_that_shares_follows_through_a_change_of_algorithm() -> None:
    domains = [{"domain": "example.org", "shares": DOMAIN}, DOMAIN]
    site = Site(domains=domains)
    site.run(DAY)
    site.series = wanted(domains, [{"selector": "x", "algorithm": "ed25519"}])
    site.run(after(1), missing=["x._domainkey.example.org"])
    assert site.signers() == {DOMAIN: ["x"], "example.org": ["mail"]}
    site.run(after(2))
    assert site.signers() == {DOMAIN: ["x"], "example.org": ["x"]}


WANTED: tuple[list[dict[str, str]], ...] = (
    MAIL,
    [{"selector": "2027"}],
    [{}],
    [{"algorithm": "ed25519"}],
    [{"selector": "mail", "algorithm": "ed25519"}],
    [*MAIL, {"algorithm": "ed25519"}],
    [{"selector": "a"}, {"selector": "b"}],
    [{"selector": "b"}, {"selector": "mail"}, {"selector": "e", "algorithm": "ed25519"}],
)
RUNS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.integers(0, 7),
        st.booleans(),
        st.one_of(st.none(), st.sampled_from(WANTED)),
    ),
    min_size=1,
    max_size=25,
)


@given(RUNS)
def test_whatever_happens_something_published_signs(
    runs: list[tuple[int, int, bool, list[dict[str, str]] | None]],
) -> None:
    """Once a key signs, one does on every later run, whatever the site wants and DNS answers.

    A run: the days that passed, which records of keys that do not sign are missing, whether a
    change is asked for, and the keys wanted from now on.
    """
    site = Site(policy=Policy(rotation=30, publish_lead=5, overlap=3))
    site.run(DAY)
    day, known = DAY, {FIRST}
    for days, unseen, asked, selectors in runs:
        day += timedelta(days)
        before = site.signers()[DOMAIN]
        if selectors is not None:
            site.series = wanted([DOMAIN], selectors)
        rotate = [DOMAIN] if asked else []
        made = dkim_calendar.publish(site.keys, site.series, site.policy, day, PATH, rotate)
        waiting = [key.name for key in made if key.state == "published"]
        missing = [name for place, name in enumerate(waiting) if unseen >> place & 1]
        site.run(day, missing=missing, rotate=rotate)
        now = site.signers()[DOMAIN]
        assert now
        assert not {f"{selector}._domainkey.{DOMAIN}" for selector in now} & set(missing)
        names = {key.name for key in site.keys}
        assert known <= names
        known = names
        # Whoever signed before still has a record with its key.
        for key in site.keys:
            assert key.selector not in before or key.state in ("active", "retiring")
        for one in site.series:
            states = [key.state for key in site.keys if key.series_id == one.id]
            assert states.count("active") <= 1
            assert states.count("published") <= 1
        # A second run on the same day changes nothing.
        again = list(site.keys)
        site.run(day, missing=missing)
        assert site.keys == again


def test_keys_that_are_not_wanted_go_in_the_end() -> None:
    site = Site(selectors=WANTED[-1])
    site.run(DAY)
    for selectors in WANTED:
        site.series = wanted([DOMAIN], selectors)
        site.run(after(1))
    site.series = wanted([DOMAIN], MAIL)
    site.run(after(2))
    site.run(after(12))
    live = [key for key in site.keys if key.state != "revoked"]
    assert [(key.algorithm, key.state) for key in live] == [("rsa", "active")]
