"""What a clean mail gets: no point from any heuristic, and every check runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from filter_engine.scan.declare import REGISTRY

AUTHENTICATION = {"spf", "dkim", "dmarc", "dkim_signing"}
OURS = sorted(
    check.name
    for check in REGISTRY
    # to mx_check the addresses of documentation are what they are: nobody's
    if check.name not in AUTHENTICATION | {"mx_check"}
)
RECEIVED = "from mail.example.com (mail.example.com [192.0.2.1]) by b.example with ESMTPS"
DNS = {
    "mx.example.com": {"A": ["192.0.2.1"]},
    "example.com": {"MX": [(10, "mx.example.com")]},
}


@pytest.mark.parametrize("name", OURS)
def test_clean_mail_gets_no_points(name: str, scan: Callable[..., dict[str, object]]) -> None:
    scores = {symbol.name: symbol.score for symbol in REGISTRY[name].symbols}
    found = scan(name, {"Received": RECEIVED}, dns=DNS)
    assert {symbol for symbol in found if scores[symbol] > 0} == set()


def test_every_symbol_is_described_and_in_a_group() -> None:
    assert len(OURS) > 20
    for check, symbol in REGISTRY.symbols():
        assert symbol.description, symbol.name
        assert symbol.groups, symbol.name
        assert check.doc, check.name
