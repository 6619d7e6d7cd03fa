"""Header edits are a pure function of decision and options, in the form Rspamd's users know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filter_engine.checks.p0f import Fingerprint
from filter_engine.config.loader import inspect
from filter_engine.headers.milter_headers import MilterHeaders
from filter_engine.headers.options import (
    EXTENDED,
    MilterHeadersOptions,
    Routines,
)
from filter_engine.headers.routine_options import (
    AddHeadersRoutine,
    AuthenticationResultsRoutine,
    BarRoutine,
    LevelRoutine,
    RemoveHeaderRoutine,
    RemoveHeadersRoutine,
    ServerRoutine,
    SpamFlagRoutine,
    SpamHeaderRoutine,
    VirusRoutine,
)
from filter_engine.headers.sections import sections
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.metric import Decision
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import (
    Action,
    AddHeader,
    HeaderEdits,
    PreResult,
    RemoveHeader,
    SymbolResult,
)

from .conftest import MAIL, Site

BIG = SymbolResult("BIG", 7.0, 7.0, options=("why", "because"))
SMALL = SymbolResult("SMALL", -0.5, -0.5)


def make_task(raw: bytes = MAIL, user: str | None = None, **changes: Any) -> Task:
    envelope = Envelope(
        ip="198.51.100.10", queue_id="ABC123", rcpt_to=("alice@example.net",), user=user
    )
    return Task(
        message=Message(raw), envelope=envelope, sections={}, now=0.0, server="mx1", **changes
    )


def edit(
    options: MilterHeadersOptions,
    action: Action = Action.ADD_HEADER,
    score: float = 6.5,
    symbols: tuple[SymbolResult, ...] = (SMALL, BIG),
    pre: PreResult | None = None,
    **changes: Any,
) -> HeaderEdits:
    decision = Decision(action, score, symbols, pre_result=pre)
    return MilterHeaders(options).edits(make_task(**changes), decision, 15.0)


def added(edits: HeaderEdits) -> dict[str, str]:
    assert len({header.name.lower() for header in edits.add}) == len(edits.add)
    return {header.name: header.value for header in edits.add}


def removed(edits: HeaderEdits) -> set[str]:
    assert all(header.index == 0 for header in edits.remove)
    return {header.name for header in edits.remove}


def only(name: str, **routines: Any) -> MilterHeadersOptions:
    """One routine with its options."""
    return MilterHeadersOptions(
        use=(name,), routines=Routines(**routines), remove_upstream_spam_flag=False
    )


def test_nothing_is_added_by_default_but_an_old_flag_goes() -> None:
    edits = edit(MilterHeadersOptions())
    assert edits.add == ()
    assert removed(edits) == {"X-Spam"}
    flag = Routines(remove_spam_flag=SpamFlagRoutine(header="X-Junk"))
    assert removed(edit(MilterHeadersOptions(routines=flag))) == {"X-Junk"}
    assert edit(MilterHeadersOptions(remove_upstream_spam_flag=False)) == HeaderEdits()


def test_extended_headers_replace_those_that_came_along() -> None:
    edits = edit(MilterHeadersOptions(extended_spam_headers=True))
    assert added(edits) | {"X-Spamd-Result": ""} == {
        "X-Spamd-Result": "",
        "X-Rspamd-Server": "mx1",
        "X-Rspamd-Queue-Id": "ABC123",
        "X-Rspamd-Action": "add header",
    }
    assert removed(edits) == {"X-Spam", "X-Rspamd-Pre-Result", *added(edits)}
    assert len(EXTENDED) == 4


def test_what_decided_without_a_score_stands_beside_the_symbols() -> None:
    pre = PreResult(Action.REJECT, "Gtube\r\npattern", "gtube")
    edits = edit(only("x-spamd-result"), Action.REJECT, pre=pre)
    assert added(edits)["X-Rspamd-Pre-Result"] == "action=reject; module=gtube; Gtube??pattern"
    assert added(edits)["X-Spamd-Result"].startswith("default: True [6.50 / 15.00]")


@pytest.mark.parametrize(
    ("score", "bar", "level"),
    [
        (-2.0, "--", None),
        (-0.99, "/", None),
        (0.0, "/", None),
        (3.9, "+++", "***"),
        (1e9, "+" * 200, "*" * 200),
    ],
)
def test_bar_and_level(score: float, bar: str, level: str | None) -> None:
    options = MilterHeadersOptions(use=("x-spamd-bar", "x-spam-level", "x-spam-status"))
    edits = edit(options, Action.NO_ACTION, score=score)
    assert added(edits)["X-Spamd-Bar"] == bar
    assert added(edits).get("X-Spam-Level") == level
    assert added(edits)["X-Spam-Status"] == f"No, score={score:.2f}"
    assert "X-Spam-Level" in removed(edits)


def test_marks_are_the_site_s() -> None:
    bar = BarRoutine(header="My-Bar", positive="P", negative="N", neutral="", remove=())
    assert edit(only("x-spamd-bar", bar=bar), score=2.0) == HeaderEdits(
        (AddHeader("My-Bar", "PP"),)
    )
    assert added(edit(only("x-spamd-bar", bar=bar), score=-1.0)) == {"My-Bar": "N"}
    assert edit(only("x-spamd-bar", bar=bar), score=0.0) == HeaderEdits()
    level = LevelRoutine(char="#", order=1)
    assert edit(only("x-spam-level", level=level), score=3.0).add == (
        AddHeader("X-Spam-Level", "###", 1),
    )


@pytest.mark.parametrize(
    ("action", "word"),
    [
        (Action.NO_ACTION, "No"),
        (Action.GREYLIST, "No"),
        (Action.ADD_HEADER, "Yes"),
        (Action.REJECT, "Yes"),
    ],
)
def test_status_word_and_header_for_spam(action: Action, word: str) -> None:
    edits = edit(MilterHeadersOptions(use=("x-spam-status", "spam-header")), action)
    assert added(edits)["X-Spam-Status"] == f"{word}, score=6.50"
    assert added(edits).get("Deliver-To") == ("Junk" if word == "Yes" else None)
    assert "Deliver-To" in removed(edits)
    other = SpamHeaderRoutine(header="X-Folder", value="Spam", remove=())
    assert edit(only("spam-header", spam_header=other)).add == (AddHeader("X-Folder", "Spam"),)


@pytest.mark.parametrize(
    ("symbols", "value"),
    [
        (("CLAM", "Eicar"), "infected, Eicar"),
        (("CLAM",), "infected, unknown"),
        (("CLAM_FAIL", "no answer"), "failed(no answer)"),
        (("OTHER",), "clean"),
    ],
)
def test_viruses(symbols: tuple[str, ...], value: str) -> None:
    virus = VirusRoutine(
        symbols=("CLAM",),
        symbols_fail=("CLAM_FAIL",),
        status_clean="clean",
        status_infected="infected",
        status_fail="failed",
    )
    found = (SymbolResult(symbols[0], 0.0, 0.0, options=symbols[1:]),)
    assert added(edit(only("x-virus", virus=virus), symbols=found)) == {"X-Virus": value}


def test_viruses_without_words_for_them_are_named_alone() -> None:
    virus = VirusRoutine(symbols=("CLAM",), symbols_fail=("CLAM_FAIL",))
    for name, want in (("CLAM", {"X-Virus": "Eicar"}), ("CLAM_FAIL", {}), ("OTHER", {})):
        found = (SymbolResult(name, 0.0, 0.0, options=("Eicar",)),)
        edits = edit(only("x-virus", virus=virus), symbols=found)
        assert added(edits) == want
        assert removed(edits) == {"X-Virus"}


def test_what_p0f_says() -> None:
    seen = Fingerprint("Linux 3.x", "Ethernet", 5, 17)
    assert added(edit(only("x-os-fingerprint"), results={"p0f": seen})) == {
        "X-OS-Fingerprint": "Linux 3.x, (up: 17 min), (distance 5, link: Ethernet)"
    }
    unknown = edit(only("x-os-fingerprint"), results={"p0f": None})
    assert (unknown.add, removed(unknown)) == ((), {"X-OS-Fingerprint"})


def test_the_server_has_another_name() -> None:
    server = ServerRoutine(hostname="filter.example.net")
    assert added(edit(only("x-rspamd-server", server=server))) == {
        "X-Rspamd-Server": "filter.example.net"
    }


def test_headers_that_go_and_headers_that_come() -> None:
    options = MilterHeadersOptions(
        use=("remove-header", "remove-headers", "add-headers"),
        remove_upstream_spam_flag=False,
        routines=Routines(
            remove_header=RemoveHeaderRoutine(header="X-One", remove=(1, -1)),
            remove_headers=RemoveHeadersRoutine(headers={"X-Two": 2}),
            add_headers=AddHeadersRoutine(headers={"X-Three": "a"}),
        ),
    )
    edits = edit(options)
    assert edits.add == (AddHeader("X-Three", "a"),)
    assert edits.remove == (
        RemoveHeader("X-One", 1),
        RemoveHeader("X-One", -1),
        RemoveHeader("X-Two", 2),
        RemoveHeader("X-Three", 0),
    )


def test_two_routines_with_one_header_add_it_once() -> None:
    routines = Routines(
        server=ServerRoutine(header="X-Note"),
        add_headers=AddHeadersRoutine(headers={"x-note": "mine"}),
    )
    options = MilterHeadersOptions(use=("x-rspamd-server", "add-headers"), routines=routines)
    assert added(edit(options)) == {"x-note": "mine"}


@pytest.mark.parametrize("who", [{"local": True}, {"user": "alice"}])
def test_local_and_authenticated_mail_is_left_alone(who: dict[str, Any]) -> None:
    options = MilterHeadersOptions(use=("x-spamd-result",))
    assert edit(options, **who).add == ()
    assert removed(edit(options, **who)) == {"X-Spam"}
    everywhere = MilterHeadersOptions(
        use=("x-spamd-result",), skip_local=False, skip_authenticated=False
    )
    assert set(added(edit(everywhere, **who))) == {"X-Spamd-Result"}


def test_routines_can_be_named_for_local_and_authenticated_mail() -> None:
    options = MilterHeadersOptions(
        use=("x-rspamd-server", "x-spam-status", "x-spamd-bar"),
        local_headers=("x-rspamd-server", "x-rspamd-bar"),
        authenticated_headers=("x-spam-status",),
    )
    assert set(added(edit(options, local=True))) == {"X-Rspamd-Server", "X-Spamd-Bar"}
    assert set(added(edit(options, user="alice"))) == {"X-Spam-Status"}
    assert added(edit(options, user="alice", local=True)) == {}


def test_order_is_the_site_s() -> None:
    options = MilterHeadersOptions(
        use=("x-rspamd-server", "authentication-results"), default_headers_order=5
    )
    orders = {header.name: header.order for header in edit(options).add}
    assert orders == {"X-Rspamd-Server": 5, "Authentication-Results": 1}


FORGED = (
    b"""\
Authentication-Results: MX1 ; dkim=pass header.d=bank.example
Authentication-Results: other.example; spf=pass
Authentication-Results: (mine) "mx1" 1; dmarc=pass
"""
    + MAIL
)


def test_foreign_results_in_our_name_go_though_others_stay() -> None:
    routine = AuthenticationResultsRoutine(remove=())
    edits = edit(only("authentication-results", authentication_results=routine), raw=FORGED)
    assert edits.remove == (
        RemoveHeader("Authentication-Results", 1),
        RemoveHeader("Authentication-Results", 3),
    )
    assert len(edits.add) == 1
    whole = edit(only("authentication-results"), raw=FORGED)
    assert whole.remove == (RemoveHeader("Authentication-Results", 0),)


def test_a_login_does_not_speak_in_our_name_though_its_mail_is_left_alone() -> None:
    edits = edit(only("authentication-results"), raw=FORGED, user="alice")
    assert [removal.index for removal in edits.remove] == [1, 3]
    assert edits.add == ()
    assert edit(only("authentication-results"), raw=FORGED, local=True) == HeaderEdits()


def test_mail_that_was_not_scanned_loses_what_is_forged() -> None:
    headers = MilterHeaders(MilterHeadersOptions(extended_spam_headers=True))
    edits = headers.edits(make_task(), Decision(Action.NO_ACTION, 0.0, ()), 15.0, results=False)
    assert edits.add == ()
    assert "X-Spamd-Result" in removed(edits)


# -- from the site's files -------------------------------------------------------------------------


def test_all_options_as_a_site_writes_them(site: Site) -> None:
    """The configuration of Rspamd's own test, and more."""
    scan = site(
        milter_headers="""
        use = ["remove-headers", "x-spam-level", "x-spamd-bar", "x-virus", "add-headers"];
        routines {
            remove-headers { headers { "X-Spam-Level" = 0; "X-Old" = [1, 3]; } }
            x-spamd-bar { header = "My-Spamd-Bar"; remove = null; }
            x-virus { symbols = ["SIMPLE_TEST"]; }
            add-headers { remove = 1; headers {
                "X-A" = "text"; "X-B" { value = "b"; order = 2; } "X-C" = ["1", "2"];
            } }
        }
        """
    )
    edits = scan(
        settings="{symbols_enabled = [], symbols = {SIMPLE_TEST {options = [Fires]}}}"
    ).edits
    assert {h.name: (h.value, h.order) for h in edits.add if h.name != "X-C"} == {
        "My-Spamd-Bar": ("/", -1),
        "X-Virus": ("Fires", -1),
        "X-A": ("text", -1),
        "X-B": ("b", 2),
    }
    assert [h.value for h in edits.add if h.name == "X-C"] == ["1", "2"]
    gone = [(header.name, header.index) for header in edits.remove]
    assert gone == [
        ("X-Spam-Level", 0), ("X-Old", 1), ("X-Old", 3), ("X-Virus", 0),
        ("X-A", 1), ("X-B", 1), ("X-C", 1), ("X-Spam", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "spared"),
    [("alice", True), ("@example.net", True), ("ALICE@example.net", True), ("bob", False)],
)
def test_mail_to_listed_recipients_is_never_left_alone(
    site: Site, entry: str, spared: bool
) -> None:
    scan = site(
        milter_headers=f'use = "x-rspamd-server"; skip_all = true;'
        f' extended_headers_rcpt = ["nobody@example.org", "{entry}"];'
    )
    for rcpt in (("alice@example.net",), ("x@example.org", "Alice@Example.net")):
        verdict = scan(rcpt_to=rcpt, user="alice")
        assert [header.name for header in verdict.edits.add] == ["X-Rspamd-Server"] * spared


def test_the_old_name_says_what_the_new_one_does_not(site: Site) -> None:
    scan = site(
        rmilter_headers='use = ["x-rspamd-server"]; skip_authenticated = false;',
        milter_headers='use = ["x-spam-status"];',
    )
    assert [header.name for header in scan(user="alice").edits.add] == ["X-Spam-Status"]


def test_switched_off(site: Site) -> None:
    scan = site(milter_headers="enabled = false; extended_spam_headers = true;")
    assert scan().edits == HeaderEdits()


def test_routines_that_do_not_exist_are_told(tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d" / "milter_headers.conf").write_text(
        """
        use = ["x-spamd-baar", "stat-signature", "x-virus"];
        local_headers = ["x-rspamd-bar", "x-viruses"];
        routines { x-virus { header = "X: Y"; } stat-signature { header = "X"; } }
        """
    )
    variables = {"LOCAL_CONFDIR": str(tmp_path)}
    found = inspect(None, variables, {}, modules=sections(REGISTRY)).findings
    told = {(f.line, f.code): f for f in found if "milter_headers" in f.file}
    assert set(told) == {
        (2, "no-effect"),
        (2, "not-served"),
        (3, "no-effect"),
        (4, "wrong-type"),
        (4, "not-served"),
    }
    assert "did you mean 'x-spamd-bar'?" in told[2, "no-effect"].hint
    assert "did you mean 'x-virus'?" in told[3, "no-effect"].hint


# -- settings --------------------------------------------------------------------------------------


def test_settings_choose_the_routines(site: Site) -> None:
    scan = site(
        milter_headers='use = ["x-rspamd-server"];',
        settings="""
        r { id = "one"; apply { plugins { milter_headers {
            routines = [ authentication-results, x-spam-status, nonsense ]; } } } }
        """,
    )
    edits = scan(settings_id="one", user="alice").edits
    assert [header.name for header in edits.add] == ["Authentication-Results", "X-Spam-Status"]
    assert removed(edits) == {"Authentication-Results", "X-Spam-Status", "X-Spam"}


def test_settings_add_and_remove_headers(site: Site) -> None:
    scan = site(
        settings="""
        r { rcpt = "alice@example.net"; apply {
            add_headers { "X-A" = "text"; "X-B" { value = "b"; order = 1; } }
            remove_headers { "X-Old" = 1; "X-Spam" = 0; }
        } }
        w { id = "skip"; whitelist = yes; apply { add_headers { "X-W" = 1; } } }
        """
    )
    edits = scan().edits
    assert edits.add == (AddHeader("X-A", "text"), AddHeader("X-B", "b", 1))
    assert edits.remove == (RemoveHeader("X-Spam", 0), RemoveHeader("X-Old", 1))
    skipped = scan(settings_id="skip", rcpt_to=())
    assert skipped.skipped
    assert skipped.edits.add == (AddHeader("X-W", "1"),)


@pytest.mark.parametrize(
    "headers",
    [
        '{"X: y" = "z"}',
        r'{"X" = "a\r\nEvil: b"}',
        '{"X" = null}',
        '{"X" = {order = 1}}',
        '{"X" = {value = a; order = 99999}}',
    ],
)
def test_headers_of_a_request_that_cannot_be_are_left_out_and_told(
    site: Site, headers: str, caplog: pytest.LogCaptureFixture
) -> None:
    edits = site()(settings=f"{{add_headers = {headers}}}").edits
    assert edits.add == ()
    assert "headers are left as they are" in caplog.text
