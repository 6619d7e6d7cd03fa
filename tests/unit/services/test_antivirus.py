"""Virus scanners: small servers that speak the true protocols over real sockets."""

from __future__ import annotations

import asyncio
import base64
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filter_engine.checks.services.contents import EICAR, MAX_PARTS
from filter_engine.scan.verdict import Action, Verdict
from stream_server import daemon, nobody

Scan = Callable[..., Any]


class Clamd:
    """clamd's INSTREAM command; finds EICAR and what a test says."""

    def __init__(self, **finds: str) -> None:
        self._finds = {EICAR: "Win.Test.EICAR_HDB-1", **{k.encode(): v for k, v in finds.items()}}
        self.scanned: list[bytes] = []

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        assert await reader.readexactly(10) == b"zINSTREAM\0"
        content = b""
        while size := int.from_bytes(await reader.readexactly(4)):
            content += await reader.readexactly(size)
        self.scanned.append(content)
        found = next((name for sign, name in self._finds.items() if sign in content), None)
        writer.write(b"stream: OK\0" if found is None else f"stream: {found} FOUND\0".encode())


def with_attachment(*contents: bytes, name: str = "a.bin") -> bytes:
    parts = b"".join(
        b"--x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="' + name.encode() + b'"\r\n\r\n'
        + base64.encodebytes(content) + b"\r\n"
        for content in contents
    )  # fmt: skip
    head = b"From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x"
    text = b"\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nSome words to read.\r\n"
    return head + text + parts + b"--x--\r\n"


def clamav(servers: object, more: str = "") -> dict[str, str]:
    rule = f'clamav {{ symbol = "CLAM_VIRUS"; servers = "{servers}"; {more} }}'
    return {"antivirus.conf": rule}


def options(verdict: Verdict, symbol: str) -> tuple[str, ...] | None:
    found = verdict.symbol(symbol)
    return None if found is None else found.options


def test_eicar_is_found_and_rejected(scan: Scan) -> None:
    async def main() -> None:
        clamd = Clamd()
        reject = 'action = "reject"; message = "${SCANNER} FOUND VIRUS \\"${VIRUS}\\"";'
        async with daemon(clamd) as servers:
            verdict = await scan(with_attachment(EICAR), files=clamav(servers, reject))
            clean = await scan(with_attachment(b"\0harmless"), files=clamav(servers, reject))
        assert options(verdict, "CLAM_VIRUS") == ("Win.Test.EICAR_HDB-1",)
        assert verdict.action is Action.REJECT
        assert verdict.messages["smtp_message"] == 'clamav FOUND VIRUS "Win.Test.EICAR_HDB-1"'
        assert clamd.scanned == [EICAR, b"\0harmless"]  # the text is not scanned
        assert clean.symbol("CLAM_VIRUS") is None
        assert clean.action is not Action.REJECT
        assert "a.bin" in verdict.symbol("CLAM_VIRUS").evidence[0]

    asyncio.run(main())


def test_what_is_scanned(scan: Scan) -> None:
    async def scanned(mail: bytes, more: str) -> list[bytes]:
        clamd = Clamd()
        async with daemon(clamd) as servers:
            await scan(mail, files=clamav(servers, more))
        return clamd.scanned

    async def main() -> None:
        mail = with_attachment(b"\0one", b"\0three")
        assert sorted(await scanned(mail, "")) == [b"\0one", b"\0three"]
        assert await scanned(mail, "scan_mime_parts = false;") == [mail]
        assert await scanned(mail, "max_size = 4;") == [b"\0one"]
        assert await scanned(mail, "min_size = 5;") == [b"\0three"]
        assert await scanned(with_attachment(b"\0a", b"\0a"), "") == [b"\0a"]
        many = with_attachment(*(b"\0%d" % number for number in range(MAX_PARTS + 1)))
        assert await scanned(many, "") == [many]
        only = 'mime_parts_filter_ext { a = "exe"; }'
        assert await scanned(with_attachment(b"\0z", name="z.exe"), only) == [b"\0z"]
        assert await scanned(mail, only) == []
        by_type = 'mime_parts_filter_regex { a = "octet-stream$"; }'
        assert len(await scanned(mail, by_type)) == 2
        fake = 'eicar_fake_pattern = "pretend";'
        assert await scanned(with_attachment(b"pretend"), fake) == [EICAR]
        assert await scanned(mail, "enabled = false;") == []

    asyncio.run(main())


@pytest.mark.parametrize(
    ("find", "symbol", "shown"),
    [
        ("Heuristics.Encrypted.Zip", "CLAM_VIRUS_ENCRYPTED", "File is encrypted: "),
        ("Heuristics.OLE2.ContainsMacros.VBA", "CLAM_VIRUS_MACRO", ""),
        ("Heuristics.Limits.Exceeded.MaxFiles", "CLAM_VIRUS_FAIL", "Limits Exceeded: "),
    ],
)
def test_clamds_heuristics(scan: Scan, find: str, symbol: str, shown: str) -> None:
    async def main() -> None:
        async with daemon(Clamd(odd=find)) as servers:
            verdict = await scan(with_attachment(b"\0odd"), files=clamav(servers))
        assert options(verdict, symbol) == (shown + find,)
        assert verdict.symbol("CLAM_VIRUS") is None

    asyncio.run(main())


def test_patterns_whitelist_and_scores(scan: Scan) -> None:
    more = """
        score = 12.0; show_attachments = true; whitelist = ["Harmless.Joke"];
        patterns { JUST_EICAR = "^Win\\\\.Test"; ANY_PHISH = "/phish/i"; }
    """
    mail = with_attachment(EICAR, b"\0joke", b"\0bait", b"\0other")

    async def main() -> None:
        clamd = Clamd(joke="Harmless.Joke", bait="Heuristics.Phishing", other="Real.One")
        async with daemon(clamd) as servers:
            verdict = await scan(mail, files=clamav(servers, more))
        assert options(verdict, "JUST_EICAR") == ("Win.Test.EICAR_HDB-1|a.bin",)
        assert options(verdict, "ANY_PHISH") == ("Heuristics.Phishing|a.bin",)
        assert options(verdict, "CLAM_VIRUS") == ("Real.One|a.bin",)
        assert verdict.symbol("CLAM_VIRUS").score == 12.0
        assert "Harmless.Joke" not in str(verdict)

    asyncio.run(main())


def test_scanner_is_away(scan: Scan) -> None:
    async def main() -> None:
        more = 'action = "reject"; retransmits = 1; patterns_fail { CLAM_AWAY = "no answer"; }'
        verdict = await scan(with_attachment(EICAR), files=clamav(nobody()))
        named = await scan(with_attachment(EICAR), files=clamav(nobody(), more))
        assert verdict.symbol("CLAM_VIRUS_FAIL").score == 0.0
        assert "refused" in verdict.symbol("CLAM_VIRUS_FAIL").options[0].lower()
        assert named.symbol("CLAM_AWAY") is not None
        assert named.action is not Action.REJECT

    asyncio.run(main())


@pytest.mark.parametrize("reply", [b"", b"stream: \xff\r\nX-Bad: 1\0", b"\0", b"x" * 300_000])
def test_odd_replies(scan: Scan, reply: bytes) -> None:
    async def odd(reader: Reader, writer: Writer) -> None:
        await reader.readexactly(10)
        writer.write(reply)
        await writer.drain()

    async def main() -> None:
        async with daemon(odd) as servers:
            verdict = await scan(with_attachment(EICAR), files=clamav(servers, "retransmits = 0;"))
        (shown,) = verdict.symbol("CLAM_VIRUS_FAIL").options
        assert shown.isprintable()
        assert not verdict.unfinished

    asyncio.run(main())


def test_fprot(scan: Scan) -> None:
    heads: list[bytes] = []

    async def fpscand(reader: Reader, writer: Writer) -> None:
        heads.append(await reader.readline())
        content = await reader.readexactly(int(heads[-1].split()[-1]))
        assert await reader.readexactly(1) == b"\n"
        infected = EICAR in content
        writer.write(b"1 <infected: EICAR_Test_File> x\n" if infected else b"0 <clean> x\n")

    async def main() -> None:
        async with daemon(fpscand) as servers:
            rule = f"""
                fprot {{ symbol = "FPROT_VIRUS"; servers = "{servers}";
                    patterns = [{{ FPROT_EICAR = "^EICAR_Test_File$" }}, {{ NOPE = "^E" }}]; }}
                """
            files = {"antivirus.conf": rule}
            found = await scan(with_attachment(EICAR), files=files, queue_id="4XyZ\n1")
            clean = await scan(with_attachment(b"\0"), files=files)
        assert options(found, "FPROT_EICAR") == ("EICAR_Test_File",)
        assert not {"NOPE", "FPROT_VIRUS"} & {symbol.name for symbol in found.symbols}
        assert heads[0] == b"SCAN STREAM 4XyZ1 SIZE 68\n"
        assert clean.symbol("FPROT_VIRUS") is None
        assert clean.symbol("FPROT_VIRUS_FAIL") is None

    asyncio.run(main())


def test_avast(scan: Scan, tmp_path: Path) -> None:
    async def avastd(reader: Reader, writer: Writer) -> None:
        writer.write(b"220 Welcome\r\n")
        path = (await reader.readline()).split()[1]
        infected = Path(path.decode()).read_bytes() == EICAR  # noqa: ASYNC240
        found = b"[L]0.0\t0 EICAR\\ Test-NOT\\ virus!!!" if infected else b"[+]0.0"
        writer.write(b"210 SCAN DATA\r\nSCAN " + path + b"\t" + found + b"\r\n200 SCAN OK\r\n")

    async def main() -> None:
        async with daemon(avastd) as servers:
            spool = tmp_path / "spool"
            spool.mkdir()
            rule = f'avast {{ symbol = "AVAST_VIRUS"; servers = "{servers}"; tmpdir = "{spool}"; }}'
            files = {"antivirus.conf": rule}
            found = await scan(with_attachment(EICAR), files=files)
            clean = await scan(with_attachment(b"\0"), files=files)
        assert options(found, "AVAST_VIRUS") == ("EICAR Test-NOT virus!!!",)
        assert not [s.name for s in clean.symbols if s.name.startswith("AVAST")]
        assert not list(spool.iterdir())

    asyncio.run(main())


def test_settings_leave_a_scanner_out(scan: Scan) -> None:
    async def main() -> None:
        clamd = Clamd()
        async with daemon(clamd) as servers:
            settings = "x { ip = 198.51.100.7; apply { symbols_disabled = [CLAM_VIRUS]; } }"
            files = {**clamav(servers), "settings.conf": settings}
            await scan(with_attachment(EICAR), files=files)
            assert clamd.scanned == []
            await scan(with_attachment(EICAR), files=files, ip="198.51.100.8")
            assert clamd.scanned == [EICAR]

    asyncio.run(main())
