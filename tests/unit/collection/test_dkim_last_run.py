"""Runs of the calendar one after the other: their lock, their days, verbs that stay."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils import dkim_last_run
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_keyring import Keyring
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_states import CalendarError

Run = Callable[..., dict[str, Any]]
DAY = "2026-11-21"
NAME = "mail._domainkey.example.net"


@pytest.fixture
def calendar(run_module: Run, tmp_path: Path) -> Run:
    """One step, of the clock of a day; Ed25519 is made quickly."""

    def step(name: str = "publish", check_mode: bool = False, **more: Any) -> dict[str, Any]:
        arguments = {
            "step": name,
            "path": f"{tmp_path}/$domain.$selector.key",
            "domains": ["example.net"],
            "selectors": [{"selector": "mail", "algorithm": "ed25519"}],
            "today": DAY,
            "owner": str(os.getuid()),
            "group": str(os.getgid()),
            **more,
        }
        return run_module("dkim_calendar", check_mode=check_mode, **arguments)

    return step


@pytest.fixture
def both(calendar: Run) -> Run:
    """Both steps, as a playbook takes them: everything is seen."""

    def run(**more: Any) -> dict[str, Any]:
        asked = calendar(**more)
        assert not asked.get("failed"), asked["msg"]
        seen = [{"name": one["name"], "right": True} for one in asked["questions"]]
        return calendar("activate", seen=seen, **more)

    return run


def keyring(directory: Path) -> Keyring:
    path = str(directory / "calendar.json")
    return Keyring("openssl", path, "", os.getuid(), os.getgid(), 0o640, 2048)


def test_a_second_run_waits_for_the_first_and_then_goes_on(calendar: Run, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        with keyring(tmp_path).locked():
            second = pool.submit(calendar)
            with pytest.raises(TimeoutError):
                second.result(timeout=3)
            assert not (tmp_path / "calendar.json").exists()
            assert calendar("show").get("failed") is None
        assert second.result(timeout=60)["changed"] is True


def test_a_run_that_waits_too_long_is_told_why(tmp_path: Path) -> None:
    with (
        keyring(tmp_path).locked(),
        pytest.raises(CalendarError, match=r"another run has kept .* run this again"),
        keyring(tmp_path).locked(seconds=0.1),
    ):
        pass
    with keyring(tmp_path).locked(seconds=0):
        assert (tmp_path / "calendar.json.lock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("today", "last", "rotation", "words"),
    [
        (date(2026, 11, 19), date(2026, 11, 21), 180, "was kept on 2026-11-21 already"),
        (date(2026, 11, 20), date(2026, 11, 21), 180, ""),
        (date(2027, 5, 20), date(2026, 11, 21), 180, ""),
        (date(2027, 5, 21), date(2026, 11, 21), 180, "more than a term of 180 days"),
        (date(2036, 1, 1), date(2026, 11, 21), 0, ""),
        (date(2036, 1, 1), None, 180, ""),
    ],
)
def test_the_day_of_a_clock(today: date, last: date | None, rotation: int, words: str) -> None:
    if not words:
        dkim_last_run.check_day(today, last, rotation)
        return
    with pytest.raises(CalendarError, match=words):
        dkim_last_run.check_day(today, last, rotation)


def test_a_clock_that_jumps_changes_nothing_and_a_day_that_is_given_is_taken(
    calendar: Run, both: Run, tmp_path: Path
) -> None:
    both()
    before = (tmp_path / "calendar.json").read_text()
    ahead = calendar(today="2036-01-01")
    assert "more than a term of 180 days after 2026-11-21" in ahead["msg"]
    assert "2036" in calendar("activate", today="2036-01-01", check_mode=True)["msg"]
    assert calendar("show", today="2036-01-01").get("failed") is None
    assert (tmp_path / "calendar.json").read_text() == before
    calendar(today="2036-01-01", day_given=True)
    assert "was kept on 2036-01-01 already" in calendar(today="2026-11-22")["msg"]
    calendar(today="2026-11-22", day_given=True)
    assert calendar(today="2026-11-23")["changed"] is False


def test_without_a_last_run_the_calendar_tells_the_day(
    calendar: Run, both: Run, tmp_path: Path
) -> None:
    both()
    (tmp_path / "last_run.json").unlink()
    assert "was kept on 2026-11-21 already" in calendar(today="2026-11-01")["msg"]
    (tmp_path / "last_run.json").write_text("[]")
    assert "last_run.json does not tell the calendar's last run" in calendar()["msg"]


def test_a_name_that_stays_in_roll_back_is_carried_out_once(both: Run) -> None:
    both()
    fast = {"publish_lead": 0}
    stays = {"roll_back": [NAME], **fast}
    both(rotate=["example.net"], **fast)

    def signer(result: dict[str, Any]) -> str:
        (one,) = result["signing"][0]["selectors"]
        return str(one["selector"])

    assert signer(both(**stays)) == "mail"
    rotated = both(rotate=["example.net"], **stays)
    assert signer(rotated) == "e20261121b"
    assert any(line.startswith(f"{NAME} was rolled back to before") for line in rotated["report"])
    again = both(**stays)
    assert (signer(again), again["changed"]) == ("e20261121b", False)
    # After a run without it, it is a verb again.
    both(**fast)
    assert signer(both(**stays)) == "mail"
    # The key is revoked: what stays in the inventory fails no run.
    both(rotate=["example.net"], **stays)
    late = both(**{**stays, "overlap": 0})
    states = {record["name"]: record["state"] for record in late["records"]}
    assert (states[NAME], late.get("failed")) == ("revoked", None)
