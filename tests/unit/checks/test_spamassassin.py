"""Rule files of SpamAssassin: what is read, what is told, what holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filter_engine.checks.spamassassin.module import SpamAssassinOptions, symbols_of
from filter_engine.checks.spamassassin.reader import read_files
from filter_engine.config.findings import Severity
from filter_engine.config.loader import inspect

from .conftest import Scan

HEADERS = {"X-Foo": "Bar", "X-Enc": "=?utf-8?q?caf=C3=A9?=", "Reply-To": "joe@freemail.example"}


class Files:
    """Writes a rule file and reads it as the module does."""

    def __init__(self, directory: Path, scan: Scan) -> None:
        self.path = directory / "site.cf"
        self._scan = scan

    def options(self, text: str, **more: Any) -> SpamAssassinOptions:
        self.path.write_text(text)
        return SpamAssassinOptions(files=read_files([str(self.path)]), **more)

    def fired(self, text: str, headers: Any = None, body: str = "Hello\n", **more: Any) -> set[str]:
        options = self.options(text, **more.pop("options", {}))
        found = self._scan("spamassassin", headers or HEADERS, body, options=options, **more)
        assert all(finding.evidence for findings in found.values() for finding in findings)
        return set(found)

    def problems(self, text: str) -> list[str]:
        found = self.options(text).files.problems
        return [str(problem).replace(f"{self.path}:", "") for problem in found]


@pytest.fixture
def files(tmp_path: Path, scan: Scan) -> Files:
    return Files(tmp_path, scan)


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("header R X-Foo =~ /^bar$/i", True),
        ("header R X-Foo !~ /nope/", True),
        ("header R X-Foo !~ /Bar/", False),
        ("header R X-None !~ /x/", True),
        ("header R exists:X-Foo", True),
        ("header R exists:X-None", False),
        ("header R X-None =~ /^UNSET$/ [if-unset: UNSET]", True),
        ("header R X-Foo =~ /^UNSET$/ [if-unset: UNSET]", False),
        ("header R X-Enc =~ /caf\u00e9/", True),
        ("header R X-Enc:raw =~ /=C3=A9/", True),
        ("header R From:addr =~ /^bob\\@example\\.com$/", True),
        ("header R From:name =~ /^Bob$/", True),
        ("header R From:name =~ /example/", False),
        ("header R ToCc =~ /alice/", True),
        ("header R MESSAGEID =~ /1234/", True),
        ("header R EnvelopeFrom =~ /^bob@/", True),
        ("header R ALL =~ /^X-Foo: Bar/m", True),
        ("body R /Hello world/", True),
        ("body R m{HELLO}i", True),
        ("body R /^Lunch/", True),
        ("rawbody R /Hello\\r?\\nworld/", True),
        ("full R /^From: Bob/", True),
        ("uri R m{^http://plain\\.example}", True),
        ("meta R (1 + 1 > 1)", True),
        ("meta R UNKNOWN", False),
    ],
)
def test_what_a_rule_looks_at(files: Files, rule: str, holds: bool) -> None:
    body = "Hello\nworld http://plain.example.com/\n"
    assert files.fired(f"{rule}\nscore R 1\n", body=body) == ({"R"} if holds else set())


def test_mime_headers(files: Files) -> None:
    body = "--x\nContent-Type: text/plain\nX-Part: yes\n\nhi\n--x--\n"
    headers = {"Content-Type": "multipart/mixed; boundary=x"}
    rule = "mimeheader R X-Part =~ /yes/\nscore R 1\n"
    assert files.fired(rule, headers, body) == {"R"}


METAS = """\
header __A X-Foo =~ /Bar/
header __B X-None =~ /x/
body   __C /hello/i
meta   BOTH __A && __C
meta   NO !__B
meta   SUM (__A + __B + __C >= 2)
meta   DIFFERENCE (__A - __B > 0)
meta   NESTED BOTH && SUM && !MISSED
meta   MISSED __A && __B
meta   __HIDDEN __A
score  BOTH 1.5
"""


def test_meta_rules(files: Files) -> None:
    assert files.fired(METAS) == {"BOTH", "NO", "SUM", "DIFFERENCE", "NESTED"}


def test_which_rules_are_symbols(files: Files) -> None:
    text = (
        "body A /x/\nscore A 0.4\nbody B /x/\nscore B -0.6\nbody C /x/\nmeta D A\n"
        "meta E A\nscore E 0\nbody F /x/\nscore F 1 2 3 4\ndescribe F Four scores\n"
    )
    options = files.options(text)
    assert {symbol.name for symbol in symbols_of(options)} == {"B", "D", "F"}
    scores = {symbol.name: (symbol.score, symbol.description) for symbol in symbols_of(options)}
    assert scores["F"] == (4.0, "Four scores")
    assert "A" in {s.name for s in symbols_of(files.options(text, alpha=0.1))}


def test_multiple_matches_weigh_as_often(files: Files, scan: Scan) -> None:
    text = "body R /ha/\nscore R 1\ntflags R multiple maxhits=2\n"
    options = files.options(text)
    (finding,) = scan("spamassassin", {}, "ha ha ha\n", options=options)["R"]
    assert finding.weight == 2.0


def test_replaced_tags(files: Files) -> None:
    text = (
        "replace_tag A [aA4]\nreplace_tag B [bB8]\nreplace_inter X -?\nreplace_pre P \\b\n"
        "replace_rules R S\nbody R /<inter X><A><B>c/\nscore R 1\n"
        "body S /<A>bc/\nscore S 1\nbody T /<A>/\nscore T 1\n"
    )
    assert files.fired(text, body="4-8c\n") == {"R"}
    assert files.fired(text, body="Abc\n") == {"R", "S"}
    assert files.fired(text, body="<A>\n") == {"T"}


CONDITIONS = """\
ifplugin Mail::SpamAssassin::Plugin::DCC
body NO /Hello/
score NO 1
else
body YES1 /Hello/
score YES1 1
endif
if (version >= 3.004000)
body YES2 /Hello/
score YES2 1
if !plugin(Mail::SpamAssassin::Plugin::FreeMail)
body NO2 /Hello/
score NO2 1
endif
endif
if can(Mail::SpamAssassin::Conf::feature_x)
body NO3 /Hello/
score NO3 1
endif
"""


def test_conditions(files: Files) -> None:
    assert files.fired(CONDITIONS) == {"YES1", "YES2"}


LISTS = """\
freemail_domains freemail.example *.free.example
freemail_whitelist good@freemail.example
header FROM eval:check_freemail_from()
score FROM 1
header REPLY eval:check_freemail_replyto('replyto')
score REPLY 1
header SUBJECT eval:check_freemail_header('Subject', '^j')
score SUBJECT 1
whitelist_from *@example.com
blacklist_to alice@example.net
header GOOD eval:check_from_in_whitelist()
score GOOD -5
header BAD eval:check_to_in_blocklist()
score BAD 5
"""


def test_functions(files: Files) -> None:
    assert files.fired(LISTS) == {"REPLY", "GOOD", "BAD"}
    fired = files.fired(
        LISTS,
        {"From": "a@b.free.example", "Subject": "joe@freemail.example"},
        mail_from="x@y.example",
    )
    assert fired == {"FROM", "SUBJECT", "BAD"}
    assert files.fired(LISTS, {"From": "good@freemail.example"}, mail_from="") == {"BAD"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("body R /(/\n", "1: R: missing )"),
        ("body R nothing\n", "1: body R: 'nothing' is no /pattern/"),
        ("header R X-Foo /x/\n", "1: header R: write Header =~ /pattern/ or exists:Header"),
        ("body\n", "1: body needs a name"),
        ("score R\n", "1: score needs a name"),
        ("meta R A &&\n", "1: the expression cannot be read"),
        ("\nmeta A B\nmeta B A\n", "2: meta A needs itself"),
        ("endif\n", "1: endif without if"),
        ("if (odd\nendif\n", "1: the condition '(odd' cannot be read"),
        ("include nowhere.cf\n", "cannot read the file"),
        (
            "header R eval:check_for_odd_things()\n",
            "1: not served: function check_for_odd_things()",
        ),
        ("header R eval:check_rbl('a', 'b')\n", "1: not served: function check_rbl()"),
        ("wonder x\nwonder y\n", "1: not served: directive wonder (2 times)"),
        ("header R X-Spam-Relays-External =~ /x/\n", "1: not served: headers X-Spam-Relays-*"),
    ],
)
def test_what_cannot_be_used_is_told(files: Files, text: str, told: str) -> None:
    problems = files.problems(text)
    assert any(told in problem for problem in problems), problems


def test_loops_and_faults_leave_the_rest(files: Files) -> None:
    text = "meta A B\nmeta B A\nbody C /Hello/\nscore C 1\nbody D /(/\nmeta E C || A\n"
    assert files.fired(text) == {"C", "E"}


def test_the_section_in_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "a.cf").write_text("body R /(/\n")
    (rules / "b.cf").write_text("ifplugin Mail::SpamAssassin::Plugin::Pyzor\nendif\n")
    conf = tmp_path / "local.d" / "spamassassin.conf"
    conf.write_text(f'ruleset = "{rules}/*.cf";\nalpha = 0.1;\npcre_only = ["R"];\n')
    found = inspect(
        None,
        {"LOCAL_CONFDIR": str(tmp_path)},
        {},
        modules={"spamassassin": SpamAssassinOptions},
    ).findings
    told = {(f.severity, f.code, f.message.partition(": ")[0]) for f in found}
    assert told == {
        (Severity.WARNING, "sa-rule", f"{rules}/a.cf:1"),
        (Severity.INFO, "not-served", f"{rules}/b.cf:1"),
    }
