"""Parts, text, addresses and dates beside another parser's results (mail-parser, 64 messages).

Every message is read with LF and with CRLF. Where this parser reads a part otherwise on purpose, it
is listed in ``DIFFERENCES`` with the reason, and the test fails when the difference goes away.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance_data import DATA
from filter_engine.message import Address, Message, Part
from filter_engine.message.charset import decode_bytes, decode_unlabelled

CASES = sorted((DATA / "mime").glob("*/*.eml"))
UUENCODE = "uuencoded content is decoded here, left alone there"
UNLABELLED = "bytes above 127 without a charset are read as windows-1252 here, not as U+FFFD"
NO_BASE64 = "base64 that holds other characters is decoded as far as it goes, not left as it is"
DIFFERENCES = {
    ("legacy/017", 2): UUENCODE,
    ("legacy/017", 3): UUENCODE,
    ("legacy/026", 2): UUENCODE,
    ("legacy/048", 2): UUENCODE,
    ("legacy/048", 3): UUENCODE,
    ("legacy/048", 4): UUENCODE,
    ("legacy/033", 0): UNLABELLED,
    ("legacy/052", 0): UNLABELLED,
    ("rfc/000", 4): NO_BASE64,
    ("rfc/000", 5): NO_BASE64,
}

if not CASES:
    pytest.skip(
        f"no messages in {DATA / 'mime'}: set CONFORMANCE_DIR to the conformance data",
        allow_module_level=True,
    )

Expected = list[tuple[str, Any]]
each_case = pytest.mark.parametrize(
    "path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


def expected_parts(document: dict[str, Any]) -> Expected:
    """Kind and content of each part in preorder, attached messages flattened into the list."""
    found: Expected = []

    def walk(index: int) -> None:
        ((kind, body),) = document["parts"][index]["body"].items()
        if kind == "Multipart":
            found.append(("multipart", len(body)))
            for child in body:
                walk(child)
        elif kind == "Message":
            found.append(("message", None))
            found.extend(expected_parts(body))
        else:
            found.append(("leaf", body))

    walk(0)
    return found


def shape(part: Part) -> tuple[str, int | None]:
    if part.is_multipart:
        return "multipart", len(part.children)
    return ("message" if part.is_message else "leaf"), None


def same_content(body: str | list[int], part: Part) -> bool:
    if not isinstance(body, str):
        return bytes(body) == part.content
    data = part.content
    text = decode_bytes(data, part.charset) if part.charset else decode_unlabelled(data)
    return body.replace("\r\n", "\n").rstrip() == text.replace("\r\n", "\n").rstrip()


@each_case
@pytest.mark.parametrize("line_end", ["lf", "crlf"])
def test_parts(path: Path, line_end: str) -> None:
    raw = path.read_bytes().replace(b"\r\n", b"\n")
    suffix = ".json"
    if line_end == "crlf":
        raw = raw.replace(b"\n", b"\r\n")
        suffix = ".crlf.json"
    expected = expected_parts(json.loads(path.with_suffix(suffix).read_text()))
    parts = Message(raw).parts
    assert [shape(part) for part in parts] == [
        (kind, body if kind == "multipart" else None) for kind, body in expected
    ]
    for part, (kind, body) in zip(parts, expected, strict=True):
        if kind == "leaf":
            reason = DIFFERENCES.get((f"{path.parent.name}/{path.stem}", part.index))
            assert same_content(body, part) is (reason is None), reason or f"content of {part}"


@each_case
def test_header(path: Path) -> None:
    message = Message(path.read_bytes())
    lists = {
        "from": message.from_addresses,
        "to": message.to,
        "cc": message.cc,
        "reply_to": message.reply_to,
        "sender": message.sender,
    }
    document = json.loads(path.with_suffix(".json").read_text())
    for field in document["parts"][0]["headers"]:
        name, value = field["name"], field["value"]
        if name == "date":
            expected = value.get("DateTime") if isinstance(value, dict) else None
            assert (message.date is None) is (expected is None)
            for key in ("year", "month", "day", "hour", "minute", "second"):
                assert expected is None or getattr(message.date, key) == expected[key], key
        elif name == "subject":
            assert message.subject == value.get("Text", "").strip()
        elif name == "message_id":
            assert message.message_id == value["Text"]
        elif isinstance(name, str) and name in lists:
            assert [shown(one) for one in lists[name]] == [
                (one["name"], one["address"]) for one in value["Address"]["List"]
            ]


def shown(address: Address) -> tuple[str | None, str | None]:
    return address.display, address.spelled or None
