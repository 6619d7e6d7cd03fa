"""Alert rules and dashboard: Prometheus reads them, and every metric they name is one we have."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from unit.workers.engine import MESSAGE, Engine

FOLDER = Path(__file__).parents[3] / "docs/monitoring"
PROMTOOL = shutil.which("promtool")
_NAME = re.compile(r"\b(?:rspamd|filter_engine)_[a-z0-9_]+")


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """Families of metrics that a controller shows."""
    engine = Engine(tmp_path_factory.mktemp("engine") / "e", {"greylist.conf": "enabled = false;"})
    try:
        engine.start()
        engine.scan(MESSAGE)
        text = engine.http(engine.controller, "/metrics")[2].decode()
        yield set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    finally:
        engine.close()


def expressions() -> list[str]:
    """Of every alert and every panel."""
    alerts = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    board = json.loads((FOLDER / "dashboard.json").read_text())
    rules = [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]
    panels = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return rules + panels + [each["query"] for each in board["templating"]["list"]]


def test_every_metric_is_one_we_have(known: set[str]) -> None:
    named = {name for text in expressions() for name in _NAME.findall(text)}
    families = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in named}
    assert families - known == set()
    assert len(families) > 10


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool on this machine (package prometheus)")
def test_prometheus_reads_the_rules() -> None:
    command = [str(PROMTOOL), "check", "rules", str(FOLDER / "alerts.yml")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
