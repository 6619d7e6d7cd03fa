"""Keys that lint reads: made here, as none belongs into a repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from filter_engine.cli.configtest import configtest

SMALL = "openssl genrsa -traditional 512"
SITE = """path = "{path}";
try_fallback = false;
domain {{ EXAMPLE.net {{ selector = "x"; }} }}
"""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    (tmp_path / "local.d").mkdir()
    site = SITE.format(path=tmp_path / "$domain.$selector.key")
    (tmp_path / "local.d" / "dkim_signing.conf").write_text(site)
    return tmp_path / "example.net.x.key"


def inspected(directory: Path, *more: str) -> Result:
    variables = ["--var", f"LOCAL_CONFDIR={directory}", "--var", f"DBDIR={directory}/db"]
    return CliRunner().invoke(configtest, ["--strict", *variables, *more])


def write(key: Path, data: bytes) -> None:
    key.write_bytes(data)
    key.chmod(0o600)


def test_a_key_that_signs_passes(key: Path) -> None:
    made = Ed25519PrivateKey.generate()
    write(key, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    done = inspected(key.parent)
    assert (done.exit_code, done.output) == (0, "syntax OK\n")


def test_rsa_of_512_bits_is_told(key: Path) -> None:
    made = subprocess.run(SMALL.split(), capture_output=True, check=True)
    write(key, made.stdout)
    done = inspected(key.parent)
    assert done.exit_code == 1
    assert f"{key} holds an RSA key of 512 bits; 1024 is the least" in done.output
    assert "[unusable-key]" in done.output


def test_a_key_with_a_passphrase_is_told_and_not_shown(key: Path) -> None:
    made = Ed25519PrivateKey.generate()
    locked = BestAvailableEncryption(b"passphrase")
    text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
    write(key, text)
    done = inspected(key.parent)
    assert f"{key} holds no private key" in done.output
    assert text.splitlines()[1].decode() not in done.output


def test_of_another_host_no_file_is_read(key: Path) -> None:
    write(key, b"no key")
    assert inspected(key.parent, "--no-host").output == "syntax OK\n"


PROGRAM = """
import sys
from click.testing import CliRunner
from filter_engine.cli.configtest import configtest
done = CliRunner().invoke(configtest, sys.argv[1:])
print(done.exit_code, "cryptography" in sys.modules)
"""


@pytest.mark.parametrize("there", [False, True])
def test_cryptography_is_loaded_for_keys_alone(key: Path, there: bool) -> None:
    if there:
        write(key, b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    else:
        (key.parent / "local.d" / "dkim_signing.conf").unlink()
    arguments = ["--var", f"LOCAL_CONFDIR={key.parent}"]
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"0 {there}\n"
