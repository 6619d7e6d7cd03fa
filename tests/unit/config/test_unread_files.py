"""Files and directories of a site that have no effect are told, with what to do instead."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from filter_engine.config.findings import Finding
from filter_engine.config.stock_files import StockFiles, dpkg_checksums

from .conftest import Site


def _unread(found: tuple[Finding, ...], top: Path) -> dict[str, tuple[str, str]]:
    """Path -> (severity, hint) of every finding; there are no others."""
    assert {f.code for f in found} <= {"unread-file"}
    return {
        str(Path(f.file).relative_to(top)): (str(f.severity), f.hint.replace(f"{top}/", ""))
        for f in found
    }


@pytest.mark.parametrize(
    ("path", "severity", "hint"),
    [
        ("local.d/modules.d/dmarc.conf", "warning", "move it to local.d/dmarc.conf"),
        ("local.d/local.d/options.inc", "warning", "move it to local.d/options.inc"),
        ("override.d/workers/x.inc", "warning", "move it to override.d/x.inc"),
        ("modules.d/x.conf", "warning", "include it in filter_engine.conf.local"),
        ("modules.local.d/my.conf", "warning", "include it in filter_engine.conf.local"),
        (
            "scores.d/policies_group.conf",
            "warning",
            "write what is different into local.d/policies_group",
        ),
        ("rspamd.conf", "warning", "the main file is the engine's own"),
        ("filter_engine.conf", "warning", "the main file is the engine's own"),
        ("options.inc", "warning", "write what is different into local.d/options.inc"),
        ("rspamd.conf.override", "warning", "did you mean filter_engine.conf.local"),
        ("rspamd.local.conf", "warning", "did you mean filter_engine.conf.local"),
        ("local.conf", "warning", "did you mean filter_engine.conf.local"),
        ("rspamd.local.lua", "warning", "did you mean filter_engine.conf.local"),
        ("local.d/options", "warning", "did you mean options.inc?"),
        ("local.d/options.cfg", "warning", "did you mean options.inc?"),
        ("local.d/options.yml", "warning", "did you mean options.inc?"),
        ("local.d/options.inc.local", "warning", "did you mean options.inc?"),
        ("local.d/options.conf", "warning", "did you mean options.inc?"),
        ("local.d/Options.inc", "warning", "did you mean options.inc?"),
        ("local.d/metrics.conf", "warning", "write groups.conf"),
        ("local.d/bayes.conf", "warning", "did you mean classifier-bayes.conf?"),
        ("local.d/worker-scanner.inc", "warning", "did you mean worker-normal.inc?"),
        ("local.d/wroker-proxy.inc", "warning", "did you mean worker-proxy.inc?"),
        ("local.d/common.conf", "warning", "a map has an effect once a value names it"),
        ("local.d/foo.lua", "warning", "this engine runs no Lua"),
        ("local.d/options.inc.bak", "info", ""),
        ("local.d/options.inc~", "info", ""),
        ("override.d/options.inc.dpkg-old", "info", ""),
        ("local.d/options.inc.rpmsave", "info", ""),
        ("overide.d/options.inc", "warning", "move it to override.d/options.inc"),
    ],
)
def test_a_file_that_nothing_reads(
    site: Site, tmp_path: Path, path: str, severity: str, hint: str
) -> None:
    found = _unread(site(top={path: "task_timeout = 9s;\n"}).findings, tmp_path)
    assert list(found) == [path]
    assert found[path][0] == severity
    assert found[path][1].startswith(hint)


@pytest.mark.parametrize(
    "path",
    [
        "local.d/options.inc",
        "override.d/policies_group.conf",
        "filter_engine.conf.local",
        "rspamd.conf.local.override",
        "local.d/README",
        "local.d/notes.md",
        "local.d/maps.d/senders.inc",
        "maps.d/senders.map",
        "dkim/example.net.key",
        "local.d/.gitignore~",
    ],
)
def test_what_is_read_or_is_no_configuration(site: Site, tmp_path: Path, path: str) -> None:
    found = _unread(site(top={path: "# nothing\n"}).findings, tmp_path)
    assert [place for place, (severity, _) in found.items() if severity != "info"] == []


def test_a_map_that_a_value_names_is_read(site: Site, tmp_path: Path) -> None:
    found = site(
        local={"options.inc": f'local_networks = "{tmp_path}/local.d/networks";\n'},
        top={"local.d/networks": "192.0.2.0/24\n"},
    )
    assert found.findings == ()


def test_a_dangling_link_is_an_error(site: Site, tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d/options.inc").symlink_to("/nonexistent/options.inc")
    found = site()
    assert _unread(found.findings, tmp_path)["local.d/options.inc"][0] == "error"
    assert found.config is None


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_directory_that_is_none_is_an_error(site: Site, tmp_path: Path, kind: str) -> None:
    if kind == "link":
        (tmp_path / "local.d").symlink_to("/nonexistent/local.d")
    else:
        (tmp_path / "local.d").write_text("task_timeout = 9s;\n")
    found = site()
    assert _unread(found.findings, tmp_path)["local.d"][0] == "error"
    assert found.config is None


def test_a_link_to_a_directory_is_read(site: Site, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/options.inc").write_text("task_timeout = 3s;\n")
    (tmp_path / "local.d").symlink_to("real")
    found = site()
    assert found.config is not None
    assert found.config.options.task_timeout == 3.0


def _status(files: dict[str, str]) -> str:
    rows = (
        f" /etc/rspamd/{name} {hashlib.md5(text.encode()).hexdigest()}\n"
        for name, text in files.items()
    )
    return f"Package: other\n\nPackage: rspamd\nConffiles:\n{''.join(rows)}\nPackage: last\n"


def test_shipped_files_of_a_whole_tree_are_no_news(tmp_path: Path) -> None:
    files = {"rspamd.conf": "a", "modules.d/dmarc.conf": "b", "modules.d/spf.conf": "c"}
    status = tmp_path / "status"
    status.write_text(_status(files))
    assert set(dpkg_checksums(status) or ()) == set(files)
    top = tmp_path / "tree"
    (top / "modules.d").mkdir(parents=True)
    for name, text in (files | {"modules.d/spf.conf": "", "modules.d/my.conf": "x"}).items():
        (top / name).write_text(text)
    stock = StockFiles(top, status)
    told = [name for name in (*files, "modules.d/my.conf") if not stock.has(top / name)]
    assert told == ["modules.d/spf.conf", "modules.d/my.conf"]
    # without the package names decide
    unknown = StockFiles(top, tmp_path / "nothing")
    assert not unknown.has(top / "modules.d/my.conf")
    assert unknown.has(top / "modules.d/spf.conf")
    (top / "rspamd.conf").unlink()
    assert not StockFiles(top, status).has(top / "modules.d/dmarc.conf")
