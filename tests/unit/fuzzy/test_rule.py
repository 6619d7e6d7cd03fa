"""A rule of fuzzy_check: what its requests say of the storages."""

from __future__ import annotations

import pytest

from filter_engine.checks.fuzzy_check.options import FuzzyCheckOptions
from filter_engine.checks.fuzzy_check.rule import Rule
from filter_engine.config.collector import Collector
from filter_engine.config.layers import Layers
from filter_engine.config.model import Config
from filter_engine.config.schema import bind
from filter_engine.fuzzy.hashes import Kind, PartHash
from filter_engine.fuzzy.protocol import Command
from filter_engine.scan.setup import Setup
from filter_engine.ucl import parse


@pytest.mark.parametrize(
    ("written", "limits"), [("", (4, 60.0)), ("max_errors = 2; revive_time = 5min;", (2, 300.0))]
)
def test_how_many_errors_a_storage_may_make(written: str, limits: tuple[int, float]) -> None:
    text = f'{written} rule "local" {{ servers = "127.0.0.1:11335"; }}'
    options = bind(FuzzyCheckOptions, parse(text), Collector(Layers({})), "fuzzy_check")
    rule = Rule("local", options.rule["local"], options, Setup(Config()))
    hashes = [PartHash(Kind.DATA, bytes(64), (), 0, 1)]
    for asked in (rule.ask(hashes, b""), rule.teach(Command.WRITE, hashes, 1, 1)):
        assert asked is not None
        assert (asked.exchange.health.max_errors, asked.exchange.health.revive_time) == limits
