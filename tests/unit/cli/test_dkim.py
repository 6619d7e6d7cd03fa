"""``filter-engine dkim``: keys made, shown and taken over (rows B46, B47, D43)."""

from __future__ import annotations

import glob
import json
import re
import shutil
import stat
import subprocess
from pathlib import Path

import dns.zone
import pytest
from click.testing import CliRunner, Result

from filter_engine.auth.new_key import new_key
from filter_engine.auth.signing_key import load_signing_key
from filter_engine.cli.dkim import dkim

PAGE = Path(__file__).parents[3] / "docs" / "authentication.md"
RSPAMADM = shutil.which("rspamadm")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(dkim, [str(one) for one in arguments])


def published(line: str, name: str) -> bytes:
    """The record that a zone with this line answers."""
    zone = dns.zone.from_text(
        "$TTL 60\n" + line, origin="example.net", relativize=False, check_origin=False
    )
    (rdata,) = zone.find_rdataset(f"{name}.example.net.", "TXT")
    assert all(len(string) <= 255 for string in rdata.strings)
    return b"".join(rdata.strings)


@pytest.mark.parametrize(
    ("options", "bits"),
    [(("-b", "1024"), 1024), ((), 2048), (("-t", "ed25519"), 256)],
)
def test_a_new_key_and_its_record_belong_together(
    tmp_path: Path, options: tuple[str, ...], bits: int
) -> None:
    done = run("keygen", "-d", "Example.NET", "-s", "s1", "-D", tmp_path, *options)
    assert done.exit_code == 0, done.output
    file = tmp_path / "example.net.s1.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    key = load_signing_key(file.read_bytes())
    assert key.misfit(published(done.output, "s1._domainkey")) == ""
    assert getattr(key.key, "key_size", 256) == bits
    assert "PRIVATE" not in done.output
    assert run("show", file).output == done.output


def test_json_says_the_same_and_the_key_only_where_no_file_has_it(tmp_path: Path) -> None:
    about = json.loads(run("keygen", "-d", "example.net", "-t", "ed25519", "--json").output)
    assert "".join(about["strings"]) == about["value"]
    assert about["name"] == "dkim._domainkey.example.net"
    assert load_signing_key(about["private_key"].encode()).record == about["value"]
    arguments = ("keygen", "-d", "example.net", "-t", "ed25519", "--json", "-D", tmp_path)
    assert "private_key" not in json.loads(run(*arguments).output)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_nothing_is_overwritten(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "k"
    if kind == "file":
        file.write_text("precious")
    else:
        file.symlink_to(tmp_path / "elsewhere")
    done = run("keygen", "-d", "example.net", "-b", "1024", "-k", file)
    assert done.exit_code == 1
    assert "is there and is not overwritten" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["k"]
    assert kind == "link" or file.read_text() == "precious"


@pytest.mark.parametrize(
    "options", [("-b", "512"), ("-b", "8192"), ("-t", "dsa"), ("-s", "../x"), ("-s", "a b")]
)
def test_what_must_not_sign_is_not_made(options: tuple[str, ...]) -> None:
    assert run("keygen", "-d", "example.net", *options).exit_code == 2


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = run("keygen", "-d", "example.net", "-b", "1024", "-k", tmp_path / "none" / "k")
    assert done.exit_code == 1
    assert "none/k cannot be created: No such file" in done.output


@pytest.mark.skipif(RSPAMADM is None, reason="rspamadm is not installed")
@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_the_record_is_written_as_rspamadm_writes_it(tmp_path: Path, kind: str) -> None:
    assert RSPAMADM is not None
    command = [RSPAMADM, "dkim_keygen", "-d", "example.net", "-s", "s1", "-b", "2048", "-t", kind]
    theirs = subprocess.run(
        [*command, "-k", str(tmp_path / "k")], capture_output=True, text=True, check=True
    )
    assert run("show", "-s", "s1", tmp_path / "k").output.split() == theirs.stdout.split()
    ours = new_key(kind, 1024)
    assert (ours.startswith(b"-----BEGIN PRIVATE KEY-----")) == (
        (tmp_path / "k").read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    )


LAYOUTS = {
    "amavis": "example.net.s1.privkey.pem",
    "docker-mailserver": "rsa-1024-s1-example.net.private.txt",
    "opendkim": "example.net/s1.private",
    "rspamd": "example.net.s1.key",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_keys_of_other_systems_are_copied(tmp_path: Path, layout: str) -> None:
    source, target = tmp_path / "from", tmp_path / "to"
    file = source / LAYOUTS[layout]
    file.parent.mkdir(parents=True)
    target.mkdir()
    file.write_bytes(new_key("rsa", 1024))
    arguments = ("import", "--from", layout, source, "--to", target)
    dry = run(*arguments, "--dry-run")
    assert (dry.exit_code, list(target.iterdir())) == (0, [])
    assert "s1._domainkey.example.net: to be imported" in dry.output
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    made = target / "example.net.s1.key"
    assert made.read_bytes() == file.read_bytes()
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    line = "\n".join(one for one in done.output.splitlines() if not one.startswith(";"))
    assert load_signing_key(file.read_bytes()).misfit(published(line, "s1._domainkey")) == ""
    again = json.loads(run(*arguments, "--json").output)
    assert [one["state"] for one in again["keys"]] == ["there already"]
    assert run(*arguments, "-d", "example.org").exit_code == 1


def test_an_amavis_configuration_names_its_keys(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_bytes(new_key("rsa", 1024))
    config = tmp_path / "50-user"
    config.write_text(f"dkim_key('Example.net', \"s1\", '{tmp_path}/k.pem');\n")
    (tmp_path / "to").mkdir()
    done = run("import", "--from", "amavis", config, "--to", tmp_path / "to")
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["example.net.s1.key"]


def test_another_key_and_what_is_none_are_told_and_stay(tmp_path: Path) -> None:
    source, target = tmp_path / "from", tmp_path / "to"
    source.mkdir()
    target.mkdir()
    for name in ("example.net.s1.key", "example.org.s1.key", "..key"):
        (source / name).write_bytes(new_key("ed25519") if "net" in name else b"s3cr3t words")
    (target / "example.net.s1.key").write_bytes(new_key("ed25519"))
    before = (target / "example.net.s1.key").read_bytes()
    done = run("import", "--from", "rspamd", source, "--to", target)
    assert done.exit_code == 1
    assert "holds another key and is not overwritten" in done.output
    assert "example.org.s1.key holds no private key" in done.output
    assert "names no domain and selector" in done.output
    assert "s3cr3t" not in done.output
    assert [path.name for path in target.iterdir()] == ["example.net.s1.key"]
    assert (target / "example.net.s1.key").read_bytes() == before


def test_the_lines_of_the_page_work(tmp_path: Path) -> None:
    """docs/authentication.md, with other directories."""
    (block,) = re.findall(r"```sh\n(filter-engine dkim keygen[^`]*)```", PAGE.read_text())
    (tmp_path / "theirs").mkdir()
    (tmp_path / "keys").mkdir()
    (tmp_path / "theirs" / "rsa-1024-old-example.net.private.txt").write_bytes(new_key("rsa", 1024))
    block = block.replace("/var/lib/filter_engine/dkim", str(tmp_path / "keys"))
    block = block.replace("/srv/dms/rspamd/dkim", str(tmp_path / "theirs"))
    done = [
        run(*glob_like(line.partition("#")[0].split()[2:])) for line in block.splitlines() if line
    ]
    assert [(one.exit_code, one.output) for one in done if one.exit_code] == []
    assert done[0].output == done[1].output
    assert "old._domainkey.example.net: to be imported" in done[2].output


def glob_like(words: list[str]) -> list[str]:
    """What a shell makes of ``DIR/*.key``."""
    return [
        found for word in words for found in (sorted(glob.glob(word)) if "*" in word else [word])
    ]
