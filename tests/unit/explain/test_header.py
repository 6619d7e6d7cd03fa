"""A bare X-Spamd-Result beside the scores of a configuration."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.cli.loading import load_with_rules, registry_of, symbol_defaults
from filter_engine.explain.header import HeaderExplanation, explain_header, header_values
from filter_engine.headers.spamd_result import NoSpamdResultError
from filter_engine.scan.plan import make_plan
from filter_engine.scan.verdict import Action

HEADER = """\
default: False [4.70 / 15.00];
\tHFILTER_HOSTNAME_UNKNOWN(2.50)[];
\tMISSING_DATE(1.00)[];
\tFORGED_SENDER(0.30)[bob@a.example,x; y@b.example];
\tNOBODY_KNOWS(0.90)[a,b]"""


def explain(text: str, site: Path) -> HeaderExplanation:
    config = load_with_rules(None, {"LOCAL_CONFDIR": str(site)})
    plan = make_plan(config, registry_of(config))
    return explain_header(text, plan, config, symbol_defaults(config))


@pytest.mark.parametrize(
    "text",
    [
        HEADER,
        f"X-Spamd-Result: {HEADER}",
        f"x-spamd-result {HEADER}",
        HEADER.replace("\n\t", " "),
        HEADER.replace("\n", "\r\n"),
    ],
    ids=["folded", "named", "pasted", "unfolded", "crlf"],
)
def test_then_and_now(tmp_path: Path, text: str) -> None:
    (tmp_path / "local.d").mkdir()
    groups = tmp_path / "local.d" / "groups.conf"
    groups.write_text(
        'symbols {\n "MISSING_DATE" { score = 7.5; }\n"FORGED_SENDER" { enabled = false; } }\n'
    )
    found = explain(text, tmp_path)
    assert (found.rejected, found.score, found.required) == (False, 4.7, 15.0)
    assert math.isclose(found.sum, 4.7)
    assert [(s.name, s.then, s.now) for s in found.symbols] == [
        ("HFILTER_HOSTNAME_UNKNOWN", 2.5, 2.5),
        ("MISSING_DATE", 1.0, 7.5),
        ("FORGED_SENDER", 0.3, 0.3),
        ("NOBODY_KNOWS", 0.9, None),
    ]
    assert found.unknown == ("NOBODY_KNOWS",)
    assert found.symbols[1].source.by == f"{groups}:2"
    assert not found.symbols[2].enabled
    assert found.symbols[3].options == ("a", "b")
    assert (found.action, found.score_now, found.action_now) == (
        Action.GREYLIST,
        10.0,
        Action.ADD_HEADER,
    )


def test_headers_of_a_message_are_found() -> None:
    folded = HEADER.replace("\n\t", "\r\n\t").encode()
    raw = b"From: a@b.example\r\nX-SPAMD-Result: " + folded + b"\r\n\r\nX-Spamd-Result: no\r\n"
    assert len(header_values(raw)) == 1
    assert header_values(b"From: a@b.example\n\nbody\n") == ()


@given(text=st.text(max_size=200))
def test_any_other_text_is_one_error(text: str) -> None:
    with pytest.raises(NoSpamdResultError):
        explain_header("spam " + text, _PLAN, _CONFIG, {})


_CONFIG = load_with_rules(None, {"LOCAL_CONFDIR": "/nonexistent"})
_PLAN = make_plan(_CONFIG, registry_of(_CONFIG))
