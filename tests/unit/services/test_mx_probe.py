"""mx_check connects to the MX: servers on loopback addresses, with Rspamd's test_mode."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import Callable
from typing import Any

import pytest

from stream_server import daemon, nobody

Scan = Callable[..., Any]


def greeting(*lines: bytes, heard: list[bytes] | None = None) -> Any:
    """A server that says these lines and then listens."""

    async def serve(reader: Reader, writer: Writer) -> None:
        writer.write(b"".join(lines))
        said = await reader.read()
        if heard is not None:
            heard.append(said)

    return serve


async def looked_at(
    scan: Scan, port: int, more: str = "", *, mx: bool = True, patience: float = 3
) -> dict[str, Any]:
    text = (
        f"enabled = true; test_mode = true; port = {port}; connect_timeout = 4;"
        f"read_timeout = {patience}; check_mime_from = false; check_reply_to = false; {more}"
    )
    dns: dict[str, Any] = {"mail.example.com": {"A": ["127.0.0.1"]}}
    dns["example.com"] = {"MX": [(10, "mail.example.com")]} if mx else {"A": ["127.0.0.1"]}
    verdict = await scan(dns=dns, files={"mx_check.conf": text})
    return {s.name: s.options for s in verdict.symbols if s.name.startswith("MX_")}


@pytest.mark.parametrize(
    ("lines", "more", "symbol"),
    [
        ((), "", "MX_GOOD"),
        ((b"220 mx ESMTP\r\n",), "verify_greeting = true;", "MX_GOOD"),
        ((b"220-mx one\r\n", b"220 mx two\r\n"), "wait_for_greeting = true;", "MX_GOOD"),
        ((b"554 go away\r\n",), "verify_greeting = true;", "MX_ERROR"),
        ((b"421 later\r\n",), "verify_greeting = true;", "MX_ERROR"),
        ((b"* OK IMAP4\r\n",), "verify_greeting = true;", "MX_INVALID"),
        ((b"x" * 9000,), "verify_greeting = true;", "MX_INVALID"),
        ((), "verify_greeting = true;", "MX_TIMEOUT_READ"),
        ((b"220-mx one\r\n",), "verify_greeting = true;", "MX_TIMEOUT_READ"),
    ],
)
def test_what_the_mx_says(scan: Scan, lines: tuple[bytes, ...], more: str, symbol: str) -> None:
    async def main() -> None:
        async with daemon(greeting(*lines)) as servers:
            server = next(iter(servers))
            patience = 0.5 if symbol == "MX_TIMEOUT_READ" else 3
            found = await looked_at(scan, server.port, more, patience=patience)
            assert found == {symbol: ("example.com", f"127.0.0.1:{server.port}")}

    asyncio.run(main())


def test_nobody_listens(scan: Scan) -> None:
    port = next(iter(nobody())).port
    assert list(asyncio.run(looked_at(scan, port))) == ["MX_REFUSED"]
    assert list(asyncio.run(looked_at(scan, port, mx=False))) == ["MX_A_REFUSED"]


def test_excluded_addresses_are_not_connected_to(scan: Scan) -> None:
    async def main() -> None:
        heard: list[bytes] = []
        async with daemon(greeting(heard=heard)) as servers:
            port = next(iter(servers)).port
            found = await looked_at(scan, port, 'exclude_ips = ["127.0.0.0/8"];')
        assert list(found) == ["MX_SKIP"]
        assert not heard

    asyncio.run(main())


@pytest.mark.parametrize(("more", "said"), [("send_quit = true;", b"QUIT\r\n"), ("", b"")])
def test_quit(scan: Scan, more: str, said: bytes) -> None:
    async def main() -> None:
        heard: asyncio.Queue[bytes] = asyncio.Queue()

        async def serve(reader: Reader, writer: Writer) -> None:
            writer.write(b"220 mx\r\n")
            await heard.put(await reader.read())

        async with daemon(serve) as servers:
            await looked_at(scan, next(iter(servers)).port, f"verify_greeting = true; {more}")
            assert await asyncio.wait_for(heard.get(), 10) == said

    asyncio.run(main())
