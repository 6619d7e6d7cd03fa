"""Reading rule files. What cannot be used is noted with file and line, and the rest counts."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace as replaced
from typing import Final

from filter_engine.checks.spamassassin import conditions
from filter_engine.checks.spamassassin.evals import FUNCTIONS
from filter_engine.checks.spamassassin.model import Problem, RuleFiles, RuleType, Test
from filter_engine.checks.spamassassin.replace import Replacements
from filter_engine.config.expression import ExpressionError, parse_expression
from filter_engine.matching import Pattern, PatternError, parse_slashed
from filter_engine.selectors import SelectorError, compile_selector
from filter_engine.ucl.regular_file import read_regular_file

MAX_FILE: Final = 16 * 1024 * 1024
"""Octets of one file."""
MAX_FILES: Final = 1000
MAX_RULES: Final = 50_000
MAX_PROBLEMS: Final = 200
MAX_INCLUDES: Final = 8
"""Files inside files."""
_NAME: Final = re.compile(r"[A-Za-z_]\w{0,255}\Z")
_HEADER: Final = re.compile(
    r"(?P<exists>exists:)?(?P<name>[A-Za-z0-9_.-]+)(?::(?P<modifier>[a-z:]+))?"
    r"(?:\s*(?P<operator>=~|!~)\s*(?P<pattern>.+))?\Z",
    re.DOTALL,
)
_SELECTOR: Final = re.compile(
    r"(?P<selector>\S.*?)\s*(?P<operator>=~|!~)\s*(?P<pattern>\S.*)\Z", re.DOTALL
)
_IF_UNSET: Final = re.compile(r"\s*\[if-unset:\s*(?P<value>.*)\]\s*\Z")
_EVAL: Final = re.compile(
    r"(?:rb)?eval:(?P<function>\w+)\s*(?:\((?P<arguments>.*)\))?\s*\Z", re.DOTALL
)
_ARGUMENT: Final = re.compile(
    r"\s*(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|([^,\s]+))\s*(?:,|\Z)"
)
_OPERATORS: Final = re.compile(r"[-+*/()<>=!&|]+")
_MAX_HITS: Final = re.compile(r"maxhits=(\d{1,6})")
_NUMBER: Final = re.compile(r"\(?([-+]?\d*\.?\d+)\)?\Z")
_TYPES: Final = {kind.value: kind for kind in RuleType}
_LISTS: Final = frozenset(
    """
    freemail_domains freemail_whitelist freemail_welcomelist
    whitelist_from blacklist_from whitelist_to blacklist_to
    welcomelist_from blocklist_from welcomelist_to blocklist_to
    """.split()  # noqa: SIM905  # a table to read
)
_NO_EFFECT: Final = frozenset(
    """
    loadplugin tryplugin require_version priority test lang report report_safe reuse
    clear_report_template report_contact clear_unsafe_report_template unsafe_report
    required_score rewrite_header trusted_networks internal_networks use_bayes
    bayes_auto_learn add_header remove_header clear_headers ok_locales redirector_pattern
    util_rb_tld util_rb_2tld util_rb_3tld uridnsbl_skip_domain clear_util_rb
    score_set subjprefix
    """.split()  # noqa: SIM905  # a table to read
)
"""Directives that say nothing about what a rule looks for."""
_PREFIXES: Final = {"blocklist": "blacklist", "welcomelist": "whitelist"}


def read_files(patterns: Iterable[str], *, strict: bool = False) -> RuleFiles:
    """Read the files that paths or shell patterns name. Raises nothing.

    ``strict``: an unknown directive is a mistake, not one of SpamAssassin's that is not served.
    """
    reader = _Reader(strict=strict)
    for pattern in patterns:
        paths = sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]
        if not paths:
            reader.problem(pattern, "no file fits this pattern")
        for path in paths:
            if os.path.isdir(path):
                paths_inside = sorted(glob.glob(os.path.join(glob.escape(path), "*.cf")))
                for inside in paths_inside:
                    reader.read(inside)
            else:
                reader.read(path)
    return reader.finished()


def read_texts(texts: Iterable[tuple[str, str]], *, strict: bool = False) -> RuleFiles:
    """Read rules from (place, text). Raises nothing; ``include`` is for files alone."""
    reader = _Reader(strict=strict)
    for place, text in texts:
        reader.read_text(place, text, MAX_INCLUDES)
    return reader.finished()


class _Reader:
    def __init__(self, *, strict: bool) -> None:
        self.found = RuleFiles()
        self._strict = strict
        self._files: list[str] = []
        self._replacements = Replacements()
        self._patterns: dict[str, tuple[str, str]] = {}
        self._place = ""
        self._unserved: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def problem(self, place: str, message: str, *, serious: bool = True) -> None:
        if len(self.found.problems) < MAX_PROBLEMS:
            self.found.problems.append(Problem(place, message, serious))

    def _wrong(self, message: str) -> None:
        self.problem(self._place, message)

    def _not_served(self, what: str) -> None:
        """Told once, with how often."""
        self._unserved[what] += 1
        self._first.setdefault(what, self._place)

    def read(self, path: str, depth: int = 0) -> None:
        if len(self._files) >= MAX_FILES:
            self.problem(path, f"more than {MAX_FILES} files; this one is left out")
            return
        try:
            data = read_regular_file(path, MAX_FILE)
        except OSError as error:
            self.problem(path, f"cannot read the file: {error.strerror}")
            return
        self.read_text(path, data.decode("utf-8", "surrogateescape"), depth)

    def read_text(self, path: str, text: str, depth: int) -> None:
        """The lines of a file, or of a text that is called ``path``."""
        self._files.append(path)
        active: list[bool] = []
        for number, raw in enumerate(text.split("\n"), 1):
            line = _without_comment(raw).strip()
            if not line:
                continue
            self._place = f"{path}:{number}"
            directive, _, rest = line.partition(" ") if " " in line else line.partition("\t")
            if "\t" in directive:
                directive, _, more = directive.partition("\t")
                rest = f"{more} {rest}"
            directive, rest = directive.lower(), rest.strip()
            if directive in ("if", "ifplugin"):
                active.append(self._condition(directive, rest))
            elif directive in ("endif", "else"):
                if not active:
                    self._wrong(f"{directive} without if")
                elif directive == "endif":
                    active.pop()
                else:
                    active[-1] = not active[-1]
            elif all(active):
                if directive == "include":
                    self._include(path, rest, depth)
                    self._place = f"{path}:{number}"
                else:
                    self._directive(directive, rest)
        if active:
            self.problem(path, f"{len(active)} if without endif at the end of the file")

    def _condition(self, directive: str, rest: str) -> bool:
        if directive == "ifplugin":
            if not conditions.plugin_is_read(rest):
                self._not_served(f"rules of the plugin {rest.rpartition('::')[2]}")
                return False
            return True
        held = conditions.holds(rest)
        if held is None:
            self._wrong(f"the condition {rest!r} cannot be read; what follows is left out")
        return bool(held)

    def _include(self, path: str, name: str, depth: int) -> None:
        if depth >= MAX_INCLUDES:
            self._wrong(f"files inside files, more than {MAX_INCLUDES} deep")
            return
        self.read(os.path.join(os.path.dirname(path), name), depth + 1)

    def _directive(self, directive: str, rest: str) -> None:
        if directive in _TYPES:
            self._rule(_TYPES[directive], rest)
        elif directive == "score":
            self._score(rest)
        elif directive == "describe":
            name, _, text = rest.partition(" ")
            self.found.descriptions[name.strip()] = text.strip()
        elif directive == "tflags":
            self._tflags(rest)
        elif directive.startswith("replace_"):
            self._replace(directive.removeprefix("replace_"), rest)
        elif directive in _LISTS:
            prefix, _, kind = directive.partition("_")
            name = f"{_PREFIXES.get(prefix, prefix)}_{kind}"
            self.found.lists.setdefault(name, []).extend(rest.lower().split())
        elif directive not in _NO_EFFECT:
            if self._strict:
                self._wrong(f"there is no directive {directive!r}: the line is left out")
            else:
                self._not_served(f"directive {directive}")

    def _rule(self, kind: RuleType, rest: str) -> None:
        name, _, text = rest.replace("\t", " ", 1).partition(" ")
        text = text.strip()
        if not _NAME.match(name) or not text:
            self._wrong(f"{kind} needs a name and what to look for")
            return
        if len(self.found.tests) >= MAX_RULES and name not in self.found.tests:
            self._wrong(f"more than {MAX_RULES} rules; this one is left out")
            return
        if kind is RuleType.META:
            test = self._meta(text)
        elif text.startswith(("eval:", "rbleval:")):
            test = self._eval(kind, text)
        elif kind in (RuleType.HEADER, RuleType.MIMEHEADER):
            test = self._header(kind, name, text)
        elif kind is RuleType.SELECTOR:
            test = self._selector(name, text)
        else:
            test = self._patterned(Test(kind, self._place), name, text)
        if test is not None:
            self.found.tests[name] = test
        else:
            self._patterns.pop(name, None)

    def _meta(self, text: str) -> Test | None:
        spaced = _OPERATORS.sub(lambda match: f" {match.group()} ", text)
        try:
            expression = parse_expression(spaced)
        except ExpressionError as error:
            self._wrong(f"the expression cannot be read: {error}")
            return None
        return Test(RuleType.META, self._place, expression=expression)

    def _eval(self, kind: RuleType, text: str) -> Test | None:
        match = _EVAL.match(text)
        if match is None:
            self._wrong(f"{text!r} is no call of a function")
            return None
        function = match["function"]
        if text.startswith("rbleval:") or function not in FUNCTIONS:
            self._not_served(f"function {function}()")
            return None
        arguments = tuple(
            one or two or bare for one, two, bare in _ARGUMENT.findall(match["arguments"] or "")
        )
        return Test(kind, self._place, function=function, arguments=arguments)

    def _header(self, kind: RuleType, name: str, text: str) -> Test | None:
        unset = _IF_UNSET.search(text) if "[if-unset:" in text else None
        match = _HEADER.match(text if unset is None else text[: unset.start()])
        if match is None or bool(match["exists"]) == bool(match["operator"]):
            self._wrong(f"{kind} {name}: write Header =~ /pattern/ or exists:Header")
            return None
        modifiers = set((match["modifier"] or "").split(":")) - {""}
        if modifiers - {"raw", "addr", "name"} or len(modifiers) > 1:
            self._not_served(f"modifier :{match['modifier']} of headers")
            return None
        header = match["name"].lower()
        if header.startswith("x-spam-relays"):
            self._not_served("headers X-Spam-Relays-*")
            return None
        test = Test(
            kind,
            self._place,
            header=header,
            modifier="".join(modifiers),
            negated=match["operator"] == "!~",
            if_unset=None if unset is None else unset["value"],
        )
        return test if match["exists"] else self._patterned(test, name, match["pattern"])

    def _selector(self, name: str, text: str) -> Test | None:
        match = _SELECTOR.match(text)
        if match is None:
            self._wrong(f"selector {name}: write SELECTOR =~ /pattern/")
            return None
        try:
            compile_selector(match["selector"])
        except SelectorError as error:
            self._wrong(str(error))
            return None
        test = Test(
            RuleType.SELECTOR,
            self._place,
            header=match["selector"],
            negated=match["operator"] == "!~",
        )
        return self._patterned(test, name, match["pattern"])

    def _patterned(self, test: Test, name: str, written: str) -> Test | None:
        written = written.strip()
        if not (written.startswith("/") or re.match(r"m\W", written)):
            self._wrong(f"{test.type} {name}: {written[:40]!r} is no /pattern/")
            return None
        self._patterns[name] = (written, self._place)
        return test

    def _score(self, rest: str) -> None:
        name, *values = rest.split()[:5] or [""]
        numbers = [_NUMBER.match(value) for value in values]
        if not _NAME.match(name) or not numbers or None in numbers:
            self._wrong("score needs a name and one number or four")
            return
        last = numbers[-1]
        assert last is not None
        self.found.scores[name] = float(last[1])  # of four, the one with network and Bayes

    def _tflags(self, rest: str) -> None:
        name, *flags = rest.split() or [""]
        if "multiple" in flags:
            most = next((int(m[1]) for flag in flags if (m := _MAX_HITS.match(flag))), 0)
            self.found.hits[name] = min(most or 100, 1000)

    def _replace(self, what: str, rest: str) -> None:
        replacements = self._replacements
        if what == "rules":
            replacements.rules.update(rest.split())
            return
        if what in ("start", "end"):
            setattr(replacements, what, rest)
            return
        tables = {
            "tag": replacements.tags,
            "pre": replacements.before,
            "inter": replacements.between,
            "post": replacements.after,
        }
        name, _, value = rest.replace("\t", " ", 1).partition(" ")
        if what not in tables or not name:
            self._wrong(f"replace_{what} is not known, or has no name")
            return
        tables[what][name] = value.strip()

    def finished(self) -> RuleFiles:
        """Compile the patterns, once all tags are known, and check what rules refer to."""
        found = self.found
        for name, (written, place) in self._patterns.items():
            self._place = place
            pattern = self._pattern(name, written)
            if pattern is None:
                found.tests.pop(name, None)
            elif name in found.tests:
                found.tests[name] = replaced(found.tests[name], pattern=pattern)
        for name in _in_loops(found.tests):
            self.problem(found.tests[name].origin, f"meta {name} needs itself; it is left out")
            del found.tests[name]
        for what, number in self._unserved.most_common():
            times = "" if number == 1 else f" ({number} times)"
            self.problem(self._first[what], f"not served: {what}{times}", serious=False)
        found.files = tuple(self._files)
        return found

    def _pattern(self, name: str, written: str) -> Pattern | None:
        try:
            if name in self._replacements.rules:
                written = self._replacements.applied(written)
            return parse_slashed(written, name, self._place)
        except PatternError as error:
            self._wrong(f"{name}: {error}")
        except ValueError as error:
            self._wrong(f"{name}: {error}")
        return None


def _without_comment(line: str) -> str:
    """The line before its ``#``; ``\\#`` is a sign of a pattern."""
    at = line.find("#")
    while at > 0 and line[at - 1] == "\\":
        at = line.find("#", at + 1)
    return line if at < 0 else line[:at]


def _in_loops(tests: dict[str, Test]) -> list[str]:
    """Meta rules that cannot be settled, since they need themselves."""
    open_names = {name: _needed(test, tests) for name, test in tests.items() if test.expression}
    while True:
        needed = {name for needs in open_names.values() for name in needs}
        settled = [
            name
            for name, needs in open_names.items()
            if name not in needed or not needs & open_names.keys()
        ]
        if not settled:
            return list(open_names)
        for name in settled:
            del open_names[name]


def _needed(test: Test, tests: dict[str, Test]) -> set[str]:
    assert test.expression is not None
    return {atom.name for atom in test.expression.atoms if atom.name in tests}
