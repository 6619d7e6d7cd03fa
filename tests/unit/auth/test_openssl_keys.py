"""The lines of docs/authentication.md that make a key for the engine alone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from filter_engine.auth.signing_key import KeyRing

PAGE = Path(__file__).parents[3] / "docs" / "authentication.md"
KEPT = "cd /var/lib/filter_engine/dkim"


def lines() -> str:
    (block,) = re.findall(r"```sh\n(cd [^`]*openssl genpkey[^`]*)```", PAGE.read_text())
    return str(block)


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_the_record_printed_is_that_of_the_key_made(tmp_path: Path, kind: str) -> None:
    script = lines().replace(KEPT, f"cd {tmp_path}")
    assert str(tmp_path) in script
    if kind == "ed25519":  # as the page says below
        script = script.replace(
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-algorithm ed25519"
        )
        script = script.replace("k=rsa", "k=ed25519")
        script = script.replace("| openssl base64", "| tail -c 32 | openssl base64")
    done = subprocess.run(["sh", "-ec", script], capture_output=True, check=True, text=True)
    made = tmp_path / "example.net.mail.key"
    assert KeyRing().load(str(made)).record == done.stdout.strip()
    assert made.stat().st_mode & 0o777 == 0o600
