"""MIME structure, types, file names, and the GTUBE pattern."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from filter_engine.config.model import OptionsConfig
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome

Scan = Callable[..., dict[str, list[Finding]]]


def mixed(*, kind: str = "mixed") -> dict[str, str]:
    """Header of a multipart; ``joined`` makes its body."""
    return {"Content-Type": f"multipart/{kind}; boundary=x"}


def joined(*parts: str) -> str:
    return "".join(f"--x\n{part}\n" for part in parts) + "--x--\n"


TEXT = "Content-Type: text/plain; charset=utf-8\n\nHello"
HTML = "Content-Type: text/html; charset=utf-8\n\n<p>Hello</p>"
PDF = "Content-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\n%PDF"
BINARY = "Content-Type: application/octet-stream\n\nx"


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({}, "Hello", set()),
        ({"MIME-Version": None}, "Hello", {"MISSING_MIME_VERSION"}),
        ({"Content-Type": "text/html"}, "<p>", {"MIME_HTML_ONLY"}),
        (
            {
                "MIME-Version": None,
                "Content-Transfer-Encoding": None,
                "Content-Type": "text/html; charset=utf-8",
            },
            "x",
            {"MIME_HEADER_CTYPE_ONLY", "MIME_HTML_ONLY", "MISSING_MIME_VERSION"},
        ),
        (mixed(kind="alternative"), joined(TEXT), {"MIME_MA_MISSING_HTML"}),
        (mixed(kind="alternative"), joined(HTML), {"MIME_MA_MISSING_TEXT", "MIME_HTML_ONLY"}),
        (mixed(kind="alternative"), joined(TEXT, HTML), set()),
        (
            {"Content-Type": "text/plain", "Content-Transfer-Encoding": "8bit"},
            "x",
            {"R_MISSING_CHARSET"},
        ),
        ({"Content-Type": "text/plain"}, "x", set()),
        ({"MIME-Version": None, "Mime-Version": "1.0"}, "x", {"MV_CASE"}),
        ({"Content-Type": "text/plain; charset=utf-8;"}, "x", {"CT_EXTRA_SEMI"}),
        ({"Content-Transfer-Encoding": "7Bit"}, "x", {"CTE_CASE"}),
    ],
)
def test_headers(scan: Scan, headers: dict[str, str], body: str, expected: set[str]) -> None:
    assert set(scan("check_mime", headers, body)) == expected


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({}, "Hello", set()),
        (mixed(), joined(TEXT, PDF), {"HAS_ATTACHMENT"}),
        (mixed(), joined(TEXT), {"CTYPE_MIXED_BOGUS"}),
        (mixed(), joined(TEXT, BINARY), {"CTYPE_MISSING_DISPOSITION"}),
        (mixed(kind="encrypted"), joined(BINARY), set()),
        (
            {"Content-Transfer-Encoding": "base64"},
            "SGVsbG8=",
            {"MIME_BASE64_TEXT", "MIME_BASE64_TEXT_BOGUS"},
        ),
        ({"Content-Transfer-Encoding": "base64"}, "SMOkbGxv", {"MIME_BASE64_TEXT"}),
        ({}, "H\u00e4llo", {"R_BAD_CTE_7BIT"}),
        ({"Content-Transfer-Encoding": "8bit"}, "H\u00e4llo", set()),
    ],
)
def test_parts(scan: Scan, headers: dict[str, str], body: str, expected: set[str]) -> None:
    assert set(scan("mime_parts", headers, body)) == expected


def test_utf8_in_7bit_weighs_less(scan: Scan) -> None:
    (found,) = scan("mime_parts", {}, "H\u00e4llo")["R_BAD_CTE_7BIT"]
    assert (found.options, found.weight) == (("7bit", "utf8"), 0.3)
    other = {"Content-Type": "text/plain; charset=iso-8859-1"}
    (found,) = scan("mime_parts", other, "H\u00e4llo")["R_BAD_CTE_7BIT"]
    assert (found.options, found.weight) == (("7bit",), 1.0)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((TEXT, "Content-Type: application/pgp-signature\n\nx"), {"SIGNED_PGP"}),
        ((TEXT, "Content-Type: application/pkcs7-signature\n\nx"), {"SIGNED_SMIME"}),
        (("Content-Type: application/pgp-encrypted\n\nVersion: 1",), {"ENCRYPTED_PGP"}),
        (
            (TEXT, "Content-Type: application/pkcs7-mime\n\nx"),
            {"ENCRYPTED_SMIME", "BOGUS_ENCRYPTED_AND_TEXT"},
        ),
    ],
)
def test_signed_and_encrypted(scan: Scan, parts: tuple[str, ...], expected: set[str]) -> None:
    assert set(scan("signed_and_encrypted", mixed(), joined(*parts))) == expected


def file(name: str, kind: str = "application/octet-stream") -> str:
    return f'Content-Type: {kind}\nContent-Disposition: attachment; filename="{name}"\n\nx'


@pytest.mark.parametrize(
    ("part", "trace", "symbols"),
    [
        (TEXT, ["0:+", "1:+"], {"MIME_GOOD": "multipart/mixed"}),
        (PDF, ["0:+", "1:~"], {}),
        ("Content-Type: x-own/thing\n\nx", ["0:+", "1:~"], {"MIME_UNKNOWN": "x-own/thing"}),
        ("Content-Type: application/vnd.own\n\nx", ["0:+", "1:~"], {}),
        (
            "Content-Type: multipart/form-data; boundary=y\n\n--y--",
            ["0:+", "1:-"],
            {"MIME_BAD": "multipart/form-data"},
        ),
        (file("virus.exe"), ["0:+", "1:-", "1:~"], {"MIME_BAD_EXTENSION": "exe"}),
        (file("bill.PDF.scr"), ["0:+", "1:-", "1:~"], {"MIME_DOUBLE_BAD_EXTENSION": ".pdf.scr"}),
        (file("bill.2.exe"), ["0:+", "1:-", "1:~"], {"MIME_BAD_EXTENSION": "exe"}),
        (file("a.zip.gz"), ["0:+", "1:-", "1:~"], {"MIME_ARCHIVE_IN_ARCHIVE": ".zip.gz"}),
        (file("a.zip.001"), ["0:+", "1:~"], {}),
        (
            file("page.html", "application/x-tar"),
            ["0:+", "1:~"],
            {"MIME_BAD_ATTACHMENT": "html:application/x-tar"},
        ),
        (file("noextension"), ["0:+", "1:~"], {}),
    ],
)
def test_types(scan: Scan, part: str, trace: list[str], symbols: dict[str, str]) -> None:
    found = scan("mime_types", mixed(), joined(part))
    assert list(found.pop("MIME_TRACE")[0].options) == trace
    good = found.pop("MIME_GOOD")
    assert good[0].options[0] == "multipart/mixed"
    symbols = {name: option for name, option in symbols.items() if name != "MIME_GOOD"}
    assert {name: one.options[0] for name, (one,) in found.items()} == symbols


TAIL = "JS*C4JDBQADN1.NSBN3*2IDNEN*" + "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


def gtube(raw: bytes, **options: object) -> Outcome | None:
    section = OptionsConfig(**options)  # type: ignore[arg-type]
    task = Task(Message(raw), Envelope(), {OptionsConfig: section}, 0.0, "test.example")
    returned = REGISTRY["gtube"].run(task)  # type: ignore[call-arg]
    assert returned is None or isinstance(returned, Outcome)
    return returned


@pytest.mark.parametrize(
    ("variant", "options", "action"),
    [
        ("X", {}, Action.REJECT),
        ("Y", {}, None),
        ("Y", {"gtube_patterns": "all"}, Action.ADD_HEADER),
        ("Z", {"enable_test_patterns": True}, Action.REWRITE_SUBJECT),
        ("A", {"gtube_patterns": "all"}, Action.NO_ACTION),
        ("X", {"gtube_patterns": "disabled"}, None),
        ("B", {"gtube_patterns": "all"}, None),
    ],
)
def test_gtube(variant: str, options: dict[str, object], action: Action | None) -> None:
    outcome = gtube(f"Subject: x\n\n{variant}{TAIL}\n".encode(), **options)
    if action is None:
        assert outcome is None
        return
    assert outcome is not None
    assert outcome.pre_result is not None
    assert outcome.pre_result.action is action
    assert outcome.pre_result.message == "Gtube pattern"
    assert [finding.symbol for finding in outcome.findings] == ["GTUBE"]


def test_gtube_is_found_where_people_read() -> None:
    from base64 import encodebytes

    pattern = f"X{TAIL}".encode()
    encoded = b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
    assert gtube(encoded + encodebytes(pattern)) is not None
    assert gtube(b"Subject: " + pattern + b"\n\nbody") is None
    attached = b"Content-Type: text/plain\nContent-Disposition: attachment\n\n"
    assert gtube(attached + pattern) is None
    assert gtube(b"Subject: x\n\n" + pattern[1:]) is None
