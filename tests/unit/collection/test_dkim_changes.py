"""Other keys wanted than before: the one that signs goes on until its successor was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils import dkim_calendar
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_series import (
    Policy,
    wanted,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_states import (
    CalendarError,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from key_calendar import DAY, DOMAIN, FIRST, MAIL, PATH, POLICY, Site, after

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
    site.run(after(1))
    assert site.report == [f"{ED}: due on 2026-12-06, seen"]
    site.run(after(14))
    assert site.signers() == {DOMAIN: ["mail"]}
    for days in (15, 30, 300):
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


def test_the_first_keys_of_a_domain_sign_at_once_each_when_it_is_seen() -> None:
    """Where nothing was signed before, nobody remembers that a record was missing."""
    site = Site(selectors=[*MAIL, {"algorithm": "ed25519"}])
    first = f"e20261121._domainkey.{DOMAIN}"
    site.run(DAY, missing=[first])
    assert site.states == {FIRST: "active", first: "published"}
    site.run(after(1))
    assert site.states == {FIRST: "active", first: "active"}


def test_a_second_algorithm_that_joins_waits_for_the_lead() -> None:
    site = Site()
    site.run(DAY)
    site.series = wanted([DOMAIN], [*MAIL, {"algorithm": "ed25519"}])
    for days in (1, 7, 14):
        site.run(after(days))
        assert site.signers() == {DOMAIN: ["mail"]}
    site.run(after(15))
    assert site.signers() == {DOMAIN: ["mail", "e20261122"]}


def test_the_way_back_is_open_while_the_old_key_retires() -> None:
    site = Site()
    site.run(DAY)
    site.series = wanted([DOMAIN], [{"algorithm": "ed25519"}])
    site.run(after(1))
    site.run(after(15))
    assert site.states == {FIRST: "retiring", ED: "active"}
    site.series = wanted([DOMAIN], MAIL)
    site.run(after(23), missing=[FIRST])
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
    site.run(after(15))
    with pytest.raises(CalendarError, match="not wanted any more: name its algorithm again"):
        site.run(after(16), roll_back=[FIRST])


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
    site.run(after(1))
    assert site.signers() == {DOMAIN: ["mail"], "example.org": ["mail"]}
    site.run(after(15), missing=["x._domainkey.example.org"])
    assert site.signers() == {DOMAIN: ["x"], "example.org": ["mail"]}
    site.run(after(16))
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


@settings(deadline=None)
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
