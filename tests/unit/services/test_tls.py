"""Services over TLS: a certificate is looked at unless the site says otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certificate import certificate
from stream_server import daemon

Scan = Callable[..., Any]


async def razor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers once the message is there; over TLS nobody can half-close."""
    await reader.readuntil(b"Some words to read.\r\n")
    writer.write(b"spam")


def symbols(scan: Scan, directory: Path, options: str) -> dict[str, tuple[str, ...]]:
    async def main() -> dict[str, tuple[str, ...]]:
        _, context = certificate(directory)
        async with daemon(razor, tls=context) as servers:
            rule = f'razor {{ servers = "{servers}"; retransmits = 0; {options} }}'
            verdict = await scan(files={"external_services.conf": rule})
        return {s.name: s.options for s in verdict.symbols if s.name.startswith("RAZOR")}

    return asyncio.run(main())


def test_an_unknown_certificate_is_refused(scan: Scan, tmp_path: Path) -> None:
    found = symbols(scan, tmp_path, "ssl = true;")
    assert list(found) == ["RAZOR_FAIL"]
    assert found["RAZOR_FAIL"][0].startswith("no answer: TLS: ")


def test_any_certificate_where_the_site_says_so(scan: Scan, tmp_path: Path) -> None:
    assert symbols(scan, tmp_path, "ssl = true; no_ssl_verify = true;") == {"RAZOR": ("spam",)}


def test_a_trusted_certificate_of_the_servers_name(
    scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    assert symbols(scan, tmp_path, "ssl = true;") == {"RAZOR": ("spam",)}


def test_without_tls_a_server_that_wants_it_gives_no_answer(scan: Scan, tmp_path: Path) -> None:
    assert list(symbols(scan, tmp_path, "")) == ["RAZOR_FAIL"]
