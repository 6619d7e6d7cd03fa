"""The real Rspamd accepts what this engine signs and seals, and finds what was changed."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from filter_engine.auth.arc import verify_chain
from filter_engine.auth.arc_seal import seal
from filter_engine.auth.dkim_sign import ARC_SIGN_HEADERS, SIGN_HEADERS, parse_header_list, sign
from filter_engine.auth.signing_key import SigningKey
from filter_engine.checks.sender_policy import signed_content
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.question import ASK
from zone_drive import drive

from .live import Rspamd
from .recording import missing

if missing():
    pytest.skip(f"no {missing()}; set ORACLE_DIR", allow_module_level=True)
if shutil.which("rspamd") is None:
    pytest.skip("no rspamd", allow_module_level=True)

NAME = "s._domainkey.seal.example"
MAIL = b"From: al@seal.example\r\nTo: bo@example.net\r\nSubject: x\r\n\r\nhi  there\r\n"
CONFIGURATION = """
options {{
    filters = "dkim";
    local_addrs = "10.9.9.9";
    dns {{
        nameserver = "127.0.0.1:9";
        timeout = 0.1s;
        retransmits = 1;
        fake_records = [ {{ name = "{name}"; type = txt; replies = ["{record}"]; }} ]
    }}
}}
logging {{ type = "console"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
dkim {{ }} arc {{ }} spf {{ }} dmarc {{ }}
lua = "/usr/share/rspamd/rules/rspamd.lua"
modules {{ path = "/usr/share/rspamd/plugins/"; }}
"""


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey(generate_private_key(65537, 2048))


@pytest.fixture(scope="module")
def rspamd(key: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rspamd]:
    main: Path = tmp_path_factory.mktemp("rspamd") / "rspamd.conf"
    server = Rspamd(main=main)
    main.write_text(CONFIGURATION.format(name=NAME, record=key.record, port=server.port))
    with server:
        yield server


def said(rspamd: Rspamd, raw: bytes, symbol: str) -> list[str] | None:
    """The options of a symbol in the reply; None when it did not fire."""
    headers = {"IP": "192.0.2.1", "From": "al@seal.example"}
    symbols = json.loads(rspamd.ask(raw, headers))["symbols"]
    return symbols[symbol].get("options", []) if symbol in symbols else None


def with_field(name: str, value: str, raw: bytes) -> bytes:
    return f"{name}: {value}\n".replace("\n", "\r\n").encode() + raw


def sealed(raw: bytes, key: SigningKey) -> bytes:
    now = int(time.time())
    chain = drive(
        verify_chain(ASK, signed_content(Message(raw)), now),
        TableResolver({NAME: {"TXT": [key.record.encode()]}}),
    )
    made = seal(
        signed_content(Message(raw)),
        chain,
        "mx.example.net;\n\tspf=pass smtp.mailfrom=al@seal.example",
        "seal.example",
        "s",
        key,
        now,
        parse_header_list(ARC_SIGN_HEADERS),
    )
    for name, value in made.fields:
        raw = with_field(name, value, raw)
    return raw


def test_signatures(rspamd: Rspamd, key: SigningKey) -> None:
    headers = parse_header_list(SIGN_HEADERS)
    content = signed_content(Message(MAIL))
    value = sign(content, "seal.example", "s", key, int(time.time()), headers)
    raw = with_field("DKIM-Signature", value, MAIL)
    assert said(rspamd, raw, "R_DKIM_ALLOW") == ["seal.example:s=s"]
    assert said(rspamd, raw + b"more\r\n", "R_DKIM_REJECT") is not None


def test_chains_of_several_hops(rspamd: Rspamd, key: SigningKey) -> None:
    raw = MAIL
    for hop in range(1, 5):
        raw = sealed(raw, key)
        assert said(rspamd, raw, "ARC_ALLOW") == [f"seal.example:s=s:i={hop}"]
    assert said(rspamd, raw + b"more\r\n", "ARC_REJECT") is not None


def test_a_chain_that_is_sealed_as_failed(rspamd: Rspamd, key: SigningKey) -> None:
    raw = sealed(sealed(MAIL, key) + b"more\r\n", key)
    assert b"cv=fail" in raw
    assert said(rspamd, raw, "ARC_REJECT") is not None
