"""mime_types: files in archives, detected types, tables of a site."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from filter_engine.checks.mime_types import MimeTypesOptions
from filter_engine.config.map_definition import define_text

Scan = Callable[..., Any]


def zipped(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return made.getvalue()


def attach(
    scan: Scan, name: str, content: bytes, kind: str = "application/zip", **more: Any
) -> Any:
    headers = {
        "Content-Type": f'{kind}; name="{name}"',
        "Content-Transfer-Encoding": "base64",
    }
    return scan("mime_types", headers, base64.encodebytes(content).decode(), **more)


@pytest.mark.parametrize(
    ("name", "members", "symbol", "options", "weight"),
    [
        ("a.zip", ("x.pdf.exe",), "MIME_DOUBLE_BAD_EXTENSION", (".pdf.exe",), 1.0),
        ("a.zip", ("x.js", "y.txt"), "MIME_BAD_EXTENSION", ("js",), 2.0),
        ("a.zip", ("x.js",), "MIME_BAD_EXTENSION", ("js",), 0.5),
        ("a.zip", ("x.docx",), "MIME_BAD_EXTENSION", ("docx",), 0.1),
        ("a.zip", ("x.zip",), "MIME_ARCHIVE_IN_ARCHIVE", ("zip",), 1.0),
        ("bill.pdf.zip", ("bill.scr",), "MIME_DOUBLE_BAD_EXTENSION", ("pdf!=scr",), 2.0),
        ("a.zip", ("bill\u202ecod.exe",), "MIME_BAD_UNICODE", ("0x202e after bill",), 1.0),
        ("a.zip", ("bill\u202ecod.exe",), "MIME_OBFUSCATED_ARCHIVE", ("obfuscated archive",), 1.0),
    ],
)
def test_in_a_zip(
    scan: Scan,
    name: str,
    members: tuple[str, ...],
    symbol: str,
    options: tuple[str, ...],
    weight: float,
) -> None:
    (finding,) = attach(scan, name, zipped(*members))[symbol]
    assert (finding.options, finding.weight) == (options, weight)


def test_documents_are_no_archives(scan: Scan) -> None:
    content = zipped("[Content_Types].xml", "word/document.xml", "word/x.js")
    found = attach(scan, "a.docx", content, "application/octet-stream")
    assert set(found) == {"MIME_TRACE"}


def test_encrypted(scan: Scan) -> None:
    content = bytearray(zipped("a.txt"))
    content[content.find(b"PK\x01\x02") + 8] |= 1
    assert attach(scan, "a.zip", bytes(content))["MIME_ENCRYPTED_ARCHIVE"][0].options == ("a.txt",)
    packed = b"7z\xbc\xaf'\x1c\0\x04" + b"\0" * 12 + b"\x02" + b"\0" * 11 + b"\x17\x06"
    (finding,) = attach(scan, "a.7z", packed, "application/x-7z-compressed")[
        "MIME_ENCRYPTED_ARCHIVE"
    ]
    assert (finding.options, finding.weight) == (("compressed header",), 0.5)


def test_a_program_under_another_name(scan: Scan) -> None:
    found = attach(scan, "bill.pdf", b"MZ\x90\0" + b"\0" * 60, "application/pdf")
    assert found["MIME_BAD_EXTENSION"][0].options == ("exe",)
    assert not attach(scan, "bill.pdf", b"%PDF-1.4\n", "application/pdf").get("MIME_BAD_EXTENSION")


def test_tables_of_a_site(scan: Scan, tmp_path: Path) -> None:
    file = tmp_path / "types"
    file.write_text("application/zip 3\ntext/plain 0\n")
    allowed = tmp_path / "names"
    allowed.write_text("/^good/\n")
    options = MimeTypesOptions(
        file=define_text(str(file)),
        filename_whitelist=define_text(str(allowed)),
        bad_extensions=MappingProxyType({"txt": 1.5}),
    )
    found = attach(scan, "a.zip", zipped("x.txt", "y.exe"), options=options)
    assert found["MIME_BAD"][0].weight == 3.0
    assert (found["MIME_BAD_EXTENSION"][0].options, found["MIME_BAD_EXTENSION"][0].weight) == (
        ("txt",),
        1.5,
    )
    found = attach(scan, "good.zip", zipped("good.txt"), options=options)
    assert "MIME_BAD_EXTENSION" not in found
