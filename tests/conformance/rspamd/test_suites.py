"""Rspamd's own functional suites, over HTTP against this engine.

The data are not part of this project; see ``CONFORMANCE_DIR``.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from xdist_groups import group_of

from .cases import FILE, Case, all_cases
from .conftest import Serve
from .expectations import faults
from .known_failures import CASES, LATER
from .requests import prepare, send


def _id(case: Case) -> str:
    test = re.sub(r"[^A-Za-z0-9_.#-]+", "_", case.id.partition("::")[2])
    return f"{case.suite}-{test}"


def _parameter(case: Case) -> Any:
    marks: list[pytest.MarkDecorator] = []
    name = _id(case)
    later = next((why for suite, why in LATER.items() if case.suite.startswith(suite)), "")
    if case.obstacle:
        marks.append(pytest.mark.skip(reason=case.obstacle))
    elif later:
        marks.append(pytest.mark.skip(reason=later))
    elif name in CASES:
        marks.append(pytest.mark.xfail(reason=CASES[name], strict=True))
    return pytest.param(case, id=name, marks=marks)


if not FILE.exists():
    pytest.skip(f"no {FILE}; set CONFORMANCE_DIR", allow_module_level=True)


@pytest.mark.parametrize("case", [_parameter(case) for case in all_cases()])
def test_case(case: Case, serve: Serve) -> None:
    engine = serve(case)
    prepare(case, engine)
    reply = send(case, engine)
    assert not faults(case, reply)


def test_cases_of_one_configuration_stay_on_one_worker() -> None:
    groups: dict[str, set[str]] = {}
    for case in all_cases():
        nodeid = f"tests/conformance/rspamd/test_suites.py::test_case[{_id(case)}]"
        groups.setdefault(case.configuration, set()).add(group_of(nodeid))
    assert all(len(found) == 1 for found in groups.values())
    assert len(set.union(*groups.values())) > 30, "the others need not wait for each other"


def test_every_listed_case_exists() -> None:
    names = {_id(case) for case in all_cases()}
    assert CASES.keys() <= names
    assert all(any(case.suite.startswith(suite) for case in all_cases()) for suite in LATER)
