"""The reference site's page as published: every fault of it is reported, with file and line.

Rspamd 3.4 says "syntax OK" to all of this.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from filter_engine import checks, lint
from filter_engine.cli.configtest import configtest
from filter_engine.cli.loading import key_files_of, symbols_of
from filter_engine.config.loader import Inspection, inspect
from filter_engine.scan.declare import REGISTRY
from filter_engine.scanner import sections

from .published_page import ACCEPTANCE, PAGE, blocks

CHARLOTTE = frozenset(
    {
        "127.0.0.1",
        "::1",
        "172.27.88.10",
        "10.195.171.241",
        "fdc1:d89e:b128:6a04::29ab",
    }
)
DOLORES = frozenset({"127.0.0.1", "::1", "10.195.171.142", "fdc1:d89e:b128:6a04::7de4"})

#: (code, file, line): what is wrong with Charlotte's files as published.
MASTER = [
    # two lists of "local" that are one option (finding 2)
    ("local-addrs-beside-networks", "local.d/options.inc", 12),
    # 2001:db8:2d07:5b57::/128
    ("network-as-host", "local.d/options.inc", 23),
    # mode=0666 in /tmp
    ("open-socket", "local.d/worker-controller.inc", 17),
    # a password printed in the page
    ("known-password", "local.d/worker-controller.inc", 23),
    ("readable-secret", "local.d/worker-controller.inc", 23),
    # the fuzzy storage on the scanner's port
    ("port-role", "override.d/worker-fuzzy.inc", 12),
    ("port-role", "override.d/worker-fuzzy.inc", 13),
    ("port-role", "override.d/worker-fuzzy.inc", 16),
    ("port-role", "override.d/worker-fuzzy.inc", 17),
    ("known-password", "override.d/worker-fuzzy.inc", 25),
    ("readable-secret", "override.d/worker-fuzzy.inc", 25),
    # slaves (finding 4)
    ("no-effect", "override.d/worker-fuzzy.inc", 31),
]
SLAVE = [
    # addresses of a VPN that is gone
    ("address-not-on-host", "override.d/worker-fuzzy.inc", 15),
    ("address-not-on-host", "override.d/worker-fuzzy.inc", 16),
    ("no-effect", "override.d/worker-fuzzy.inc", 22),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Charlotte's files, readable by everybody as the page's readers would create them."""
    shutil.copytree(ACCEPTANCE / "master", tmp_path / "rspamd")
    _open(tmp_path / "rspamd")
    return tmp_path / "rspamd"


def _open(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _inspect(tree: Path) -> Inspection:
    checks.load()
    variables = {"LOCAL_CONFDIR": str(tree), "DBDIR": str(tree / "db")}
    return inspect(None, variables, {}, modules=sections(REGISTRY), groups=REGISTRY.groups())


def _found(tree: Path, addresses: frozenset[str], root: Path) -> list[tuple[str, str, int]]:
    inspection = _inspect(tree)
    assert inspection.config is not None
    host = lint.Host(root, addresses)
    found = sorted(
        (
            *inspection.findings,
            *lint.run(inspection.config, host, symbols_of=symbols_of, key_files_of=key_files_of),
        )
    )
    return [(f.code, str(Path(f.file).relative_to(tree)), f.line) for f in found]


@pytest.mark.skipif(not PAGE.is_file(), reason=f"no {PAGE.name}: set SEEDS_DIR to its folder")
def test_the_files_are_those_of_the_page() -> None:
    kept = {
        str(path.relative_to(ACCEPTANCE)): path.read_text()
        for path in ACCEPTANCE.rglob("*")
        if path.is_file()
    }
    assert kept == blocks(PAGE.read_text())


def test_every_fault_of_the_master_is_reported(tree: Path, tmp_path: Path) -> None:
    assert sorted(_found(tree, CHARLOTTE, tmp_path)) == sorted(MASTER)


def test_every_fault_of_the_slave_is_reported(tmp_path: Path) -> None:
    shutil.copytree(ACCEPTANCE / "slave", tmp_path / "rspamd")
    assert sorted(_found(tmp_path / "rspamd", DOLORES, tmp_path)) == sorted(SLAVE)


def test_the_slaves_path_as_published_is_not_read(tmp_path: Path) -> None:
    # the page's prose says /etc/rspamd.d/override.d
    shutil.copytree(ACCEPTANCE / "slave", tmp_path / "rspamd.d")
    (tmp_path / "rspamd").mkdir()
    (finding,) = _inspect(tmp_path / "rspamd").findings
    assert finding.code == "unread-file"
    assert finding.file == str(tmp_path / "rspamd.d/override.d/worker-fuzzy.inc")
    assert finding.hint == f"move it to {tmp_path}/rspamd/override.d/worker-fuzzy.inc"


def test_planted_typos_are_reported(tree: Path, tmp_path: Path) -> None:
    _plant(tree)
    planted = [
        ("unknown-option", "local.d/worker-normal.inc", 15),
        ("unread-file", "local.d/wroker-proxy.inc", 0),
        ("unknown-option", "local.d/dkim_signing.conf", 1),
        ("two-default-upstreams", "local.d/worker-proxy.inc", 21),
        ("unused-upstream", "local.d/worker-proxy.inc", 21),
    ]
    _open(tree)
    assert sorted(_found(tree, CHARLOTTE, tmp_path)) == sorted([*MASTER, *planted])


def _plant(tree: Path) -> None:
    with (tree / "local.d/worker-normal.inc").open("a") as file:
        file.write('bind_sockett = "127.0.0.1:11333";\n')
    (tree / "local.d/wroker-proxy.inc").write_text("milter = yes;\n")
    (tree / "local.d/dkim_signing.conf").write_text('sign_headerz = "from";\n')
    with (tree / "local.d/worker-proxy.inc").open("a") as file:
        file.write('upstream "again" { default = yes; hosts = "localhost"; }\n')


def test_a_maybe_is_an_error(tree: Path) -> None:
    (tree / "local.d/dkim_signing.conf").write_text("\nenabled = maybe;\n")
    result = CliRunner().invoke(
        configtest, ["--no-host", "--json", "--var", f"LOCAL_CONFDIR={tree}"]
    )
    assert result.exit_code == 1
    report = json.loads(result.output)
    errors = [
        (f["code"], Path(f["file"]).name, f["line"])
        for f in report["findings"]
        if f["severity"] == "error"
    ]
    assert errors == [("wrong-type", "dkim_signing.conf", 2)]


def test_the_published_passwords_are_not_repeated(tree: Path) -> None:
    result = CliRunner().invoke(configtest, ["--no-host", "--var", f"LOCAL_CONFDIR={tree}"])
    assert "known-password" in result.output
    assert "opHequ" not in result.output
    assert "sk4h4y" not in result.output
