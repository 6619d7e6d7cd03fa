"""Row C9, ``spf_domains``: mail of these domains is refused when SPF fails, and no other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from filter_engine.importers.rmilter import import_rmilter

OPTIONS = """dns { nameserver = "127.0.0.1:9"; timeout = 200ms; retransmits = 1; fake_records = [
  { name = "hard.example"; type = txt; replies = ["v=spf1 -all"]; },
  { name = "other.example"; type = txt; replies = ["v=spf1 -all"]; }
]; }
"""
MAIL = "From: a@{0}\nTo: b@example.net\nSubject: x\n\nhello\n"


def verdict(site: Path, sender: str) -> tuple[str, str, set[str]]:
    """(action, text of the reply, symbols) of a mail of that sender's domain."""
    command = [sys.executable, "-m", "filter_engine.cli.main", "scan", "--json"]
    envelope = ["--ip", "198.51.100.7", "--from", f"a@{sender}", "--rcpt", "b@example.net"]
    done = subprocess.run(
        [*command, "--var", f"LOCAL_CONFDIR={site}", *envelope, "-"],
        input=MAIL.format(sender.lower()),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    reply = json.loads(done.stdout)
    return reply["action"], reply.get("messages", {}).get("smtp_message", ""), set(reply["symbols"])


def test_failure_is_a_refusal_for_these_domains_alone(tmp_path: Path) -> None:
    found = import_rmilter("spf_domains = Hard.example, passing.example;", "r.conf")
    for name in ("multimap.conf", "force_actions.conf"):
        file = tmp_path / "local.d" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(found.files[f"local.d/{name}"])
    (tmp_path / "local.d" / "options.inc").write_text(OPTIONS)
    action, told, symbols = verdict(tmp_path, "HARD.example")
    assert action == "reject"
    assert told.startswith("SPF policy violation")
    assert {"R_SPF_FAIL", "RMILTER_SPF_DOMAINS"} <= symbols
    action, _, symbols = verdict(tmp_path, "other.example")
    assert action != "reject"
    assert "R_SPF_FAIL" in symbols


def test_none_named_refuses_none() -> None:
    assert "local.d/force_actions.conf" not in import_rmilter("spf_domains = ;", "r.conf").files
