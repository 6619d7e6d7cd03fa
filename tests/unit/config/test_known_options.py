"""Options of Rspamd's that are read and checked, and told as not served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from filter_engine.config import Option, Section, Severity
from filter_engine.config.collector import Collector
from filter_engine.config.kinds import INTEGER, STRING, TIME, known_section, known_sections
from filter_engine.config.layers import Layers
from filter_engine.config.model import (
    ActionsConfig,
    DnsConfig,
    GroupConfig,
    LoggingConfig,
    OptionsConfig,
    RedisConfig,
    SymbolConfig,
)
from filter_engine.config.schema import Schema, bind_known, declare_known, known, options_of
from filter_engine.config.workers import (
    ControllerConfig,
    FuzzyConfig,
    NormalConfig,
    ProxyConfig,
    ScanUpstream,
)
from filter_engine.ucl import parse

from .conftest import Site

CORE: tuple[type[Section], ...] = (
    *(OptionsConfig, DnsConfig, LoggingConfig, ActionsConfig, GroupConfig, SymbolConfig),
    *(RedisConfig, ProxyConfig, ScanUpstream, NormalConfig, ControllerConfig, FuzzyConfig),
)

INNER = Schema("x", "inner", declare_known(depth=known(INTEGER, doc="a number")))
RULE = Schema("x", "a rule", declare_known(score=known(INTEGER, doc="a score")))
SAMPLE = Schema(
    "modules/sample",
    "a module",
    declare_known(
        timeout=known(TIME, 1.0, unit="seconds", doc="a time", aliases=("wait",)),
        inner=known(known_section(INNER, "sample.inner"), doc="a section"),
        named=known(known_sections(INNER, "sample.named"), doc="named sections"),
    ),
    rules=RULE,
    rules_key="rules",
    retired={"old": "use timeout"},
)
DIRECT = Schema(
    "modules/direct",
    "rules directly in the section",
    declare_known(name=known(STRING, doc="a name")),
    rules=RULE,
    rule_value=INTEGER,
)


def _check(schema: Schema, text: str) -> list[tuple[Severity, str, str, str]]:
    collector = Collector(Layers({"CONFDIR": "/shipped"}))
    bind_known(schema, parse(text, "/site/x.conf"), collector, "m")
    return [(f.severity, f.code, f.message, f.hint) for f in collector.findings]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "timeout = 5s",
        "wait = 5s",
        "inner { depth = 1 }",
        "named { a { depth = 1 } b { } }",
        "rules { whatever { score = 1 } }",
    ],
)
def test_what_fits_a_schema_is_not_mentioned(text: str) -> None:
    assert _check(SAMPLE, text) == []


@pytest.mark.parametrize(
    ("schema", "text", "code", "message", "hint"),
    [
        (SAMPLE, "timeout = soon", "wrong-type", "m.timeout: expected a time", "10s"),
        (SAMPLE, "wait = soon", "wrong-type", "m.timeout: expected a time", ""),
        (SAMPLE, "wait = 1; timeout = 1", "repeated-option", "written 2 times", "others"),
        (SAMPLE, "timeuot = 5s", "unknown-option", "m.timeuot", "did you mean 'timeout'?"),
        (SAMPLE, "old = 5s", "no-effect", "m.old has no effect", "use timeout"),
        (SAMPLE, "inner = 5", "wrong-type", "m.inner: expected a section", ""),
        (SAMPLE, "inner { dpeth = 1 }", "unknown-option", "sample.inner.dpeth", "'depth'"),
        (SAMPLE, "named { a { depth = x } }", "wrong-type", "sample.named 'a'.depth", "digits"),
        (SAMPLE, "rules { a { socre = 1 } }", "unknown-option", "m.rules.a.socre", "'score'"),
        (SAMPLE, "rules { a { score = x } }", "wrong-type", "m.rules.a.score", "digits"),
        (DIRECT, "a = x", "wrong-type", "m.a: expected a whole number", "digits"),
        (DIRECT, "a { socre = 1 }", "unknown-option", "m.a.socre", "'score'"),
    ],
)
def test_faults_are_warnings(schema: Schema, text: str, code: str, message: str, hint: str) -> None:
    ((severity, found, said, told),) = _check(schema, text)
    assert (severity, found) == (Severity.WARNING, code)
    assert message in said
    assert hint in told


def test_free_keys_are_left_alone() -> None:
    assert _check(Schema("", "", {}, closed=False), "anything = goes; here { too = 1 }") == []
    assert _check(DIRECT, "a = 5; b { score = 1 }") == []


def test_a_known_option_is_told_with_its_meaning(site: Site) -> None:
    found = site(local={"options.inc": "max_word_len = 30;\n"})
    (finding,) = found.findings
    assert (finding.severity, finding.code, finding.line) == (Severity.INFO, "not-served", 1)
    assert finding.message == "options.max_word_len is Rspamd's; this engine does not use it"
    assert finding.hint == "in Rspamd: longest word that is learnt"
    assert found.config is not None


def test_a_known_option_of_a_wrong_type_is_a_warning(site: Site) -> None:
    found = site(local={"options.inc": "max_word_len = long;\n"})
    assert {(f.severity, f.code) for f in found.findings} == {
        (Severity.WARNING, "wrong-type"),
        (Severity.INFO, "not-served"),
    }
    assert found.config is not None


@pytest.mark.parametrize(
    ("file", "text", "hint"),
    [
        ("options.inc", "max_wrod_len = 30", "did you mean 'max_word_len'? (Rspamd's"),
        ("options.inc", "task_timeuot = 30", "did you mean 'task_timeout'?"),
        ("worker-fuzzy.inc", "slavse = x", "did you mean 'slaves'? (that has no effect either"),
        ("worker-proxy.inc", "mirror { a { host = x } }", "did you mean 'hosts'?"),
        ("options.inc", "upstream { revive_tme = 5s }", "did you mean 'revive_time'?"),
    ],
)
def test_the_name_meant_is_looked_for_among_all(
    site: Site, file: str, text: str, hint: str
) -> None:
    found = site(local={file: text})
    (finding,) = (f for f in found.findings if f.code == "unknown-option")
    assert finding.severity is Severity.WARNING
    assert hint in finding.hint


def test_older_places_of_dns_options_are_told(site: Site) -> None:
    found = site(local={"options.inc": "dns_timeout = 3s; check_timeout = 9s"})
    ((severity, code, hint),) = [(f.severity, f.code, f.hint) for f in found.findings]
    assert (severity, code) == (Severity.WARNING, "no-effect")
    assert hint == "write dns { timeout = ...; }"
    assert found.config is not None
    assert found.config.options.task_timeout == 9.0


def test_the_inside_of_a_metric(site: Site) -> None:
    text = 'metric { name = default; unknown_weight = 2; subject = "S %s"; symbls { } }'
    found = site(top={"rspamd.conf.local": text})
    assert found.config is not None
    assert found.config.actions.unknown_weight == 2.0
    assert found.config.actions.subject == "S %s"
    (finding,) = (f for f in found.findings if f.code == "unknown-option")
    assert "metric.symbls" in finding.message


def test_a_section_of_a_module_that_is_not_served_is_checked(site: Site) -> None:
    found = site(local={"elastic.conf": "limits { max_row = 5; }"})
    assert [(f.severity, f.code) for f in found.findings] == [
        (Severity.INFO, "not-served"),
        (Severity.WARNING, "unknown-option"),
    ]
    assert "elastic.limits.max_row" in found.findings[1].message
    assert "'max_rows'" in found.findings[1].hint


def _declared() -> Iterator[tuple[str, Option]]:
    for section in CORE:
        yield from _of(section.__name__, section.known)


def _of(name: str, options: object) -> Iterator[tuple[str, Option]]:
    assert hasattr(options, "values")
    for option in options.values():
        yield f"{name}.{option.key}", option
        if isinstance(option.kind.inner, Schema):
            yield from _of(f"{name}.{option.key}", option.kind.inner.options)


@pytest.mark.parametrize("section", CORE)
def test_no_option_is_both_served_and_not(section: type[Section]) -> None:
    served = {key for made in options_of(section) for key in (made.key, *made.aliases)}
    known_keys = [key for made in section.known.values() for key in (made.key, *made.aliases)]
    assert len(known_keys) == len(set(known_keys))
    assert not served & set(known_keys)
    assert not (served | set(known_keys)) & section.retired.keys()
    assert section.anchor


@pytest.mark.parametrize(("name", "made"), list(_declared()), ids=lambda value: str(value)[:40])
def test_a_known_option_says_what_it_is(name: str, made: Option) -> None:
    assert not made.served, name
    assert made.doc, name
    assert made.doc == made.doc.strip(" .")
    if made.kind.name == "time":
        assert made.unit == "seconds"
