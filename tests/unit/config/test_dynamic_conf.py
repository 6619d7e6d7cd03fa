"""What hosts share by Redis: the file that a host keeps of it, and what may stand in Redis."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.checks.dynamic_conf import DynamicConfOptions
from filter_engine.config import Layer
from filter_engine.config.dynamic import DynamicError, save
from filter_engine.config.dynamic_conf import Kept, Shared, keep, read_kept, read_shared
from filter_engine.ucl import parse

from .conftest import Site

_MODULES = {"dynamic_conf": DynamicConfOptions}
_SECTION = {"dynamic_conf.conf": "redis_watch_interval = 5s;"}
_NAMES = st.text(
    st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), min_size=1, max_size=20
)
_SCORES = st.floats(-1e6, 1e6)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    (tmp_path / "db" / "dynamic").mkdir(parents=True)
    return tmp_path / "db"


def test_what_is_shared_stands_over_this_hosts_own_and_below_override(site: Site, db: Path) -> None:
    save(db, "groups.conf", parse('symbols { "A" { score = 5 } "B" { score = 5 } }'))
    shared = Shared(
        {"A": 6.0, "O": 6.0, "N": -0.5},
        {"reject": 20.0, "add_header": None, "greylist": 2.0},
        ("E",),
        ("D",),
    )
    keep(str(db), Kept(9, shared))
    written = {
        "local": {
            **_SECTION,
            "actions.conf": "reject = 11; add_header = 7",
            "groups.conf": 'symbols { "E" { enabled = false; score = 1 } }',
        },
        "override": {
            "groups.conf": 'symbols { "O" { score = 7 } }',
            "actions.conf": "greylist = 3",
        },
    }
    found = site(modules=_MODULES, **written)
    assert found.findings == ()
    config = found.config
    assert config is not None
    scores = {name: symbol.score for name, symbol in config.symbols.items()}
    # override.d replaces the section as a whole
    assert scores["O"] == 7.0
    actions = config.actions
    assert (actions.reject, actions.add_header, actions.greylist) == (20.0, None, 3.0)
    origin = actions.origin("reject")
    assert (Path(origin.file).name, origin.layer) == ("dynamic_conf.json", Layer.DYNAMIC)
    (db.parent / "override.d" / "groups.conf").unlink()
    config = site(modules=_MODULES).config
    assert config is not None
    scores = {name: symbol.score for name, symbol in config.symbols.items()}
    assert (scores["A"], scores["B"], scores["N"]) == (6.0, 5.0, -0.5)
    assert (config.symbols["E"].enabled, config.symbols["D"].enabled) == (True, False)
    assert config.symbols["E"].score == 1.0


@pytest.mark.parametrize("section", ["", "enabled = false; redis_watch_interval = 5s;"])
def test_without_the_section_the_file_is_not_read(site: Site, db: Path, section: str) -> None:
    keep(str(db), Kept(9, Shared({"A": 6.0})))
    config = site(modules=_MODULES, local={"dynamic_conf.conf": section}).config
    assert config is not None
    assert "A" not in config.symbols


@pytest.mark.parametrize(
    "text",
    [
        '{"scores": {"A": "many"}}',
        '{"scores": {"A": {"score": 1e9}}}',
        '{"actions": {"refuse": 4}}',
        '{"actions": {"reject": true}}',
        '{"symbols_disabled": {"A": 1}}',
        '{"symbols_enabled": [7]}',
        '{"scores": [1]}',
        '{"scores": {"A": 1}',
        '{"scores": {"' + "A" * 300 + '": 1}}',
        '.include "/etc/passwd"',
        '{"scores": {"A": 10kb}}',
        '{"scores": {"A": {"score": 5min}}}',
        '{"actions": {"reject": 1k}}',
        '{"actions": {"reject": 0x1f}}',
        '{"scores": {"A\\nB": 1}}',
        '{"scores": {"A\\u0085": 1}}',
        '{"symbols_disabled": ["A\\u001b[2J"]}',
    ],
)
def test_what_makes_no_sense_is_left_out_as_a_whole(site: Site, db: Path, text: str) -> None:
    with pytest.raises(DynamicError, match=r"dynamic_conf in Redis|expected"):
        read_shared(text, "dynamic_conf in Redis 127.0.0.1:6379")
    (db / "dynamic_conf.json").write_text(text)
    assert read_kept(str(db)) is None
    found = site(modules=_MODULES, local=_SECTION)
    assert found.config is not None
    assert [f.code for f in found.findings] == ["dynamic-file-left-out"]


def test_the_fault_names_the_value() -> None:
    with pytest.raises(DynamicError, match="'R_SPF_ALLOW': 'many' is no score"):
        read_shared('{"scores": {"A": 1, "R_SPF_ALLOW": "many"}}', "Redis")


def test_a_size_is_no_score() -> None:
    with pytest.raises(DynamicError, match="'A': '10kb' is no score"):
        read_shared('{"scores": {"A": 10kb}}', "Redis")
    text = '{"scores": {"A": 1e1, "B": -2.5E-1, "C": 7}, "actions": {"reject": -3}}'
    shared = Shared({"A": 10.0, "B": -0.25, "C": 7.0}, {"reject": -3.0})
    assert read_shared(text, "Redis") == shared


def test_what_rspamd_writes_is_read() -> None:
    """Recorded from Rspamd 3.4: thresholds saved by its controller, one of them off."""
    text = (
        '{"actions":{"reject":16,"greylist":3,"rewrite subject":-nan,"add header":7},'
        '"scores":{"R_SPF_ALLOW":-0.700000}}'
    )
    assert read_shared(text, "Redis") == Shared(
        {"R_SPF_ALLOW": -0.7},
        {"reject": 16.0, "greylist": 3.0, "rewrite_subject": None, "add_header": 7.0},
    )


@given(
    st.dictionaries(_NAMES, _SCORES, max_size=5),
    st.dictionaries(
        st.sampled_from(["reject", "add_header", "greylist"]), st.none() | _SCORES, max_size=3
    ),
    st.lists(_NAMES, max_size=3),
)
def test_written_and_read_again(
    scores: dict[str, float], actions: dict[str, float | None], names: list[str]
) -> None:
    shared = Shared(scores, actions, (), tuple(names))
    assert read_shared(shared.for_redis().decode(), "Redis") == shared


def test_the_file_says_what_was_kept(db: Path) -> None:
    kept = Kept(7, Shared({"A": 1.5}, {"add_header": None}, ("B",), ("C",)))
    keep(str(db), kept)
    assert read_kept(str(db)) == kept
    assert (db / "dynamic_conf.json").stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(DynamicError, match="cannot write"):
        keep(str(tmp_path / "nowhere"), Kept(1, Shared()))
