"""Passwords of the controller are refused when they are broken hashes."""

from __future__ import annotations

import pytest

from .conftest import Site

SALT = "7ay9je5jyur84juwyaxfyh5jz99gokdg"
KEY = "jmttyo7p3p33txzmmzon95ge6m7k9zr8aenz1b6yeua14y6qejry"


@pytest.mark.parametrize("option", ["password", "enable_password"])
@pytest.mark.parametrize(
    "value",
    ["$1$yyyyyyyyyy$y", f"$2${SALT}${KEY[:-1]}", f"$4${SALT}${KEY}", f"$2${SALT}", "$ecret"],
)
def test_a_broken_hash_is_an_error(site: Site, option: str, value: str) -> None:
    found = site(local={"worker-controller.inc": f'\n{option} = "{value}";'})
    assert found.config is None
    (finding,) = found.findings
    assert (finding.code, finding.line) == ("wrong-type", 2)
    assert "filter-engine pw" in finding.hint
    shown = f"{finding} {finding.as_dict()}"
    assert KEY[:8] not in shown
    assert SALT[:8] not in shown
    assert "ecret" not in shown


@pytest.mark.parametrize("kind", ["1", "2"])
def test_a_whole_hash_is_taken(site: Site, kind: str) -> None:
    found = site(local={"worker-controller.inc": f'password = "${kind}${SALT}${KEY}";'})
    assert found.findings == ()
