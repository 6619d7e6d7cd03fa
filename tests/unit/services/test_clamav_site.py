"""ClamAV as docker-rspamd configures it: row A19."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stream_server import daemon

ANTIVIRUS = """
clamav {
  type = "clamav";
  servers = "%s";
  scan_mime_parts = false;
  symbol = "CLAM_VIRUS";
  patterns { VIRUS_EICAR = "Eicar-Signature"; }
}
"""
GROUP = 'symbols { "CLAM_VIRUS" { weight = 15; } "VIRUS_EICAR" { weight = 15; } }'


def test_the_symbols_and_weights_of_the_site(scan: Callable[..., Any], tmp_path: Path) -> None:
    async def main(find: bytes) -> dict[str, float]:
        async def clamd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert await reader.readexactly(10) == b"zINSTREAM\0"
            await reader.readexactly(int.from_bytes(await reader.readexactly(4)) + 4)
            writer.write(b"stream: " + find + b"\0")

        socket = tmp_path / "clamd.sock"
        socket.unlink(missing_ok=True)
        async with daemon(clamd, socket) as servers:
            files = {"antivirus.conf": ANTIVIRUS % servers, "antivirus_group.conf": GROUP}
            verdict = await scan(files=files)
        return {s.name: s.score for s in verdict.symbols if s.name in ("CLAM_VIRUS", "VIRUS_EICAR")}

    assert asyncio.run(main(b"Eicar-Signature FOUND")) == {"VIRUS_EICAR": 15.0}
    assert asyncio.run(main(b"Win.Test FOUND")) == {"CLAM_VIRUS": 15.0}
    assert asyncio.run(main(b"OK")) == {}
