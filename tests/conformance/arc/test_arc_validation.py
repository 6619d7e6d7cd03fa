"""The ARC validation suite (ValiMail): every message judged with its keys from a table."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from conformance_data import DATA
from filter_engine.auth.arc import ArcCode, verify_chain
from filter_engine.checks.sender_policy import signed_content
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.question import ASK
from zone_drive import drive

SUITE = DATA / "arc" / "arc-draft-validation-tests.yml"
#: 2017, when the suite's messages were made.
NOW = 1_483_475_600.0
#: Cases this engine judges otherwise, with the reason.
OTHERWISE = {
    "ams_fields_c_na": "the suite signed relaxed; without c= it is simple (RFC 6376 3.5)",
}


def cases() -> list[Any]:
    if not SUITE.exists():
        missing = pytest.mark.skip(
            reason=f"no {SUITE}: set CONFORMANCE_DIR to the conformance data"
        )
        return [pytest.param({}, {}, "", marks=missing)]
    return [
        pytest.param(scenario["txt-records"], case, name, id=name)
        for scenario in yaml.safe_load_all(SUITE.read_text(encoding="utf-8"))
        for name, case in scenario["tests"].items()
    ]


@pytest.mark.parametrize(("records", "case", "name"), cases())
def test_arc_validation(records: dict[str, str], case: dict[str, Any], name: str) -> None:
    table = {
        key.lower().rstrip("."): {"TXT": [text.encode().replace(b"\n", b"")]}
        for key, text in (records or {}).items()
    }
    message = Message(case["message"].encode().replace(b"\n", b"\r\n"))
    result = drive(verify_chain(ASK, signed_content(message), NOW), TableResolver(table))
    code = ArcCode.FAIL if result.code is ArcCode.INVALID else result.code
    # the suite leaves open what a chain gets that says itself that it failed
    wanted = (case["cv"] or "fail").lower()
    if name in OTHERWISE:
        assert code != wanted, f"{name} is judged as the suite does: take it out of OTHERWISE"
    else:
        assert code == wanted, result.reason


@pytest.mark.skipif(not SUITE.exists(), reason=f"no {SUITE}")
def test_the_whole_suite_is_read() -> None:
    names = [case.id for case in cases()]
    assert len(names) == 171
    assert OTHERWISE.keys() <= set(names)
