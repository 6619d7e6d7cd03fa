"""What becomes of a mail by its class: virus, banned file, spam, bad header."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from filter_engine import checks
from filter_engine.checks.destiny import DestinyOptions
from filter_engine.config import load
from filter_engine.config.findings import ConfigError
from filter_engine.dns.table import TableResolver
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action, Verdict
from filter_engine.scanner import Scanner, sections

HEAD = (
    "From: Bob <bob@example.com>\r\nTo: <alice@example.net>\r\nSubject: Lunch\r\n"
    "Date: Fri, 20 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"
)
CLEAN = f"{HEAD}\r\nHello\r\n".encode()
TWICE = f"Subject: Dinner\r\n{HEAD}\r\nHello\r\n".encode()
BANNED = f"""\
{HEAD}MIME-Version: 1.0\r
Content-Type: application/octet-stream; name="invoice.pdf.exe"\r
Content-Disposition: attachment; filename="invoice.pdf.exe"\r
\r
MZ\r
""".encode()
VIRUS = (
    'clamav { type = clamav; servers = "127.0.0.1:9"; symbol = CLAM_VIRUS; patterns { X = "y"; } }'
)


def scan(tmp_path: Path, raw: bytes, destiny: str, settings: str = "", **files: str) -> Verdict:
    checks.load()
    local = tmp_path / "local.d"
    local.mkdir(exist_ok=True)
    for name, text in {"destiny": destiny, **files}.items():
        (local / f"{name}.conf").write_text(text)
    variables = {"LOCAL_CONFDIR": str(tmp_path), "DBDIR": str(tmp_path)}
    config = load(None, variables, {}, modules=sections(REGISTRY))
    scanner = Scanner(config, transport=TableResolver({}), clock=lambda: 1_795_000_000.0)
    headers = ((b"settings", settings.encode()),) if settings else ()
    envelope = Envelope(ip="203.0.113.9", mail_from="bob@example.com", request_headers=headers)
    return asyncio.run(scanner.scan(raw, envelope))


def is_decided(verdict: Verdict) -> bool:
    return verdict.action in (Action.DISCARD, Action.REJECT)


def test_by_default_the_score_decides(tmp_path: Path) -> None:
    assert "smtp_message" not in scan(tmp_path, BANNED, "").messages


@pytest.mark.parametrize(
    ("destiny", "action"), [("D_DISCARD", Action.DISCARD), ("reject", Action.REJECT)]
)
def test_banned_files(tmp_path: Path, destiny: str, action: Action) -> None:
    options = f"banned = {destiny};"
    verdict = scan(tmp_path, BANNED, options)
    assert "MIME_DOUBLE_BAD_EXTENSION" in {symbol.name for symbol in verdict.symbols}
    assert verdict.action is action
    assert verdict.messages["smtp_message"] == "A file is banned"
    assert not is_decided(scan(tmp_path, CLEAN, options))


def test_bad_headers(tmp_path: Path) -> None:
    verdict = scan(tmp_path, TWICE, "bad_header = reject;")
    assert "MULTIPLE_UNIQUE_HEADERS" in {symbol.name for symbol in verdict.symbols}
    assert verdict.action is Action.REJECT
    assert not is_decided(scan(tmp_path, CLEAN, "bad_header = reject;"))


def test_the_first_class_that_is_not_to_pass_decides(tmp_path: Path) -> None:
    options = "banned = pass; bad_header = discard;"
    mail = b"Subject: Dinner\r\n" + BANNED
    assert scan(tmp_path, mail, options).action is Action.DISCARD
    assert scan(tmp_path, BANNED, options).action is not Action.DISCARD


@pytest.mark.parametrize("found", ["CLAM_VIRUS", "X"])
def test_viruses_by_the_symbols_of_the_rules(tmp_path: Path, found: str) -> None:
    settings = f"symbols = [{found}];"
    verdict = scan(tmp_path, CLEAN, "virus = discard;", settings, antivirus=VIRUS)
    assert verdict.action is Action.DISCARD
    failed = settings.replace(found, "CLAM_VIRUS_FAIL")
    verdict = scan(tmp_path, CLEAN, "virus = discard;", failed, antivirus=VIRUS)
    assert not is_decided(verdict)


@pytest.mark.parametrize(
    ("destiny", "action"),
    [("pass", Action.ADD_HEADER), ("discard", Action.DISCARD), ("reject", Action.REJECT)],
)
def test_spam(tmp_path: Path, destiny: str, action: Action) -> None:
    settings = "symbols = [BROKEN_HEADERS]; actions { reject = 7 }"
    assert scan(tmp_path, CLEAN, f"spam = {destiny};", settings).action is action


def test_a_bounce_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="stranger"):
        scan(tmp_path, CLEAN, "spam = D_BOUNCE;")
    with pytest.raises(ConfigError, match="no destiny"):
        scan(tmp_path, CLEAN, "spam = keep;")


def test_the_classes_name_symbols_that_there_are() -> None:
    checks.load()
    known = {symbol.name for _, symbol in REGISTRY.symbols()}
    options = DestinyOptions()
    assert {*options.banned_symbols, *options.bad_header_symbols} <= known
