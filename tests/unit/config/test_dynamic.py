"""The dynamic layer: what it says, what is saved into it; a broken file stops nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from filter_engine.config import Layer, Severity
from filter_engine.config.dynamic import DynamicError, save
from filter_engine.ucl import parse

from .conftest import Site


@pytest.fixture
def db(tmp_path: Path) -> Path:
    (tmp_path / "db" / "dynamic").mkdir(parents=True)
    return tmp_path / "db"


def test_saved_scores_join_those_of_an_operator(site: Site, db: Path) -> None:
    save(db, "groups.conf", parse('symbols { "A" { score = 5 } }'))
    save(db, "policies_group.conf", parse("max_score = 9"))
    save(db, "actions.conf", parse("reject = 20; greylist = null"))
    found = site(
        local={
            "groups.conf": 'symbols { "A" { score = 1 } "B" { score = 2 } }',
            "actions.conf": "reject = 11; add_header = 7",
            "policies_group.conf": 'max_score = 1; symbols { "C" { score = 3 } }',
        },
        override={"actions.conf": "add_header = 8"},
    )
    assert found.findings == ()
    assert found.config is not None
    scores = {name: symbol.score for name, symbol in found.config.symbols.items()}
    assert scores == {"A": 5.0, "B": 2.0, "C": 3.0}
    actions = found.config.actions
    assert (actions.reject, actions.add_header, actions.greylist) == (20.0, 8.0, None)
    assert found.config.groups["policies"].max_score == 9.0
    assert found.config.groups["headers"].max_score == 8.0
    assert actions.origin("reject").layer is Layer.DYNAMIC


def test_rspamds_own_file(site: Site, db: Path) -> None:
    (db / "rspamd_dynamic").write_text(
        json.dumps(
            [
                {
                    "metric": "default",
                    "symbols": [{"name": "A", "value": 5.5}, {"name": "O", "value": 1}],
                    "actions": [
                        {"name": "rewrite subject", "value": 9},
                        {"name": "reject", "value": 20},
                    ],
                }
            ],
            indent=1,
        )
    )
    found = site(
        local={"groups.conf": 'symbols { "A" { score = 1; description = "mine" } }'},
        override={"groups.conf": 'symbols { "O" { score = 7 } }', "actions.conf": "reject = 12"},
    )
    assert found.findings == ()
    config = found.config
    assert config is not None
    assert config.symbols["O"].score == 7.0
    assert (config.actions.rewrite_subject, config.actions.reject) == (9.0, 12.0)
    origin = config.actions.origin("rewrite_subject")
    assert (Path(origin.file).name, origin.layer) == ("rspamd_dynamic", Layer.DYNAMIC)
    assert origin.line > 10
    (db.parent / "override.d" / "groups.conf").unlink()
    config = site().config
    assert config is not None
    assert (config.symbols["A"].score, config.symbols["A"].description) == (5.5, "mine")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dynamic/actions.conf", "greylist = 2; reject = {"),
        ("dynamic/actions.conf", "greylist = 2; reject = many"),
        ("dynamic/actions.conf", 'greylist = 2; .include "/no/such/file"'),
        ("dynamic/groups.conf", 'group = [1]; symbols { "A" { score = 2 } }'),
        ("rspamd_dynamic", '[{"actions": [{"name": "greylist", "value": 2}'),
        ("rspamd_dynamic", '[{"actions": [{"name": "greylist", "value": "many"}]}]'),
        ("rspamd_dynamic", '[{"symbols": [{"name": "A", "value": null}]}]'),
        ("rspamd_dynamic", "[1]"),
    ],
)
def test_a_broken_file_is_left_out_as_a_whole(site: Site, db: Path, name: str, text: str) -> None:
    (db / name).write_text(text)
    found = site(local={"actions.conf": "reject = 11"})
    config = found.config
    assert config is not None
    assert (config.actions.reject, config.actions.greylist) == (11.0, 4.0)
    assert "A" not in config.symbols
    (finding,) = found.findings
    assert (finding.severity, finding.code) == (Severity.WARNING, "dynamic-file-left-out")
    assert finding.file == str(db / name)


@pytest.mark.parametrize("kind", ["fifo", "directory", "loop"])
@pytest.mark.parametrize("name", ["dynamic/actions.conf", "rspamd_dynamic"])
def test_what_is_no_file_is_left_out(site: Site, db: Path, kind: str, name: str) -> None:
    path = db / name
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(path)
    found = site()
    assert found.config is not None
    assert [f.code for f in found.findings] == ["dynamic-file-left-out"]


def test_a_fault_of_an_operator_stays_an_error(site: Site, db: Path) -> None:
    (db / "dynamic" / "actions.conf").write_text("reject = many")
    found = site(local={"actions.conf": "greylist = few"})
    assert found.config is None
    assert sorted(f.code for f in found.findings) == ["dynamic-file-left-out", "wrong-type"]


def test_saving_replaces_the_file_and_leaves_nothing_else(db: Path) -> None:
    path = save(db, "actions.conf", parse("reject = 1"))
    save(db, "actions.conf", parse('reject = 2; subject = "a\\nb"'))
    assert parse(path.read_text()) == parse('reject = 2; subject = "a\\nb"')
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(path.parent) == ["actions.conf"]


def test_the_directory_is_made(tmp_path: Path) -> None:
    path = save(tmp_path / "new", "new_one.conf", parse("a = 1"), modules=["new_one"])
    assert path == tmp_path / "new" / "dynamic" / "new_one.conf"


@pytest.mark.parametrize(
    "name", ["../actions.conf", "/etc/x.conf", "worker-normal.inc", "nothing.conf", "", "a\0.conf"]
)
def test_other_names_are_refused(db: Path, name: str) -> None:
    with pytest.raises(DynamicError):
        save(db, name, parse("a = 1"))
    assert os.listdir(db / "dynamic") == []


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "dynamic").write_text("a file")
    with pytest.raises(DynamicError, match="cannot write"):
        save(tmp_path, "actions.conf", parse("reject = 1"))
