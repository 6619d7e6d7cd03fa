"""Header edits are a pure function of decision and options, in the form Rspamd's users know."""

from __future__ import annotations

from typing import Any

import pytest

from filter_engine.headers.milter_headers import (
    EXTENDED,
    MilterHeadersOptions,
    header_edits,
    spamd_result,
)
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.metric import Decision
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, HeaderEdits, SymbolResult

BIG = SymbolResult("BIG", 7.0, 7.0, options=("why", "because"))
SMALL = SymbolResult("SMALL", -0.5, -0.5)


def make_task(**changes: Any) -> Task:
    envelope = Envelope(
        ip="198.51.100.10",
        queue_id="ABC123",
        rcpt_to=("alice@example.net",),
        user=changes.pop("user", None),
    )
    return Task(
        message=None,  # type: ignore[arg-type]  # headers never look at the message
        envelope=envelope,
        sections={},
        now=0.0,
        server="mx1",
        **changes,
    )


def edit(
    options: MilterHeadersOptions, action: Action = Action.ADD_HEADER, **changes: Any
) -> HeaderEdits:
    score = changes.pop("score", 6.5)
    decision = Decision(action, score, (SMALL, BIG))
    return header_edits(make_task(**changes), decision, 15.0, options)


def added(edits: HeaderEdits) -> dict[str, str]:
    return {header.name: header.value for header in edits.add}


def removed(edits: HeaderEdits) -> set[str]:
    assert all(header.index == 0 for header in edits.remove)
    return {header.name for header in edits.remove}


def test_spamd_result_as_rspamd_writes_it() -> None:
    assert spamd_result([SMALL, BIG], 6.5, 15.0, rejected=False) == (
        "default: False [6.50 / 15.00];\n\tBIG(7.00)[why,because];\n\tSMALL(-0.50)[]"
    )


def test_true_means_rejected() -> None:
    assert spamd_result([], 20.0, 15.0, rejected=True) == "default: True [20.00 / 15.00]"


def test_options_of_a_symbol_cannot_end_the_header() -> None:
    evil = SymbolResult("EVIL", 0.0, 0.0, options=("a\r\nX-Spam: No", "b\tc"))
    value = spamd_result([evil], 0.0, 15.0, rejected=False)
    assert "\r" not in value
    assert value.count("\n") == 1


def test_nothing_is_added_by_default_but_an_old_flag_goes() -> None:
    edits = edit(MilterHeadersOptions())
    assert edits.add == ()
    assert removed(edits) == {"X-Spam"}


def test_extended_headers_replace_those_that_came_along() -> None:
    edits = edit(MilterHeadersOptions(extended_spam_headers=True))
    assert added(edits) | {"X-Spamd-Result": ""} == {
        "X-Spamd-Result": "",
        "X-Rspamd-Server": "mx1",
        "X-Rspamd-Queue-Id": "ABC123",
        "X-Rspamd-Action": "add header",
    }
    assert removed(edits) == {"X-Spam", *added(edits)}
    assert len(EXTENDED) == 4


@pytest.mark.parametrize(
    ("score", "bar", "level"),
    [(-2.0, "--", None), (-0.99, "/", None), (0.0, "/", None), (3.9, "+++", "***")],
)
def test_bar_and_level(score: float, bar: str, level: str | None) -> None:
    options = MilterHeadersOptions(use=("x-spamd-bar", "x-spam-level", "x-spam-status"))
    edits = edit(options, Action.NO_ACTION, score=score)
    assert added(edits)["X-Spamd-Bar"] == bar
    assert added(edits).get("X-Spam-Level") == level
    assert added(edits)["X-Spam-Status"] == f"No, score={score:.2f}"
    assert "X-Spam-Level" in removed(edits)


@pytest.mark.parametrize(
    ("action", "word"),
    [
        (Action.NO_ACTION, "No"),
        (Action.GREYLIST, "No"),
        (Action.ADD_HEADER, "Yes"),
        (Action.REJECT, "Yes"),
    ],
)
def test_status_word(action: Action, word: str) -> None:
    edits = edit(MilterHeadersOptions(use=("x-spam-status",)), action)
    assert added(edits)["X-Spam-Status"] == f"{word}, score=6.50"


@pytest.mark.parametrize("who", [{"local": True}, {"user": "alice"}])
def test_local_and_authenticated_mail_is_left_alone(who: dict[str, Any]) -> None:
    options = MilterHeadersOptions(use=("x-spamd-result",))
    assert edit(options, **who).add == ()
    assert removed(edit(options, **who)) == {"X-Spam"}


def test_routines_can_be_named_for_local_and_authenticated_mail() -> None:
    options = MilterHeadersOptions(
        use=("x-rspamd-server", "x-spam-status"),
        local_headers=("x-rspamd-server",),
        authenticated_headers=("x-spam-status",),
    )
    assert set(added(edit(options, local=True))) == {"X-Rspamd-Server"}
    assert set(added(edit(options, user="alice"))) == {"X-Spam-Status"}


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [
        (("alice",), True),
        (("@example.net",), True),
        (("alice@example.net",), True),
        (("bob",), False),
    ],
)
def test_extended_headers_only_for_listed_recipients(listed: tuple[str, ...], wanted: bool) -> None:
    options = MilterHeadersOptions(use=("x-rspamd-server",), extended_headers_rcpt=listed)
    assert bool(edit(options).add) is wanted


def test_unknown_routines_are_ignored_and_known_ones_run_once() -> None:
    options = MilterHeadersOptions(use=("nonsense", "X-Rspamd-Server", "x-rspamd-server"))
    assert len(edit(options).add) == 1


def test_order_is_the_site_s() -> None:
    options = MilterHeadersOptions(
        use=("x-rspamd-server", "authentication-results"), default_headers_order=5
    )
    orders = {header.name: header.order for header in edit(options).add}
    assert orders == {"X-Rspamd-Server": 5, "Authentication-Results": 1}
