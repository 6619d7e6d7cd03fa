"""The calendar of the keys at work, in the order of the days; a run of the playbook is a day."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from testinfra.host import Host

from mailflow.flow import Flow, Passage, pass_one
from mailflow.outgoing import authoritative_txt
from mailflow.playbook import Played, play
from mailflow.trial import Site

HostOf = Callable[[str], Host]
KEYS = "/var/lib/filter_engine/dkim"
FIRST_KEY = ("example.net", "mail")
"""Domain and selector of a key that signs since the site was rolled out."""
ROTATION, LEAD, OVERLAP = 180, 14, 14
"""The role's defaults, days."""


class Days:
    """The days of the scenario: each test goes on where the last one stopped."""

    def __init__(self, site: Site) -> None:
        self.site = site
        # The site may have been rolled out before midnight, and this runs after it.
        (first,) = (key for key in self._keys() if (key["domain"], key["selector"]) == FIRST_KEY)
        self.begun = self.today = date.fromisoformat(first["dates"]["active"])

    def run(self, days: int = 0, **variables: object) -> Played:
        """Let so many days pass and run the playbook, on an inventory that was looked at before."""
        self.today += timedelta(days)
        more = json.dumps({"dkim_keys_today": self.today.isoformat(), **variables})
        return play(self.site.lab, "rotate_dkim.yml", "--skip-tags", "preflight", "-e", more)

    def _keys(self) -> list[dict[str, Any]]:
        path = f"{KEYS}/calendar.json"
        done = self.site.lab.ssh.run(self.site.access_server, ["cat", path])
        keys: list[dict[str, Any]] = json.loads(done.stdout)["keys"]
        return keys

    def calendar(self) -> dict[str, str]:
        """State by name of the record, future keys left out."""
        return {
            f"{key['selector']}._domainkey.{key['domain']}": key["state"]
            for key in self._keys()
            if key["state"] != "future"
        }

    def states(self, domain: str = "example.net") -> dict[str, str]:
        """State by selector, of a domain's DKIM keys."""
        ending = f"._domainkey.{domain}"
        return {
            name.removesuffix(ending): state
            for name, state in self.calendar().items()
            if name.endswith(ending) and not name.startswith("a")
        }

    def active(self) -> frozenset[str]:
        """Selectors that sign for the first domain."""
        return frozenset(s for s, state in self.states().items() if state == "active")


@pytest.fixture(scope="module")
def days(site: Site) -> Days:
    return Days(site)


def named(letter: str, day: date) -> str:
    """A selector by date."""
    return f"{letter}{day:%Y%m%d}"


def assert_well(passage: Passage, allowed: list[frozenset[str]]) -> None:
    """Signed with one of these sets of keys, each signature verified twice."""
    assert passage.problem == ""
    assert passage.selectors in allowed, passage
    assert len(passage.signatures) == 2
    assert all(one.verifies and one.domain == "example.net" for one in passage.signatures), passage
    assert {one.algorithm for one in passage.signatures} == {"rsa-sha256", "ed25519-sha256"}
    # Mail::DKIM of Debian 12 knows no Ed25519.
    assert list(passage.second.values()) == ["pass"], passage


def test_the_first_keys_sign_since_their_records_were_seen(days: Days) -> None:
    first = named("e", days.begun)
    assert days.states() == {"mail": "active", first: "active"}
    # The second domain has calendars of its own, and the first one's private keys.
    assert days.states("example.org") == {"mail": "active", first: "active"}
    assert_well(pass_one(days.site), [frozenset({"mail", first})])


def test_private_keys_lie_where_they_are_needed_and_nowhere_else(
    site: Site, host_of: HostOf, days: Days
) -> None:
    listed = "find / -xdev -name '*.key' -path '*dkim*' -printf '%f %m %u %g\\n'"
    own = sorted(host_of(site.access_server).check_output(listed).splitlines())
    ending = "640 root _filter_engine"
    arc = f"example.net.{named('ar', days.begun)}.key {ending}"
    assert own == sorted(
        [
            f"example.net.mail.key {ending}",
            f"example.net.{named('e', days.begun)}.key {ending}",
            arc,
        ]
    )
    (exchanger,) = site.exchangers
    assert host_of(exchanger).check_output(listed).splitlines() == [arc]
    open_files = f"find {KEYS} -type f ! -name '*.key' -exec grep -l PRIVATE {{}} +"
    assert host_of(site.access_server).run(open_files).stdout == ""


def test_a_whole_rotation_while_mail_flows(days: Days) -> None:
    old = days.active()
    with Flow(days.site) as flow:
        days.run(ROTATION - LEAD)
        published = days.today
        new = frozenset({named("r", published), named("e", published)})
        assert days.active() == old
        assert {days.states()[selector] for selector in new} == {"published"}
        days.run(LEAD)
        assert days.active() == new
        assert {days.states()[selector] for selector in old} == {"retiring"}
        days.run(OVERLAP)
        assert {days.states()[selector] for selector in old} == {"revoked"}
    assert len(flow.passages) >= 10
    for passage in flow.passages:
        assert_well(passage, [old, new])
    used = [passage.selectors for passage in flow.passages]
    assert used[0] == old
    assert used[-1] == new
    for selector in old:
        record = authoritative_txt(days.site.lab, f"{selector}._domainkey.example.net")
        assert record is not None
        assert record.replace(b" ", b"").endswith(b";p=")
    assert days.states("example.org") == days.states("example.net")


def test_a_record_that_never_appears_leaves_the_old_keys_and_the_run_says_why(
    days: Days,
) -> None:
    old = days.active()
    unpublished = {"dns_records_server": ""}
    days.run(ROTATION - LEAD - OVERLAP, **unpublished)
    waiting = named("r", days.today)
    done = days.run(LEAD + 30, **unpublished)
    # A run without a step changes nothing.
    assert set(done.changed.values()) == {0}
    assert days.active() == old
    assert days.states()[waiting] == "published"
    said = " ".join(done.output.split())
    assert f"{waiting}._domainkey.example.net must not sign yet: " in said
    for server in ("resolver 127.0.0.1", "resolver 10.195.171.142", "authoritative "):
        assert server in said
    assert "has no record" in said
    assert "goes on signing" in said
    assert_well(pass_one(days.site), [old])


def test_one_resolver_that_is_silent_keeps_a_key_waiting(days: Days, host_of: HostOf) -> None:
    old = days.active()
    (exchanger,) = days.site.exchangers
    host_of(exchanger).check_output("systemctl stop unbound")
    try:
        done = days.run()
    finally:
        host_of(exchanger).check_output("systemctl start unbound")
    assert days.active() == old
    said = " ".join(done.output.split())
    assert "resolver 10.195.171.142 gave no answer" in said
    assert "resolver 127.0.0.1 has" not in said
    assert_well(pass_one(days.site), [old])


def test_they_sign_as_soon_as_they_are_seen(days: Days) -> None:
    old = days.active()
    days.run()
    new = days.active()
    assert not new & old
    assert {days.states()[selector] for selector in old} == {"retiring"}
    assert_well(pass_one(days.site), [new])


def test_the_way_back(days: Days) -> None:
    new = days.active()
    old = frozenset(s for s, state in days.states().items() if state == "retiring")
    verb = {"dkim_keys_roll_back": [f"{selector}._domainkey.example.net" for selector in old]}
    with Flow(days.site) as flow:
        days.run(**verb)
        assert days.active() == old
        assert {days.states()[selector] for selector in new} == {"retiring"}
    for passage in flow.passages:
        assert_well(passage, [old, new])
    assert_well(pass_one(days.site), [old])


def test_a_stolen_key_is_changed_in_one_run_and_nothing_private_is_shown(
    days: Days, host_of: HostOf
) -> None:
    old = days.active()
    more = json.dumps(
        {
            "dkim_keys_today": days.today.isoformat(),
            "dkim_keys_rotate": ["example.net"],
            "dkim_keys_publish_lead": 0,
        }
    )
    # The whole playbook, with what it looks at first.
    done = play(days.site.lab, "rotate_dkim.yml", "--diff", "-vvv", "-e", more)
    new = days.active()
    assert not new & old
    assert_well(pass_one(days.site), [new])
    shown = done.output.replace("\\n", "\n")
    assert "v=DKIM1; k=rsa; p=" in shown
    assert "PRIVATE KEY" not in shown
    keys = host_of(days.site.access_server).check_output(f"cat {KEYS}/*.key").splitlines()
    # The modulus of an RSA key is public and stands at its beginning: the last lines are not.
    blocks = "\n".join(keys).split("-----BEGIN PRIVATE KEY-----\n")[1:]
    assert len(blocks) >= 6
    secrets = [block.split("\n-----END")[0].splitlines()[-1] for block in blocks]
    assert [secret for secret in secrets if secret in shown] == []


def test_from_rsa_to_ed25519_in_one_run(days: Days) -> None:
    """What is no longer wanted steps back once a wanted key of the domain signs."""
    both = days.active()
    days.run(dkim_keys_selectors=[{"algorithm": "ed25519"}])
    (left,) = days.active()
    assert left in both
    (given_up,) = both - {left}
    assert days.states()[given_up] == "retiring"
    passage = pass_one(days.site)
    assert passage.problem == ""
    (signature,) = passage.signatures
    assert signature.verifies
    assert (signature.selector, signature.algorithm) == (left, "ed25519-sha256")
