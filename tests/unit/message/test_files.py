"""Types of files by content, members of archives, marks of PDF files."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile

import pytest

from conformance_data import DATA
from filter_engine.message import Message
from filter_engine.message.archive import read_archive
from filter_engine.message.archive.member import Archive, Member
from filter_engine.message.file_type import detect
from filter_engine.message.image_size import image_size
from filter_engine.message.pdf import read_pdf

FUNCTIONAL = DATA / "rspamd" / "test" / "functional" / "messages"


def zipped(*names: str, comment: bytes = b"") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, "content of " + name)
        archive.comment = comment
    return made.getvalue()


def tarred(*names: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
    return made.getvalue()


def test_sixty_types_of_rspamds_own_message() -> None:
    cases = json.loads((DATA / "rspamd" / "cases.json").read_text())["tuples"]
    (case,) = (case for case in cases if case["suite"].endswith("350_magic.robot"))
    wanted = {}
    for symbol in case["expect"]["symbols"]:
        extension, number = symbol.removeprefix("MAGIC_SYM_").rsplit("_", 1)
        wanted[int(number) - 1] = extension.lower()
    parts = Message((FUNCTIONAL / "gargantua.eml").read_bytes()).parts
    found = {part.index: part.file_type.extension for part in parts if part.file_type is not None}
    assert found == wanted


@pytest.mark.parametrize("content", [b"", b"\0\1\2\3", b"\n\n", b"P\0K", b"\xd0\xcf\0"])
def test_unknown(content: bytes) -> None:
    assert detect(content) is None


def names(archive: Archive | None) -> list[str]:
    assert archive is not None
    return [member.name for member in archive.members]


def test_zip() -> None:
    content = zipped("a.txt", "d/invoice.pdf.exe", comment=b"a long comment " * 50)
    assert names(read_archive(content, "zip")) == ["a.txt", "d/invoice.pdf.exe"]
    assert names(read_archive(b"in front" + content, "zip")) == ["a.txt", "d/invoice.pdf.exe"]
    masked = bytearray(content)
    masked[content.find(b"PK\x01\x02") + 8] |= 1
    archive = read_archive(bytes(masked), "zip")
    assert archive is not None
    assert [member.encrypted for member in archive.members] == [True, False]
    assert read_archive(content[:40], "zip") == Archive("zip", unreadable=True)


def test_tar_and_gzip() -> None:
    assert names(read_archive(tarred("a.txt", "b.exe"), "tar")) == ["a.txt", "b.exe"]
    assert names(read_archive(gzip.compress(tarred("a.txt", "b.exe")), "gz")) == ["a.txt", "b.exe"]
    named = io.BytesIO()
    with gzip.GzipFile("report.js", "wb", fileobj=named) as stream:
        stream.write(b"x")
    assert names(read_archive(named.getvalue(), "gz")) == ["report.js"]
    assert read_archive(b"\x1f\x8b\x08broken", "gz") == Archive("gz", unreadable=True)


def test_rar_and_7z_of_rspamds_messages() -> None:
    parts = Message((FUNCTIONAL / "gargantua.eml").read_bytes()).parts
    assert names(parts[2].archive) == ["t\\t.txt"]
    assert names(parts[41].archive) == ["1.txt"]


def test_packed_and_masked_headers() -> None:
    start = (
        b"7z\xbc\xaf'\x1c\0\x04" + b"\0" * 4 + (0).to_bytes(8, "little") + (9).to_bytes(8, "little")
    )
    packed = start + b"\0" * 4 + b"\x17\x06\0\0\0\0\0\0\0"
    assert read_archive(packed, "7z") == Archive("7z", unreadable=True)
    masked = start + b"\0" * 4 + b"\x17\x06\xf1\x07\x01\0\0\0\0"
    assert read_archive(masked, "7z") == Archive("7z", encrypted=True)
    rar = b"Rar!\x1a\x07\x00" + b"\0\0\x73\x80\0\x0d\0" + b"\0" * 6
    assert read_archive(rar, "rar") == Archive("rar", encrypted=True)


def test_names_that_hide() -> None:
    assert Archive("zip", (Member("a\u202etxt.exe"),)).obfuscated
    assert not Archive("zip", (Member("\u00fcber uns.txt"),)).obfuscated


def test_the_number_of_members_is_bounded() -> None:
    content = zipped(*(f"{n}.txt" for n in range(1500)))
    assert len(names(read_archive(content, "zip"))) == 1000


@pytest.mark.parametrize(
    ("index", "size"), [(43, (20, 18)), (44, (23, 28)), (45, (23, 28)), (46, (23, 28))]
)
def test_image_sizes(index: int, size: tuple[int, int]) -> None:
    parts = Message((FUNCTIONAL / "gargantua.eml").read_bytes()).parts
    assert image_size(parts[index].content) == size


def test_pdf() -> None:
    body = b"%PDF-1.4\n1 0 obj\n<< /OpenAction 2 0 R >>\nendobj\n2 0 obj\n<< /JS (x) >>\nendobj\n"
    marks = read_pdf(body + b"trailer\n<< /Encrypt 14 0 R >>\n")
    assert (marks.encrypted, marks.scripts, marks.open_action, marks.objects) == (
        True, True, True, 2)  # fmt: skip
    assert read_pdf(body + b"trailer\n" + b"x\n" * 200).long_trailer > 200
    plain = read_pdf(b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<<>>")
    assert (plain.encrypted, plain.scripts, plain.open_action) == (False, False, False)
    assert plain.suspicious == 0
    assert read_pdf(b"%PDF-1.4\n" + b"/J#61v#61S#63ript " * 20).suspicious == 1.0
