"""DCC, Razor, Pyzor, spamd and p0f: small servers that speak the true protocols."""

from __future__ import annotations

import asyncio
import struct
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filter_engine.checks.p0f import read_reply
from filter_engine.scan.verdict import Action
from stream_server import daemon, nobody

Scan = Callable[..., Any]


class Whole:
    """Reads until the other side says no more, and answers."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply
        self.got: list[bytes] = []

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        self.got.append(await reader.read())
        writer.write(self._reply)


async def shown(
    scan: Scan, name: str, reply: bytes, more: str = "", **envelope: Any
) -> dict[str, Any]:
    """Symbol -> (weighted score, options) of one external service, with a score of 10."""
    async with daemon(Whole(reply)) as servers:
        rule = f'{name} {{ servers = "{servers}"; score = 10; {more} }}'
        verdict = await scan(files={"external_services.conf": rule}, **envelope)
    names = ("DCC", "RAZOR", "PYZOR", "SPAMD")
    found = [symbol for symbol in verdict.symbols if symbol.name.startswith(names)]
    return {symbol.name: (symbol.score, symbol.options) for symbol in found}


_HEADER = b"\nX-DCC-x-Metrics: host 104; bulk Body=many Fuz1=%b\r\n Fuz2=%b rep=60%%\n"


@pytest.mark.parametrize(
    ("name", "more", "reply", "expected"),
    [
        ("razor", "", b"spam", {"RAZOR": (10.0, ("spam",))}),
        ("razor", "default_score = 0.5;", b"spam\n", {"RAZOR": (5.0, ("spam",))}),
        ("razor", "", b"ham", {}),
        ("razor", "", b"", {"RAZOR_FAIL": (0.0, ("unhandled response: ",))}),
        ("pyzor", "", b"h:1\t(200, 'OK')\t3\t1", {"PYZOR": (7.5, ("bl_3_wl_1",))}),
        ("pyzor", "", b"h:1\t(200, 'OK')\t0\t0", {}),
        ("pyzor", "", b"h:1\t(200, 'OK')\t1\t9", {}),
        ("pyzor", "", b"h:1\t(400, 'No')\t1\t9", {"PYZOR_FAIL": None}),
        ("pyzor", "text_part_min_words = 50;", b"h:1\t(200, 'OK')\t3\t1", {}),
        ("dcc", "", b"G\nG" + _HEADER % (b"1", b"1"), {}),
        ("dcc", "", b"R\nR" + _HEADER % (b"many", b"2"), {"DCC_REJECT": None}),
        ("dcc", "", b"T\nT\n", {"DCC_FAIL": (0.0, ("DCC fails for now",))}),
        ("dcc", "", b"Q\nQ\n", {"DCC_FAIL": None}),
        ("dcc", "", b"A\nA" + _HEADER % (b"7", b"7"), {"DCC_BULK": (0.0, ("body=many",))}),
        (
            "dcc",
            "fuz1_max = 7; fuz2_max = 8;",
            b"A\nA" + _HEADER % (b"7", b"7"),
            {"DCC_BULK": (0.0, ("body=many", "fuz1=7"))},
        ),
        (
            "spamassassin",
            "",
            b"SPAMD/1.1 0 EX_OK\r\nContent-length: 90\r\n\r\n"
            b"X-Spam-Status: Yes, score=1.5 required=5.0 tests=HTML_MESSAGE,\r\n\tMIME_ONLY "
            b"autolearn=no\r\n\tversion=3.4.6\r\n\r\n",
            {"SPAMD": (15.0, ("HTML_MESSAGE,MIME_ONLY",))},
        ),
        (
            "spamassassin",
            "extended = true;",
            b"SPAMD/1.1 0 EX_OK\r\n\r\nX-Spam-Status: No, score=0.1 required=5.0 tests=A,B "
            b"autolearn=no\r\n\r\n",
            {"SPAMD": (2.0, ("A", "B"))},
        ),
        (
            "spamassassin",
            "",
            b"SPAMD/1.1 0 EX_OK\r\n\r\nX-Spam-Status: No, score=-1.0 required=5.0 tests=none "
            b"autolearn=no\r\n\r\n",
            {},
        ),
        ("spamassassin", "", b"SPAMD/1.0 76 Bad header line\r\n", {"SPAMD_FAIL": None}),
    ],
)
def test_replies(scan: Scan, name: str, more: str, reply: bytes, expected: dict[str, Any]) -> None:
    found = asyncio.run(shown(scan, name, reply, more))
    assert found.keys() == expected.keys()
    for symbol, wanted in expected.items():
        if wanted is not None:
            assert found[symbol][1] == wanted[1]
            assert found[symbol][0] == pytest.approx(wanted[0])


def test_what_is_told(scan: Scan) -> None:
    async def main() -> None:
        dcc, spamd = Whole(b"G\nG\nX-DCC: x; y\n"), Whole(b"SPAMD/1.1 0 EX_OK\r\n\r\n")
        async with daemon(dcc) as one, daemon(spamd) as two:
            files = {
                "dcc.conf": f'servers = "{one}";',
                "external_services.conf": f'spamassassin {{ servers = "{two}"; }}',
            }
            mail = b"Subject: x\r\n\r\nbody\r\n"
            told = {"hostname": "h.example", "rcpt_to": ("b@x", "evil\nG\n\nX: y@x")}
            await scan(mail, files=files, **told)
        head = (
            b"header\n198.51.100.7\rh.example\nmx.example.com\na@example.com\nb@x\nevil G  X: y@x"
        )
        assert dcc.got == [head + b"\n\n" + mail]
        (asked,) = spamd.got
        assert asked.startswith(b"HEADERS SPAMC/1.5\r\n")
        assert asked.endswith(b"Content-length: 20\r\n\r\n" + mail)

    asyncio.run(main())


def test_module_dcc_has_rspamds_scores(scan: Scan) -> None:
    async def main() -> None:
        bulk = b"A\nA\nX-DCC: x; Body=many Fuz1=many Fuz2=many\n"
        async with daemon(Whole(bulk)) as servers:
            server = next(iter(servers))
            text = f'host = "127.0.0.1"; port = {server.port}; body_max = 5;'
            verdict = await scan(files={"dcc.conf": text})
        symbol = verdict.symbol("DCC_BULK")
        assert symbol.score == pytest.approx(1.0)
        assert symbol.options == ("body=many", "fuz1=many", "fuz2=many")

    asyncio.run(main())


def test_a_late_service_is_not_asked_about_rejected_mail(scan: Scan) -> None:
    async def main() -> None:
        spamd = Whole(b"SPAMD/1.1 0 EX_OK\r\n\r\n")
        async with daemon(spamd) as servers:
            files = {"external_services.conf": f'spamassassin {{ servers = "{servers}"; }}'}
            files["actions.conf"] = "reject = 10;"
            verdict = await scan(files=files)
            assert verdict.action is Action.REJECT, (verdict.score, verdict.required_score)
            assert not spamd.got
            files["actions.conf"] = "reject = 1000;"
            await scan(files=files)
            assert len(spamd.got) == 1

    asyncio.run(main())


# -- p0f -----------------------------------------------------------------------------------------


def response(status: int = 0x10, name: bytes = b"Windows", link: bytes = b"Ethernet") -> bytes:
    head = struct.pack("=9Ih2B", 0x50304602, status, 1, 2, 3, 60, 0, 0, 0, 12, 0, 0)
    texts = (name, b"7 or 8", b"", b"", link, b"English")
    return head + b"".join(text.ljust(32, b"\0") for text in texts)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (response(), {"WINDOWS": ("Windows 7 or 8",), "DISTGE10": ("distance=12",), "P0F": None}),
        (response(name=b""), {"DISTGE10": ("distance=12",), "P0F": ("unknown", "link=Ethernet")}),
        (response(0x20), {}),
        (response(0x00), {"P0F_FAIL": ("p0f does not understand the query",)}),
        (b"short", {"P0F_FAIL": ("closed before the reply was whole",)}),
        (bytes(232), {"P0F_FAIL": ("not a response of p0f",)}),
    ],
)
@pytest.mark.parametrize("ip", ["198.51.100.7", "2001:db8::7"])
def test_p0f(
    scan: Scan, tmp_path: Path, reply: bytes, expected: dict[str, tuple[str, ...] | None], ip: str
) -> None:
    asked: list[bytes] = []

    async def p0f(reader: Reader, writer: Writer) -> None:
        asked.append(await reader.readexactly(21))
        writer.write(reply)

    async def main() -> None:
        path = tmp_path / "p0f.sock"
        patterns = 'patterns { WINDOWS = "^Windows.*"; DISTGE10 = "^distance=[0-9]{2}$"; }'
        async with daemon(p0f, path):
            text = f'enabled = true; socket = "{path}"; timeout = "5s"; {patterns}'
            verdict = await scan(files={"p0f.conf": text}, ip=ip)
        names = ("P0F", "P0F_FAIL", "WINDOWS", "DISTGE10")
        found = {s.name: s.options for s in verdict.symbols if s.name in names}
        assert found.keys() == expected.keys()
        assert all(found[name] == wanted for name, wanted in expected.items() if wanted is not None)

    asyncio.run(main())
    version, address = (4, bytes((198, 51, 100, 7))) if ip[0] == "1" else (6, b"\x20\x01\x0d\xb8")
    assert struct.unpack("=IB", asked[0][:5]) == (0x50304601, version)
    assert asked[0][5:].startswith(address)


def test_p0f_is_away_or_not_set_up(scan: Scan, tmp_path: Path) -> None:
    away = f'enabled = true; socket = "{tmp_path}/none";'
    verdict = asyncio.run(scan(files={"p0f.conf": away}))
    assert verdict.symbol("P0F_FAIL") is not None
    assert asyncio.run(scan(files={"p0f.conf": "enabled = true;"})).symbol("P0F_FAIL") is None


def test_p0f_without_a_name_is_unknown() -> None:
    found = read_reply(response(name=b"", link=b""))
    assert found is not None
    assert (found.system, found.link, found.distance, found.uptime) == (
        "unknown",
        "unknown",
        12,
        60,
    )


def test_a_service_that_is_away(scan: Scan) -> None:
    rule = f'razor {{ servers = "{nobody()}"; retransmits = 0; }}'
    verdict = asyncio.run(scan(files={"external_services.conf": rule}))
    assert verdict.symbol("RAZOR_FAIL").options[0].startswith("no answer: ")
