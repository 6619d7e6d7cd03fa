"""Sections: conversion of every kind, defaults, provenance, and all problems at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import pytest

from filter_engine.config import AddressSet, Layer, Section, Severity, option, options_of
from filter_engine.config.collector import Collector
from filter_engine.config.kinds import (
    ADDRESSES,
    BOOLEAN,
    INTEGER,
    MAP,
    NUMBER,
    SIZE,
    STRING,
    TIME,
    WORDS,
    at_least,
    list_of,
    nullable,
    one_of,
    section,
    sections_of,
    sockets,
    upstreams,
)
from filter_engine.config.layers import Layers
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import Option, bind, declare_known, known
from filter_engine.ucl import parse


@options_class
class Inner(Section):
    """A nested section."""

    depth: int = option(INTEGER, 1, doc="a number")


@options_class
class Sample(Section):
    """One option of each kind."""

    retired: ClassVar[Mapping[str, str]] = MappingProxyType({"old": "use new"})
    known: ClassVar[Mapping[str, Option]] = declare_known(theirs=known(INTEGER, doc="a number"))

    flag: bool = option(BOOLEAN, False, doc="a switch")
    count: int = option(at_least(INTEGER, 0), 3, doc="a count", aliases=("number",))
    score: float | None = option(nullable(NUMBER), 1.5, doc="a score")
    timeout: float = option(TIME, 8.0, unit="seconds", doc="a time")
    limit: int = option(SIZE, 1024, unit="bytes", doc="a size")
    name: str = option(STRING, "x", doc="a name")
    mode: str = option(one_of("redis", "noop"), "noop", doc="a choice")
    words: tuple[str, ...] = option(WORDS, (), doc="words")
    numbers: tuple[int, ...] = option(list_of(INTEGER), (), doc="numbers")
    networks: AddressSet = option(ADDRESSES, AddressSet(), doc="networks")  # field
    servers: object = option(upstreams(6379, srv=False), None, doc="servers")  # field
    bind_socket: object = option(sockets(11333), None, doc="sockets")  # field
    map_of: tuple[str, ...] = option(MAP, (), doc="a map", key="map")
    inner: Inner = option(section(Inner, "s.inner"), Inner(), doc="nested")  # field
    rules: Mapping[str, Inner] = option(
        sections_of(Inner, "s.rule"), MappingProxyType({}), key="rule", doc="named"
    )
    secret: str = option(STRING, "", secret=True, doc="a password")


def _bind(text: str) -> tuple[Sample, Collector]:
    collector = Collector(Layers({"CONFDIR": "/shipped"}))
    return bind(Sample, parse(text, "/site/x.conf"), collector, "s"), collector


def test_nothing_written_gives_the_defaults() -> None:
    bound, collector = _bind("")
    assert bound == Sample()
    assert collector.findings == ()
    assert bound.origin("flag").layer is Layer.BUILTIN


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("flag = yes", "flag", True),
        ('flag = "on"', "flag", True),
        ("flag = 0", "flag", False),
        ("count = 5", "count", 5),
        ("number = 5", "count", 5),
        ('count = "5"', "count", 5),
        ("count = 2k", "count", 2000),
        ("score = 2", "score", 2.0),
        ("score = null", "score", None),
        ('score = "-1.5"', "score", -1.5),
        ("timeout = 2min", "timeout", 120.0),
        ("timeout = 30", "timeout", 30.0),
        ("timeout = 1.5", "timeout", 1.5),
        ("timeout = 100ms", "timeout", 0.1),
        ("timeout = 10s", "timeout", 10.0),
        ("timeout = 5min", "timeout", 300.0),
        ("timeout = 2h", "timeout", 7200.0),
        ("timeout = 1d", "timeout", 86400.0),
        ("timeout = 1w", "timeout", 604800.0),
        ("timeout = 1y", "timeout", 31536000.0),
        ("limit = 64k", "limit", 64000),
        ("limit = 64kb", "limit", 65536),
        ("limit = 1m", "limit", 1000000),
        ("limit = 1g", "limit", 1000000000),
        ("limit = 2GB", "limit", 2 * 1024**3),
        ("limit = 50mb", "limit", 50 * 1024**2),
        ("limit = 1.5kb", "limit", 1536),
        ("name = word", "name", "word"),
        ("name = 0012", "name", "0012"),
        ("name = 10s", "name", "10s"),
        ("mode = REDIS", "mode", "redis"),
        ("words = [a, b]", "words", ("a", "b")),
        ('words = "a, b c"; words = d', "words", ("a", "b", "c", "d")),
        ("numbers = 1; numbers = [2, 3]", "numbers", (1, 2, 3)),
        ('map = "/etc/x.map"', "map_of", ("/etc/x.map",)),
        ('map = { url = ["a", "b"] }', "map_of", ("a", "b")),
        ("inner { depth = 4 }", "inner", Inner(depth=4)),
        ("inner { } inner { depth = 4 }", "inner", Inner(depth=4)),
        ('rule "a" { depth = 2 } rule "b" { }', "rules", {"a": Inner(depth=2), "b": Inner()}),
        ("networks = 10.0.0.0/8", "networks", AddressSet(["10.0.0.0/8"])),
        (
            'networks = "10.0.0.1, [::1]"; networks = [localhost]',
            "networks",
            AddressSet(["10.0.0.1/32", "::1/128", "127.0.0.1/32"]),
        ),
        (
            'networks = "[::1]/128 192.0.2.0/24"',
            "networks",
            AddressSet(["::1/128", "192.0.2.0/24"]),
        ),
    ],
)
def test_values(text: str, attribute: str, value: object) -> None:
    bound, collector = _bind(text)
    assert collector.findings == ()
    found = getattr(bound, attribute)
    assert (dict(found) if isinstance(value, dict) else found) == value
    assert type(found) is type(value) or isinstance(value, dict)
    origin = bound.origin(attribute)
    assert (origin.file, origin.layer) == ("/site/x.conf", Layer.SITE)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("flag = maybe", "s.flag: expected a boolean, found", "true or false"),
        ("flag = [true]", "found an array", ""),
        ("flag { }", "found a section", ""),
        ("count = many", "expected a whole number", "digits"),
        ("count = 1.5", "expected a whole number", ""),
        ("count = -1", "below the minimum of 0", ""),
        ("count = 1e30", "1e30 is out of range", "at most 9223372036854775807"),
        ('count = "9223372036854775808"', "is out of range", ""),
        ("timeout = 1e13", "1e13 is out of range", "90d"),
        ("limit = 1e19", "1e19 is out of range", ""),
        ("score = high", "expected a number", "1.5"),
        ("score = true", "expected a number", ""),
        ('timeout = "10s"', "found the string", "without quotes"),
        ("timeout = soon", "expected a time", "10s"),
        ("timeout = -1", "expected a time", ""),
        ("timeout = inf", "expected a time", ""),
        ("timeout = nan", "expected a time", ""),
        ("timeout = 10sec", "expected a time", "10s"),
        ("score = nan", "expected a number", ""),
        ('score = "inf"', "expected a number", ""),
        ("limit = big", "expected a size", "50mb"),
        ("limit = 1.5", "expected a size", ""),
        ("limit = -1", "expected a size", ""),
        ("limit = inf", "expected a size", ""),
        ('networks = "[::1"', "not an IP address", ""),
        ('servers = "service=redis+example.net"', "does not look SRV records up", "host:port"),
        ("name = [a]", "expected a string", ""),
        ("name = null", "expected a string", ""),
        ("mode = sqlite", "'sqlite' is not possible", "redis, noop"),
        ("networks = 10.0.0.0/33", "not an IP address or network", "192.0.2.0/24"),
        ("networks = [[10.0.0.1]]", "expected a string, found an array", ""),
        ('servers = "a:b"', "not a port", "host:port:weight"),
        ('bind_socket = "x:y"', "not a port", "/path mode=0660"),
        ("inner = 5", "expected a section", ""),
        ("rule = 5", "expected a section", ""),
        (
            "networks = /no/such/file",
            "cannot read /no/such/file",
            "put the file there, one address",
        ),
    ],
)
def test_misfits_keep_the_default_and_name_the_place(text: str, message: str, hint: str) -> None:
    bound, collector = _bind("\n  " + text)
    assert bound == Sample()
    (finding,) = collector.findings
    assert (finding.severity, finding.code) == (Severity.ERROR, "wrong-type")
    assert (finding.file, finding.line) == ("/site/x.conf", 2)
    assert message in finding.message
    assert hint in finding.hint


def test_every_problem_is_reported_at_once() -> None:
    _, collector = _bind(
        "flag = maybe\ntimeuot = 1\nold = 1\ntheirs = 1\nname = a\nname = b\n"
        "networks = 10.0.0.1/8\ninner { dpeth = 1 }\nrule x { depth = y }\n"
    )
    found = [(f.line, f.severity, f.code) for f in collector.findings]
    assert found == [
        (1, Severity.ERROR, "wrong-type"),
        (2, Severity.WARNING, "unknown-option"),
        (3, Severity.WARNING, "no-effect"),
        (4, Severity.INFO, "not-served"),
        (6, Severity.WARNING, "repeated-option"),
        (7, Severity.WARNING, "host-bits-set"),
        (8, Severity.WARNING, "unknown-option"),
        (9, Severity.ERROR, "wrong-type"),
    ]
    by_line = {f.line: f for f in collector.findings}
    assert by_line[2].hint == "did you mean 'timeout'?"
    assert by_line[3].hint == "use new"
    assert "10.0.0.0/8" in by_line[7].message
    assert by_line[8].hint == "did you mean 'depth'?"
    assert "s.rule 'x'.depth" in by_line[9].message


def test_notes_about_shipped_files_are_left_out() -> None:
    collector = Collector(Layers({"CONFDIR": "/shipped"}))
    bind(Sample, parse("theirs = 1; timeuot = 1", "/shipped/x.conf"), collector, "s")
    assert [f.code for f in collector.findings] == ["unknown-option"]


def test_a_list_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "networks"
    path.write_text("# ours\n10.0.0.0/8\n\n  192.0.2.1 # one\n")
    bound, collector = _bind(f'networks = "{path}"')
    assert collector.findings == ()
    assert bound.networks == AddressSet(["10.0.0.0/8", "192.0.2.1/32"])


def test_a_section_is_immutable_and_hides_its_secrets() -> None:
    bound, _ = _bind("secret = hunter2")
    assert bound.secret == "hunter2"
    assert "hunter2" not in repr(bound)
    with pytest.raises(FrozenInstanceError):
        bound.flag = True  # type: ignore[misc]  # what the test is about


def test_the_schema_can_be_read() -> None:
    declared = {o.key: o for o in options_of(Sample)}
    assert declared["map"].attribute == "map_of"
    assert declared["timeout"].unit == "seconds"
    assert declared["count"].aliases == ("number",)
    assert declared["count"].kind.name == "integer >= 0"
    assert declared["rule"].default == {}
    assert all(o.doc for o in declared.values())
