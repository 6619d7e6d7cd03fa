"""The command pw: hashes that the controller takes, and their check."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from click.testing import CliRunner

from filter_engine.cli.pw import pw
from filter_engine.workers.password import MAX_PASSWORD, matches

PASSWORD = "Jx4kW8vQ2m correct"


@pytest.mark.parametrize(("kind", "start"), [("catena", "$2$"), ("pbkdf2", "$1$")])
def test_a_hash_fits_its_password_alone(kind: str, start: str) -> None:
    result = CliRunner().invoke(pw, ["--type", kind], input=f"{PASSWORD}\n")
    assert result.exit_code == 0
    made = result.output.strip()
    assert made.startswith(start)
    assert matches(PASSWORD.encode(), made)
    assert not matches(PASSWORD.encode() + b"x", made)
    again = CliRunner().invoke(pw, ["--type", kind], input=f"{PASSWORD}\n")
    assert again.output.strip() != made  # a salt of its own


def test_a_password_is_checked() -> None:
    made = CliRunner().invoke(pw, input=PASSWORD).output.strip()
    fits = CliRunner().invoke(pw, ["--check", made], input=PASSWORD)
    assert (fits.exit_code, fits.output) == (0, "the password fits\n")
    other = CliRunner().invoke(pw, ["--check", made], input="other")
    assert (other.exit_code, other.output) == (1, "the password does not fit\n")


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ([], ""),
        ([], "\n"),
        ([], "x" * (MAX_PASSWORD + 1)),
        (["--check", "$2$abc$def"], "x"),
        (["--check", "$9$abc$def"], "x"),
        (["--check", "plain"], "x"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments: list[str], given: str) -> None:
    result = CliRunner().invoke(pw, arguments, input=given)
    assert result.exit_code == 2
    assert result.stderr.startswith("filter-engine: ")


@pytest.mark.skipif(shutil.which("rspamadm") is None, reason="rspamadm is not installed")
@pytest.mark.parametrize("kind", ["catena", "pbkdf2"])
def test_a_hash_of_rspamds_is_checked(kind: str) -> None:
    made = subprocess.run(
        ["rspamadm", "pw", "--quiet", "--type", kind, "--password", PASSWORD],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    ).stdout.strip()
    for password, status in ((PASSWORD, 0), ("other", 1)):
        assert CliRunner().invoke(pw, ["--check", made], input=password).exit_code == status
