"""A site's Rspamd: what is its own is carried over, what is not is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from conformance_data import DATA
from filter_engine.config.loader import inspect
from filter_engine.importers.outcome import ImportFaultError, Outcome
from filter_engine.importers.role_variables import to_variables
from filter_engine.importers.rspamd_tree import import_rspamd
from filter_engine.importers.staging import inspect_staged
from filter_engine.importers.stock import Stock, from_dpkg, stock_of
from filter_engine.importers.write import apply, plan

STOCK = DATA / "rspamd" / "conf"
SITE = {
    "local.d/metrics.conf": "actions { reject = 20; }\n",
    "local.d/worker-controller.inc": 'password = "hunter2";\n',
    "local.d/multimap.conf": 'm { type = "from"; map = "/etc/rspamd/maps.d/site.map"; }\n',
    "local.d/dkim_signing.conf": 'path = "/var/lib/rspamd/dkim/$domain.$selector.key";\n',
    "local.d/wroker-proxy.inc": "timeout = 1s;\n",
    "local.d/rules.lua": "-- c\n",
    "override.d/worker-fuzzy.inc": '# c\nslaves = "a";\n',
    "maps.d/site.map": "example.net\n",
    "modules.local.d/mine.conf": "mine { }\n",
    "rspamd.conf.local": "# top\n",
    "rspamd.local.lua": "\nprint(1)\n",
    "site.key": "-----BEGIN PRIVATE KEY-----\n",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    directory = tmp_path / "rspamd"
    if STOCK.is_dir():
        shutil.copytree(STOCK, directory)
    for path, text in SITE.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    return directory


def imported(directory: Path, stock: Stock | None = None) -> Outcome:
    return import_rspamd(
        directory, stock, lambda files: inspect_staged(files, directory, {}, {}, {}, ())
    )


def remarks(found: Outcome, directory: Path) -> dict[str, list[tuple[int, str, bool]]]:
    table: dict[str, list[tuple[int, str, bool]]] = {}
    for remark in found.remarks:
        name = str(Path(remark.file).relative_to(directory))
        table.setdefault(name, []).append((remark.line, remark.subject, remark.lost))
    return table


def test_own_files_come_along(site: Path) -> None:
    found = imported(site)
    carried = {path for path in SITE if path in found.files}
    assert carried == {
        "local.d/worker-controller.inc",
        "local.d/multimap.conf",
        "local.d/dkim_signing.conf",
        "override.d/worker-fuzzy.inc",
        "maps.d/site.map",
        "rspamd.conf.local",
    }
    assert found.files["local.d/actions.conf"].strip() == "reject = 20;"
    assert all(found.files[path] == SITE[path] for path in carried)


def test_what_stays_behind_is_told_with_its_place(site: Path) -> None:
    found = remarks(imported(site), site)
    assert (2, "Lua", True) in found["rspamd.local.lua"]
    assert (1, "Lua", True) in found["local.d/rules.lua"]
    assert (1, "module of the site's own", True) in found["modules.local.d/mine.conf"]
    assert (0, "private key", True) in found["site.key"]
    assert (0, "unread-file", True) in found["local.d/wroker-proxy.inc"]
    assert any(line == 2 for line, _, _ in found["override.d/worker-fuzzy.inc"])
    assert (1, "/var/lib/rspamd", False) in found["local.d/dkim_signing.conf"]
    assert (1, "/etc/rspamd", False) in found["local.d/multimap.conf"]
    assert (1, "actions.conf", False) in found["local.d/metrics.conf"]


@pytest.mark.skipif(not STOCK.is_dir(), reason="no conformance data")
def test_edits_of_shipped_files_are_found(site: Path) -> None:
    stock = stock_of(STOCK)
    edited = site / "actions.conf"
    lines = edited.read_text().splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines, 1) if "reject = " in line)
    lines[number - 1] = lines[number - 1].replace("reject = ", "reject = 1")
    edited.write_text("".join(lines))
    (site / "maps.d" / "unused.map").write_text("x\n")
    found = remarks(imported(site, stock), site)
    assert found["actions.conf"] == [(number, "edit of a shipped file", True)]
    assert "options.inc" not in found, "untouched files are not told"
    assert found["maps.d/unused.map"] == [(0, "unused.map", True)]


@pytest.mark.skipif(not STOCK.is_dir(), reason="no conformance data")
def test_an_untouched_tree_has_nothing_to_carry(tmp_path: Path) -> None:
    shutil.copytree(STOCK, tmp_path / "rspamd")
    found = imported(tmp_path / "rspamd", stock_of(STOCK))
    assert (found.files, found.remarks) == ({}, [])


def test_checksums_of_dpkg(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text(
        "Package: other\nConffiles:\n /etc/other.conf 54367a93a3afe6861f15cc75bf16e134\n\n"
        "Package: rspamd\nConffiles:\n /etc/init.d/rspamd 5c47ac3f661a0f3068951e4787f5ab66\n"
        " /etc/rspamd/a.conf 900150983cd24fb0d6963f7d28e17f72\n\n"
    )
    stock = from_dpkg(status)
    assert stock is not None
    assert list(stock.sums) == ["a.conf"]
    assert stock.is_pristine("a.conf", b"abc")
    assert not stock.is_pristine("a.conf", b"abd")
    assert from_dpkg(tmp_path / "none") is None


def test_the_written_tree_means_the_same(site: Path, tmp_path: Path) -> None:
    found = imported(site)
    apply(plan(found.files, tmp_path / "new"), tmp_path / "new")
    loaded = inspect(variables={"LOCAL_CONFDIR": str(tmp_path / "new")}, environ={})
    assert loaded.config is not None
    assert loaded.config.actions.reject == 20
    assert loaded.config.controllers[0].password == ("hunter2",)


def test_as_role_variables(site: Path) -> None:
    found = to_variables(imported(site))
    local = found.variables["filter_engine_local_d"]
    assert isinstance(local, dict)
    assert local["actions.conf"] == {"reject": 20}
    name = "vault_filter_engine_worker_controller_password"
    assert local["worker-controller.inc"] == {"password": f"{{{{ {name} }}}}"}
    assert found.secrets == {name: "hunter2"}
    assert "hunter2" not in repr(found.variables) + repr(found.remarks)
    assert found.variables["filter_engine_override_d"] == {"worker-fuzzy.inc": {"slaves": "a"}}
    extra = found.variables["filter_engine_extra_files"]
    assert isinstance(extra, dict)
    assert extra["maps.d/site.map"] == "example.net\n"


def test_what_is_no_data_stays_text(tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    text = '.include "$LOCAL_CONFDIR/x.conf"\nmax_urls = 1;\n'
    (tmp_path / "local.d" / "options.inc").write_text(text)
    found = to_variables(imported(tmp_path))
    assert found.variables == {"filter_engine_extra_files": {"local.d/options.inc": text}}


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ImportFaultError, match="no such directory"):
        imported(tmp_path / "none")


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("local.d/options.inc", "../../outside"),
        ("local.d/deep", "../.."),
        ("override.d", "../outside.d"),
        ("local.d/options.inc", "hop"),
    ],
)
def test_a_link_that_leaves_the_tree_is_refused(tmp_path: Path, link: str, target: str) -> None:
    (tmp_path / "outside").write_text("root:$6$SECRET:19000:0:99999:7:::\n")
    (tmp_path / "outside.d").mkdir()
    tree = tmp_path / "rspamd"
    (tree / "local.d").mkdir(parents=True)
    (tree / "local.d" / "hop").symlink_to(tmp_path / "outside")
    if target != "hop":
        (tree / "local.d" / "hop").unlink()
    (tree / link).symlink_to(target)
    with pytest.raises(ImportFaultError, match="outside of") as caught:
        imported(tree)
    assert "SECRET" not in str(caught.value)
    assert "cp -rL" in caught.value.hint


def test_a_link_inside_the_tree_is_followed(tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "site.conf").write_text("reject = 9;\n")
    (tmp_path / "local.d" / "actions.conf").symlink_to("../site.conf")
    assert imported(tmp_path).files == {"local.d/actions.conf": "reject = 9;\n"}
