"""A site with rules of ``multimap``, and one mail that it scans."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from filter_engine.config.loader import inspect
from filter_engine.config.model import Config
from filter_engine.dns.table import TableResolver
from filter_engine.headers.sections import sections
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Verdict
from filter_engine.scanner import Scanner

MESSAGE = b"""\
Received: from a.example.org (b.example.org [192.0.2.7]) by mx.example.com with ESMTPSA;
 Sat, 21 Nov 2026 10:00:00 +0000
Received: from c.example.org ([198.51.100.9]) by a.example.org with SMTP;
 Sat, 21 Nov 2026 09:59:00 +0000
From: "Bob B." <bob@mail.example.co.uk>
To: alice@example.net
Cc: Carol <carol@one.example>, dan@two.example, eve@two.example
Subject: Cheap pills
Message-ID: <abc@mail.example.co.uk>
Date: Sat, 21 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

Buy foo and bar, then foo:
http://www.shop.example.com/path/to.html?x=1
--b
Content-Type: application/octet-stream; name="run.exe"
Content-Disposition: attachment; filename="run.exe"

0123
--b--
"""
ENVELOPE: dict[str, Any] = {
    "ip": "192.0.2.77",
    "helo": "mail.example.org",
    "hostname": "host.example.org",
    "mail_from": "sender@bounces.example.org",
    "rcpt_to": ("one@example.net", "two@example.com"),
}
ASN = {"77.2.0.192.asn.rspamd.com": {"TXT": [b"64500|192.0.2.0/24|NL|ripencc|"]}}


def load(directory: Path, text: str) -> Config:
    main = directory / "main.conf"
    main.write_text(text)
    found = inspect(main, {"DBDIR": str(directory)}, {}, modules=sections(REGISTRY))
    assert found.config is not None, found.findings
    return found.config


def write_map(directory: Path, text: str) -> str:
    number = len(list(directory.glob("*.map")))
    file = directory / f"entries{number}.map"
    file.write_text(text)
    return str(file)


def scan(directory: Path, text: str, *, dns: Any = ASN, **envelope: Any) -> Verdict:
    config = load(directory, text)
    scanner = Scanner(config, transport=TableResolver(dns), server="here")
    known = Envelope(**{**ENVELOPE, **envelope})
    return asyncio.run(scanner.scan(MESSAGE.replace(b"\n", b"\r\n"), known))


def scan_rule(directory: Path, rule: str, entries: str, **envelope: Any) -> Verdict:
    """The verdict with one rule RULE of score 2 and a map of some entries."""
    text = f'multimap {{ RULE {{ score = 2; map = "{write_map(directory, entries)}"; {rule} }} }}'
    return scan(directory, text, **envelope)
