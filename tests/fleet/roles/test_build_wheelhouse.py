"""The wheelhouse builder, run on a small project of its own without dependencies."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "roles/filter_engine/scripts/build_wheelhouse.py"

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "mailfleet-filter-engine"
version = "1.0"
dependencies = []
[tool.hatch.build.targets.wheel]
packages = ["filter_engine"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "filter_engine").mkdir()
    (tmp_path / "filter_engine/__init__.py").write_text("")
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    return tmp_path


def build(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--project", str(project), *options]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def manifest(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project / ".cache/wheelhouse/manifest.json").read_text())
    return found


def test_builds_once_and_then_reuses(project: Path) -> None:
    assert "built: engine, dependencies" in build(project).stdout
    first = manifest(project)
    names = [wheel["name"] for wheel in first["wheels"]]
    assert names == sorted([first["engine"], first["pip"]])
    assert first["digest"] in first["archive"]
    with tarfile.open(project / ".cache/wheelhouse" / first["archive"]) as archive:
        assert archive.getnames() == names
    again = build(project)
    assert "unchanged" in again.stdout, again.stderr
    assert manifest(project) == first


def test_a_changed_source_makes_another_release_and_only_its_wheel(project: Path) -> None:
    build(project)
    first = manifest(project)
    (project / "filter_engine/__init__.py").write_text("x = 1\n")
    again = build(project)
    assert "built: engine (" in again.stdout, again.stderr
    assert manifest(project)["digest"] != first["digest"]
    (project / "filter_engine/__init__.py").write_text("")
    build(project)
    assert manifest(project)["digest"] == first["digest"], "the same sources, another digest"


def test_a_lost_wheel_is_built_again(project: Path) -> None:
    build(project)
    first = manifest(project)
    (project / ".cache/wheelhouse" / first["engine"]).unlink()
    assert "built: engine, dependencies" in build(project).stdout
    assert manifest(project) == first


def test_a_failed_build_says_why_and_leaves_the_last_wheelhouse(project: Path) -> None:
    build(project)
    first = manifest(project)
    (project / "pyproject.toml").write_text(PYPROJECT.replace('version = "1.0"', 'version = "x"'))
    failed = build(project)
    assert failed.returncode == 1
    assert "Invalid version" in failed.stderr
    assert manifest(project) == first
    assert (project / ".cache/wheelhouse" / first["engine"]).is_file()


def test_refuses_a_directory_of_other_files(project: Path) -> None:
    refused = build(project, "--output", str(project / "filter_engine"))
    assert refused.returncode == 1
    assert "holds other files" in refused.stderr
    assert (project / "filter_engine/__init__.py").exists()


def test_refuses_a_wheel_compiled_here(project: Path) -> None:
    (project / "hatch_build.py").write_text(
        "from hatchling.builders.hooks.plugin.interface import BuildHookInterface\n"
        "class Hook(BuildHookInterface):\n"
        "    def initialize(self, version, build_data):\n"
        "        build_data['tag'] = 'cp311-cp311-linux_x86_64'\n"
    )
    hook = "[tool.hatch.build.targets.wheel.hooks.custom]\npath = 'filter_engine/hatch_build.py'\n"
    (project / "hatch_build.py").rename(project / "filter_engine/hatch_build.py")
    (project / "pyproject.toml").write_text(PYPROJECT + hook)
    refused = build(project)
    assert refused.returncode == 1
    assert "compiled on this machine" in refused.stderr
