"""The test patterns of docker-mailserver's suite, with the headers that tell of them: row D51."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from filter_engine import checks
from filter_engine.config import load
from filter_engine.dns.table import TableResolver
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action, Verdict
from filter_engine.scanner import Scanner, sections

TAIL = "JS*C4JDBQADN1.NSBN3*2IDNEN*" + "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
FORGED = b"X-Rspamd-Action: no action\r\n"


def scan(directory: Path, variant: str) -> Verdict:
    checks.load()
    local = directory / "local.d"
    local.mkdir()
    (local / "options.inc").write_text('gtube_patterns = "all";\n')
    (local / "milter_headers.conf").write_text("extended_spam_headers = true;\n")
    config = load(None, {"LOCAL_CONFDIR": str(directory)}, {}, modules=sections(REGISTRY))
    scanner = Scanner(config, transport=TableResolver({}), server="mx1")
    raw = FORGED + f"Subject: Lunch\r\n\r\n{variant}{TAIL}\r\n".encode()
    return asyncio.run(scanner.scan(raw, Envelope(ip="203.0.113.9", mail_from="a@example.com")))


@pytest.mark.parametrize(
    ("variant", "action"),
    [
        ("X", Action.REJECT),
        ("Y", Action.ADD_HEADER),
        ("Z", Action.REWRITE_SUBJECT),
        ("A", Action.NO_ACTION),
    ],
)
def test_action_and_headers(tmp_path: Path, variant: str, action: Action) -> None:
    verdict = scan(tmp_path, variant)
    assert verdict.action is action
    headers = {header.name: header.value for header in verdict.edits.add}
    assert headers["X-Rspamd-Action"] == action.value
    assert headers["X-Spamd-Result"].startswith(f"default: {action is Action.REJECT} [")
    assert "GTUBE(0.00)[]" in headers["X-Spamd-Result"]
    assert "X-Rspamd-Action" in {header.name for header in verdict.edits.remove}
    assert (verdict.subject is not None) is (action is Action.REWRITE_SUBJECT)
    assert verdict.messages["smtp_message"] == "Gtube pattern"
