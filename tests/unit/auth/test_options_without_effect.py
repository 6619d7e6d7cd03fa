"""Options of authentication that change nothing without another are told, at their line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from filter_engine import checks
from filter_engine.config.loader import load
from filter_engine.headers.sections import sections
from filter_engine.scan.declare import REGISTRY

checks.load()


def told(directory: Path, file: str, text: str) -> list[tuple[str, int | None]]:
    (directory / "local.d").mkdir()
    (directory / "local.d" / file).write_text(text)
    config = load(
        variables={"LOCAL_CONFDIR": str(directory)},
        environ={},
        modules=sections(REGISTRY),
        groups=REGISTRY.groups(),
    )
    return [(found.code, found.line) for found in config.findings]


@pytest.mark.parametrize(
    ("file", "text", "lines"),
    [
        ("dkim_signing.conf", '\nkey_table = "/etc/keys";', [2]),
        ("dkim_signing.conf", 'signing_table = ["a b"]; key_table = ["b c:d:e"];', []),
        (
            "dkim_signing.conf",
            'signing_table = ["a b"];\nkey_table = ["b c:d:e"];\npath = "/k";',
            [3],
        ),
        ("dkim_signing.conf", "http_key_header = X;\nuse_http_headers = false;", [1]),
        ("dkim_signing.conf", "http_key_header = X;\nuse_http_headers = true;", []),
        (
            "arc.conf",
            "sign_local = false; sign_authenticated = false; sign_inbound = true;\n"
            "reuse_auth_results = true;",
            [2],
        ),
        ("dkim.conf", "trusted_only = true;", [1]),
        ("dkim.conf", "strict_multiplier = 2;", [1]),
        ("dkim.conf", 'trusted_only = true; trusted_domains = ["a.example"];', []),
        ("dmarc.conf", 'reporting { enabled = true; email = "a@b.example"; }', [1]),
        ("dmarc.conf", 'reporting { enabled = true; email = "a@b.c"; domain = "b.c"; }', []),
        ("bimi.conf", "\nenabled = true;", [2]),
        ("bimi.conf", 'enabled = true; helper_url = "http://127.0.0.1:3030";', []),
        ("bimi.conf", "enabled = false;", []),
    ],
)
def test_what_has_no_effect(tmp_path: Path, file: str, text: str, lines: list[int]) -> None:
    assert told(tmp_path, file, text) == [("no-effect", line) for line in lines]


@pytest.mark.parametrize(
    "text", ['use_domain = "nobody";', 'use_domain_sign_local = "a b.c";', 'sign_headers = "to";']
)
def test_what_cannot_be_read(tmp_path: Path, text: str) -> None:
    from filter_engine.config.findings import ConfigError

    with pytest.raises(ConfigError):
        told(tmp_path, "arc.conf", text)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('email = "not an address"', "'not an address' is no mail address"),
        ('email = "Example <dmarc@example.net>"', "the name goes into from_name"),
        ('email = "@example.net"', "is no mail address"),
        ('bcc_addrs = ["a@b.example", "c"]', "'c' is no mail address"),
        ('domain = "x y"', "'x y' is no domain's name"),
        ('msgid_from = "a@b.example"', "is no domain's name"),
        ('helo = "mx..example"', "is no domain's name"),
        ("smtp_port = 99999", "'99999' is not a port (1 to 65535)"),
        ("smtp_port = 0", "is not a port"),
    ],
)
def test_reports_that_could_not_be_sent(tmp_path: Path, written: str, said: str) -> None:
    from filter_engine.config.findings import ConfigError

    with pytest.raises(ConfigError, match=re.escape(said)):
        told(tmp_path, "dmarc.conf", f"reporting {{ {written}; }}")


def test_reports_that_can_be_sent(tmp_path: Path) -> None:
    text = """reporting {
    enabled = true; email = "dmarc+r@bücher.example"; domain = "mx.bücher.example";
    bcc_addrs = ["a.b@example.net"]; msgid_from = ""; helo = "mx1"; smtp_port = 587; }"""
    assert told(tmp_path, "dmarc.conf", text) == []
