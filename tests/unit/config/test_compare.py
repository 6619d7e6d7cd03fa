"""What differs between two effective configurations, and which modules run."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from filter_engine.config import Config, Section, load
from filter_engine.config.compare import compare
from filter_engine.config.effective import SymbolDefault, effective
from filter_engine.config.layers import Layers
from filter_engine.config.modules_state import modules_state
from filter_engine.config.options_class import options_class

DEFAULTS = {"R_X": SymbolDefault(1.5, "what it means", ("policies",), "x")}


def _tree(root: Path, **files: str) -> Config:
    (root / "local.d").mkdir(parents=True)
    for name, text in files.items():
        (root / "local.d" / name.replace("__", "-").replace("_inc", ".inc")).write_text(text)
    return load(None, {"LOCAL_CONFDIR": str(root), "DBDIR": str(root)}, {})


def _lines(old: Config, new: Config) -> list[str]:
    changes = compare(effective(old, DEFAULTS), effective(new, DEFAULTS))
    return [change.text(Layers(old.variables), Layers(new.variables)) for change in changes]


def test_lines_name_value_unit_and_place(tmp_path: Path) -> None:
    old = _tree(tmp_path / "a")
    new = _tree(tmp_path / "b", options_inc="max_urls = 5;\n\ntask_timeout = 10s;\n")
    assert _lines(old, new) == [
        "options.task_timeout: 8 s -> 10 s (local.d/options.inc:3)",
        "options.max_urls: 10240 -> 5 (local.d/options.inc:1)",
    ]
    assert _lines(new, old) == [
        "options.task_timeout: 10 s -> 8 s (built in, was local.d/options.inc:3)",
        "options.max_urls: 5 -> 10240 (built in, was local.d/options.inc:1)",
    ]
    assert _lines(new, new) == []


def test_the_same_value_elsewhere_is_no_difference(tmp_path: Path) -> None:
    old = _tree(tmp_path / "a", options_inc="task_timeout = 10s;")
    new = _tree(tmp_path / "b", options_inc="\n\ntask_timeout = 10;")
    assert _lines(old, new) == []


def test_what_only_one_has(tmp_path: Path) -> None:
    old = _tree(tmp_path / "a")
    new = _tree(
        tmp_path / "b", worker__proxy_inc='upstream "s" { default = yes; hosts = "192.0.2.1" }'
    )
    added, removed = (
        'worker.rspamd_proxy.upstream.s.hosts: added, "round-robin:192.0.2.1:11333:1" '
        "(local.d/worker-proxy.inc:1)",
        'worker.rspamd_proxy.upstream.local.hosts: removed, was "round-robin:localhost:11333:1" '
        "(shipped workers.conf:",
    )
    lines = _lines(old, new)
    assert added in lines
    assert any(line.startswith(removed) for line in lines)


def test_secrets_differ_unseen(tmp_path: Path) -> None:
    old = _tree(tmp_path / "a", worker__controller_inc='password = "first"')
    new = _tree(tmp_path / "b", worker__controller_inc='password = "second"')
    changes = compare(effective(old), effective(new))
    assert _lines(old, new) == [
        'worker.controller.password: "(hidden)" -> "(hidden)" (local.d/worker-controller.inc:1)'
    ]
    assert "first" not in repr([change.as_dict() for change in changes])
    assert "second" in repr([change.as_dict(show_secrets=True) for change in changes])


def test_a_score_against_that_of_its_check(tmp_path: Path) -> None:
    old = _tree(tmp_path / "a")
    new = _tree(tmp_path / "b")
    (tmp_path / "b" / "local.d" / "policies_group.conf").write_text(
        'symbols { "R_X" { score = 3 } }'
    )
    new = load(None, {"LOCAL_CONFDIR": str(tmp_path / "b"), "DBDIR": str(tmp_path)}, {})
    assert _lines(old, new) == ["symbols.R_X.score: 1.5 -> 3 (local.d/policies_group.conf:1)"]


@options_class
class _WithRedis(Section):
    needs_redis: ClassVar[bool] = True


def test_which_modules_run(tmp_path: Path) -> None:
    root = tmp_path / "local.d"
    root.mkdir()
    (root / "spf.conf").write_text("\nenabled = false;")
    (root / "replies.conf").write_text('servers = "127.0.0.1"')
    (root / "neural.conf").write_text('x { type = "from" }')
    schemas: dict[str, type[Section]] = {"mid": Section, "spf": Section}
    schemas |= dict.fromkeys(("ratelimit", "replies"), _WithRedis)

    def state() -> dict[str, object]:
        variables = {"LOCAL_CONFDIR": str(tmp_path), "DBDIR": str(tmp_path)}
        return modules_state(load(None, variables, {}, modules=schemas)).as_dict()

    found = state()
    assert found["enabled"] == ["mid", "replies"]
    assert found["disabled_explicitly"] == {"spf": "local.d/spf.conf:2"}
    assert found["disabled_unconfigured"] == {
        "ratelimit": "no Redis: write redis { servers = ... }"
    }
    not_served = found["not_served"]
    assert isinstance(not_served, dict)
    assert not_served["neural"] == "configured at local.d/neural.conf:1"
    assert not_served["antivirus"] == ""
    assert not set(not_served) & set(schemas)
    (root / "redis.conf").write_text('servers = "127.0.0.1"')
    assert state()["enabled"] == ["mid", "ratelimit", "replies"]
