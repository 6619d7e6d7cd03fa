"""A lab belongs to the checkout that made it."""

import os

import pytest

from lab import owner as ownership
from lab import paths as lab_paths
from lab.errors import LabError
from lab.lab import Lab
from lab.paths import PROJECT, LabPaths

NAME = "owned"


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.setattr(lab_paths, "RUNTIME", tmp_path / "run")
    return LabPaths(NAME)


def test_a_lab_nobody_owns_can_be_claimed_again_and_released(paths):
    assert ownership.owner(paths) is None
    ownership.claim(paths)
    ownership.claim(paths)
    assert ownership.owner(paths) == PROJECT
    ownership.release(paths)
    assert ownership.owner(paths) is None


@pytest.mark.parametrize(
    "verb",
    [
        lambda lab: lab.up(),
        lambda lab: lab.down(),
        lambda lab: lab.exec(["true"]),
        lambda lab: lab.host("dolores"),
    ],
    ids=["up", "down", "exec", "host"],
)
def test_a_strangers_lab_is_left_alone(paths, tmp_path, monkeypatch, verb):
    touched = []
    for part in ("_remove", "_prepare"):
        monkeypatch.setattr(Lab, part, lambda *_, part=part: touched.append(part))
    monkeypatch.setattr("lab.lab.require", lambda: None)
    paths.owner.parent.mkdir()
    paths.owner.write_text(f"{tmp_path}/clone\n")
    with pytest.raises(LabError) as refused:
        verb(Lab(NAME))
    words = str(refused.value)
    assert f"lab {NAME} belongs to {tmp_path}/clone" in words
    assert "LAB=othername" in words
    assert f"down --name {NAME} --force" in words
    assert touched == []
    assert ownership.owner(paths) == tmp_path / "clone"
    assert sorted(os.listdir(paths.owner.parent)) == [f"{NAME}.owner"]


@pytest.mark.parametrize("still_there", [True, False])
def test_force_takes_it_down_where_its_state_lies(paths, tmp_path, monkeypatch, still_there):
    clone = tmp_path / "clone"
    if still_there:
        clone.mkdir()
    removed = []
    monkeypatch.setattr(Lab, "_remove", lambda self: removed.append(self.paths.state) or True)
    paths.owner.parent.mkdir()
    paths.owner.write_text(f"{clone}\n")
    assert Lab(NAME).down(force=True) is True
    assert removed == [(clone if still_there else PROJECT) / ".lab" / NAME]
    assert ownership.owner(paths) is None
