"""Patterns: what PCRE means is what is found, by hyperscan, by confirmation, and one by one."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filter_engine.matching import Flags, Pattern, PatternError, PatternSet, literal, parse_slashed
from filter_engine.matching.budget import TIME_LIMIT
from filter_engine.matching.cost import BUDGET
from filter_engine.matching.database import ALONE, EXACT, PREFILTER, Compiled, build

FILLERS = tuple(parse_slashed(f"/never{number}/") for number in range(3))
"""Enough patterns that a set becomes a database."""

MEANINGS = [
    # written, matches, does not match
    (r"/foo\d+/i", "xFOO12", "foo"),
    (r"/^$/", "", "a"),
    (r"/a.c/s", "a\nc", "ac"),
    (r"/^b$/m", "a\nb\nc", "ab"),
    (r"/a b # blanks do not count/x", "ab", "a b"),
    (r"/^.$/u", "é", "ab"),
    (r"/^..$/", "é", "a"),
    (r"/^É$/iu", "é", "e"),
    (r"/^\w+$/u", "abc", "é"),
    (r"/[^\W]/u", "a", "é"),
    (r"/\p{Cyrillic}/u", "Ж", "Z"),
    (r"/bar(?=baz)/", "barbaz", "barba"),
    (r"/(?<!no )more/", "some more", "no more"),
    (r"/(a)(b)\2\1/", "abba", "abab"),
    (r"/a++b/", "aaab", "aaac"),
    (r"/(?>ab|a)c/", "abc", "abd"),
    (r"/(?<word>ab)\k<word>/", "abab", "ab"),
    (r"/(?'word'ab)\k'word'/", "abab", "ab"),
    (r"/\Qa.b\E+/", "a.bb", "axb"),
    (r"/\x{41}/", "A", "a"),
    (r"/\x{416}/u", "Ж", "ж"),
    (r"/\h\R/", "a \r\n", "a\r\n"),
    (r"/end\Z/", "end\n", "end\n\n"),
    (r"/end\z/", "end", "end\n"),
    (r"/end$/", "end\n", "ending"),
    (r"/[[:alpha:]]{3}/", "abc", "a1c"),
    (r"/[a&&b[]x/", "&x", "cx"),
    (r"/x(?i)y/", "xY", "XY"),
    (r"/(?i)xy/", "XY", "xz"),
    (r"/foo/A", "foobar", "a foo"),
    (r"m{http://a}i", "HTTP://A", "http:/a"),
    (r"m!a/b!", "a/b", "ab"),
    ("plain", "so plain", "Plain"),
]


@pytest.mark.parametrize(("written", "yes", "no"), MEANINGS, ids=[m[0] for m in MEANINGS])
@pytest.mark.parametrize("others", [(), FILLERS], ids=["alone", "database"])
def test_what_a_pattern_matches(
    written: str, yes: str, no: str, others: tuple[Pattern, ...]
) -> None:
    patterns = PatternSet.compile([parse_slashed(written), *others], name="test")
    assert patterns.matches(yes.encode()) == [0]
    assert patterns.matches(no.encode()) == []


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("/a(/", "missing )"),
        ("/[a/", "[ at column 1 is not closed"),
        ("/a/q", "unknown flag 'q'"),
        ("/a", "closing / of the pattern is missing"),
        ("/(*ACCEPT)a/", "(*...) is not possible"),
        (r"/\x{999}/", "needs the flag u"),
        ("/(?<n/", "missing >"),
    ],
)
def test_a_bad_pattern_says_what_is_wrong(written: str, message: str) -> None:
    with pytest.raises(PatternError, match=re.escape(message)):
        parse_slashed(written)


def test_hyperscan_takes_what_it_can_and_the_rest_is_confirmed() -> None:
    pytest.importorskip("hyperscan")
    texts = ["/a+b/", "/a(?=b)/", r"/\R/"]
    compiled = build([parse_slashed(text) for text in texts])
    assert compiled.kinds == (EXACT, PREFILTER, ALONE)


def test_a_pattern_can_be_kept_from_hyperscan() -> None:
    compiled = build([Pattern("ab", Flags.ALONE), Pattern("cd")])
    assert compiled.kinds[0] == ALONE


def test_literals_are_no_patterns() -> None:
    texts = [literal("a.b"), literal("C(", ignore_case=True), literal("x")]
    patterns = PatternSet.compile(texts, name="test")
    assert patterns.matches(b"a-b c( ") == [1]
    assert patterns.matches(b"a.b x") == [0, 2]


def test_counting_stops_at_the_most_that_is_asked_for() -> None:
    patterns = PatternSet.compile([parse_slashed("/a/")], name="test")
    assert patterns.count(0, b"banana", 10) == 3
    assert patterns.count(0, b"banana", 2) == 2
    assert patterns.matched_text(0, b"banana") == "a"
    assert patterns.matched_text(0, b"none here".replace(b"a", b"")) == ""


def test_octets_that_are_no_utf8_do_not_disturb_patterns_of_characters() -> None:
    patterns = PatternSet.compile(
        [parse_slashed("/é/u"), parse_slashed(r"/\xe9/"), *FILLERS], name="t"
    )
    assert patterns.matches(b"\xff\xe9 \xc3") == [1]
    assert patterns.matches("é".encode()) == [0]


def test_a_pattern_that_takes_too_long_is_given_up_and_named_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    slow = parse_slashed(r"/^(a|a)*\1$/", "SLOW", "local.d/regexp.conf:7")
    patterns = PatternSet.compile([slow], name="test")
    for _ in range(2):
        assert patterns.matches(b"a" * 5000 + b"!") == []
    told = [r.message for r in caplog.records if "given up" in r.message]
    assert len(told) == 1
    assert "SLOW" in told[0]
    assert "local.d/regexp.conf:7" in told[0]
    assert TIME_LIMIT < 0.1


def test_slow_patterns_are_named_when_they_are_compiled(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("hyperscan")
    slow = parse_slashed(r"/^(a|a)*\1$/", "SLOW", "rules.cf:3")
    patterns = PatternSet.compile([slow, *FILLERS], name="test")
    assert 0 in patterns.compiled.slow
    assert any("SLOW" in r.message and "rules.cf:3" in r.message for r in caplog.records)


def test_measuring_many_slow_patterns_ends(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("hyperscan")
    slow = [parse_slashed(rf"/(?:a|aa|a.)+{n}(?=z)$/", f"S{n}", f"x.map:{n}") for n in range(60)]
    began = time.process_time()
    patterns = PatternSet.compile(slow, name="map x.map")
    assert time.process_time() - began < 2 * BUDGET
    compiled = patterns.compiled
    assert compiled.slow
    assert 0 < compiled.unmeasured < 60
    assert f"map x.map: {compiled.unmeasured} patterns were not measured" in caplog.text
    assert Compiled.parse(compiled.dump()) == compiled


def test_what_is_compiled_can_be_written_and_read() -> None:
    compiled = build([parse_slashed("/a/"), parse_slashed("/é/u"), parse_slashed("/b(?=c)/")])
    again = Compiled.parse(compiled.dump())
    assert again == compiled
    with pytest.raises(ValueError, match="cut off"):
        Compiled.parse(compiled.dump()[:-1])


PIECES = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "[ab]",
        "[^a]",
        r"\d",
        r"\s",
        r"\w",
        "a+",
        "b*",
        "a?",
        "^",
        "$",
        r"\b",
        "é",
        "(a|b)",
    ]
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(PIECES, min_size=1, max_size=6).map("".join), st.text(alphabet="ab1 \né", max_size=12)
)
def test_hyperscan_and_regex_agree(text: str, subject: str) -> None:
    for flags in (Flags.NONE, Flags.CASELESS | Flags.MULTILINE):
        pattern = Pattern(text, flags)
        found = PatternSet.compile([pattern, *FILLERS], name="test").matches(subject.encode())
        expected = pattern.regex.search(subject.encode()) is not None
        assert (0 in found) == expected
