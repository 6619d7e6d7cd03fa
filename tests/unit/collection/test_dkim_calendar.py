"""The calendar of keys: which step is due on which day, and what it never does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils import dkim_calendar
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_series import (
    Policy,
    wanted,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_states import (
    CalendarError,
    read,
    records,
    write,
)

from key_calendar import DAY, DOMAIN, FIRST, MAIL, POLICY, SECOND, Site, after


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
