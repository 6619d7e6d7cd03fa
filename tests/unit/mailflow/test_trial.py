"""What a trial tells of a mail: who decided, in which words, and how the demo shows it."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from demo.table import render
from mailflow.catalogue import load
from mailflow.spamd_result import parse
from mailflow.trial import Site, Trial

MAILS = {mail.name: mail for mail in load()}
LIMIT = 80


def trial(name: str = "clean", **facts: Any) -> Trial:
    return Trial(MAILS[name], "id@example.net", "dolores", **facts)


@pytest.mark.parametrize(
    ("command", "code", "text", "action"),
    [
        (".", 554, "5.7.1 Gtube pattern", "reject"),
        (".", 554, "5.7.1 Action set by DMARC", "reject"),
        (".", 451, "4.7.1 Try again later", "soft reject"),
        (".", 451, "4.7.1 Service unavailable - try again later", ""),
        (".", 554, "5.7.1 Command rejected", ""),
        (".", 250, "2.0.0 Ok: queued as 4dDB", ""),
        ("RCPT", 554, "5.7.1 <frank@remote.example>: Relay access denied", ""),
        ("RCPT", 550, "5.1.1 <nobody@example.net>: Recipient address rejected", ""),
    ],
)
def test_only_the_filter_s_own_replies_tell_an_action(
    command: str, code: int, text: str, action: str
) -> None:
    assert trial(command=command, code=code, text=text, ended="refused").action == action


def test_the_header_tells_the_action_of_what_arrived() -> None:
    arrived = trial(command=".", code=250, raw=b"X-Rspamd-Action: add header\r\n\r\n")
    assert arrived.action == "add header"


def test_the_queue_s_number_is_not_shown() -> None:
    assert trial(code=250, text="2.0.0 Ok: queued as 4dDB123").reply == "250 2.0.0 Ok"
    assert trial(code=550, text="5.1.1 no\n5.1.1 really").reply == "550 5.1.1 no"
    assert trial().reply == ""


@pytest.mark.parametrize(("ipv6", "reason"), [(None, "maeve has no public IPv6"), ("::1", "")])
def test_a_site_without_ipv6_is_not_sent_mail_over_it(ipv6: str | None, reason: str) -> None:
    hosts = (SimpleNamespace(name="dolores"), SimpleNamespace(name="maeve"))
    lab: Any = SimpleNamespace(
        site=lambda: SimpleNamespace(mail_exchangers=hosts, hosts=hosts, domains=("example.net",)),
        host=lambda _name: SimpleNamespace(ipv6=ipv6),
    )
    site = Site(lab)
    site.access_server = "charlotte"
    assert site.inapplicable(MAILS["clean-v6"]) == reason
    assert site.inapplicable(MAILS["clean"]) == ""


def shown(width: int) -> list[str]:
    result = parse("default: False [-0.90 / 15.00]; DMARC_POLICY_ALLOW(-0.50)[]; R_SPF_NA(0.00)[]")
    trials = [
        trial(code=250, text="2.0.0 Ok: queued as X", result=result, ended="alice@x/INBOX"),
        trial("clean-v6", inapplicable="dolores has no public IPv6", ended="not applicable"),
        trial("relay", code=554, text="5.7.1 " + "far " * 40, ended="refused", problems=["odd"]),
    ]
    console = Console(width=width, file=io.StringIO(), color_system=None)
    render(trials, console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]  # a StringIO


def test_a_narrow_terminal_gets_lines_it_can_hold() -> None:
    lines = shown(LIMIT)
    assert max(map(len, lines)) <= LIMIT
    assert lines[2].split() == ["ok", "clean", "dolores", "-0.90", "alice@x/INBOX"]
    assert lines[3].rstrip() == "    250 2.0.0 Ok"
    assert lines[4].rstrip() == "    DMARC_POLICY_ALLOW(-0.5)"
    assert lines[5].startswith("-   clean-v6")
    assert lines[5].endswith("not applicable")
    assert lines[6].strip() == "dolores has no public IPv6"
    assert lines[7].startswith("BAD relay")
    assert lines[-1] == "relay: odd"


def test_a_wide_terminal_gets_a_table() -> None:
    lines = shown(180)
    assert "as expected" in lines[2]
    assert "host" in lines[2]
    assert "not applicable" in "\n".join(lines)
    assert any(line.rstrip(" │").endswith("yes") for line in lines)
