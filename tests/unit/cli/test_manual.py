"""Manual pages and shells' completion, out of the tree of commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import get_completion_class
from click.testing import CliRunner, Result

from filter_engine.cli import exit_status
from filter_engine.cli.completion import SHELLS, script
from filter_engine.cli.main import COMMANDS, group
from filter_engine.cli.manual_pages import pages
from filter_engine.cli.program import PROGRAM, VARIABLE

DOCS = Path(__file__).parents[3] / "docs" / "command_line.md"
MAN = shutil.which("man")
BASH = shutil.which("bash")


def run(*words: str) -> Result:
    return CliRunner().invoke(group, list(words), prog_name="filter-engine")


def every(
    command: click.Command = group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Each command with its words, those that only hold others left out."""
    context = click.Context(command)
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from every(inner, (*path, name))


def test_every_command_has_a_page_with_all_its_options() -> None:
    made = dict(pages(group))
    assert made.keys() == {"filter-engine.1", *(f"filter-engine-{name}.1" for name in COMMANDS)}
    for path, command in every():
        text = made[f"filter-engine-{path[0]}.1"].replace("\\-", "-")
        for param in command.params:
            if isinstance(param, click.Option) and not param.hidden:
                assert all(name in text for name in param.opts), (path, param.opts)
    for status, meaning in exit_status.MEANINGS.items():
        shown = made["filter-engine.1"].replace("\\-", "-")
        assert f".B {status}\n{meaning}" in shown


def test_every_command_speaks_json_and_asks_other_hosts_where_that_has_a_sense() -> None:
    options = {
        path: {name for param in command.params for name in param.opts} for path, command in every()
    }
    own = {"completion", "manual", "serve", "learn watch"}
    here = own | {"diff", "dmarc report", "import", "keypair", "migrate", "pw", "rule test"}
    here |= {"dkim import", "dkim keygen", "dkim show", "dns check", "dns show"}
    assert {" ".join(path) for path, known in options.items() if "--json" not in known} == own
    assert {" ".join(path) for path, known in options.items() if "--host" not in known} == here


@pytest.mark.skipif(MAN is None, reason="no man (Debian's package man-db)")
def test_man_has_nothing_to_say_about_the_pages(tmp_path: Path) -> None:
    """All pages in one run: groff begins anew at each title."""
    file = tmp_path / "all.1"
    file.write_text("".join(text for _, text in pages(group)))
    done = subprocess.run(
        [str(MAN), "--warnings=w", "-E", "UTF-8", "-l", str(file)],
        env=os.environ | {"MANROFFSEQ": "", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stderr == ""
    shown = re.sub(".\b", "", done.stdout)
    assert "FILTER-ENGINE-WORKERS(1)" in shown
    assert "-H, --host HOST" in shown
    assert 'message FILES ("-" is standard input)' in " ".join(shown.split())


def test_text_that_is_no_request_to_groff() -> None:
    @click.group()
    def tree() -> None:
        """Top."""

    @tree.command()
    @click.option("--path", help=r".hidden is C:\new, it's `x^y~z`.")
    def odd(path: str) -> None:
        """'quoted' first.

        .TH is no request. Nor \\fBthis.
        """

    page = dict(pages(tree))["filter-engine-odd.1"]
    assert "\n\\&.TH is no request. Nor \\efBthis.\n" in page
    assert "\n\\(aqquoted\\(aq first.\n" in page
    assert "\n\\&.hidden is C:\\enew, it\\(aqs \\(gax\\(hay\\(tiz\\(ga.\n" in page


def test_install_writes_once_and_removes_what_is_old(tmp_path: Path) -> None:
    man = tmp_path / "man" / "man1"
    man.mkdir(parents=True)
    (man / "filter-engine-gone.1").write_text("old")
    (man / "other.1").write_text("not ours")
    first = run("manual", "--install", str(tmp_path))
    assert first.exit_code == 0
    assert len(first.output.splitlines()) == len(COMMANDS) + 1 + len(SHELLS) + 1
    assert not (man / "filter-engine-gone.1").exists()
    assert (man / "other.1").read_text() == "not ours"
    page = man / "filter-engine-scan.1"
    assert page.stat().st_mode & 0o777 == 0o644
    assert run("manual", "--install", str(tmp_path)).output == ""
    page.write_text("damaged")
    assert run("manual", "--install", str(tmp_path)).output == f"{page}\n"
    assert run("manual", "scan").output == page.read_text()
    assert run("manual", "nosuch").exit_code == 2


def complete(monkeypatch: pytest.MonkeyPatch, shell: str, *words: str) -> list[str]:
    """What the program offers for the last of these words, asked as the shell's script asks."""
    monkeypatch.setenv("COMP_WORDS", " ".join((PROGRAM, *words)))
    monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words)))
    monkeypatch.setenv(VARIABLE, f"{shell}_complete")
    found = get_completion_class(shell)
    assert found is not None
    return found(group, {}, PROGRAM, VARIABLE).complete().splitlines()


def test_what_the_program_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "bash", "co") == [
        f"plain,{name}" for name in sorted(COMMANDS) if name.startswith("co")
    ]
    assert complete(monkeypatch, "bash", "control", "re") == ["plain,recompile", "plain,reload"]
    assert complete(monkeypatch, "bash", "scan", "--re") == ["plain,--record", "plain,--replay"]
    assert complete(monkeypatch, "bash", "scan", "mail")[0].startswith("file,")
    assert complete(monkeypatch, "bash", "symbols", "HEAD") == ["plain,headers"]
    assert complete(monkeypatch, "bash", "config", "explain", "symbols.FROM_HAS_D") == [
        "plain,symbols.FROM_HAS_DN"
    ]
    assert "plain,actions.reject" in complete(monkeypatch, "bash", "config", "explain", "acti")
    assert "Load the configuration anew, losing no mail." in complete(
        monkeypatch, "zsh", "control", "rel"
    )
    assert complete(monkeypatch, "bash", "configdump", "options.d") == ["plain,options.dns"]
    assert complete(monkeypatch, "bash", "manual", "configt") == ["plain,configtest"]
    ignored = complete(monkeypatch, "bash", "configtest", "--ignore", "size-order,open-to")
    assert ignored == ["plain,size-order,open-to-the-world"]
    assert "plain,wrong-type" not in complete(monkeypatch, "bash", "configtest", "--ignore", "wr")
    assert complete(monkeypatch, "fish", "pw", "--ty")[0].startswith("plain,--type\t")


@pytest.mark.skipif(BASH is None, reason="no bash")
def test_names_of_the_site_are_completed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d/classifier-bayes.conf").write_text('name = "words";\n')
    (tmp_path / "local.d/fuzzy_check.conf").write_text(
        'rule "own" { servers = "127.0.0.1:11335"; }\nrule "others" { servers = "127.0.0.1:9"; }\n'
    )
    site = f"--var=LOCAL_CONFDIR={tmp_path}"
    found = complete(monkeypatch, "bash", "fuzzy", "check", site, "--rule", "o")
    assert found == ["plain,others", "plain,own"]
    words = ("learn", "spam", site, "--classifier", "w")
    assert complete(monkeypatch, "bash", *words) == ["plain,words"]


def test_bash_completes_by_the_script(tmp_path: Path) -> None:
    program = tmp_path / "filter-engine"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m filter_engine.cli.main "$@"\n')
    program.chmod(0o755)
    asked = (
        "complete -p filter-engine; COMP_WORDS=(filter-engine control stat); COMP_CWORD=2; "
        '_filter_engine_completion filter-engine; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [str(BASH), "--norc", "-c", f"{script('bash')}\n{asked}"],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stderr == ""
    declared, offered = done.stdout.splitlines()
    assert declared.endswith("-F _filter_engine_completion filter-engine")
    assert offered == "statreset"


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_are_what_their_shell_reads(shell: str) -> None:
    text = run("completion", shell).output
    assert f"_FILTER_ENGINE_COMPLETE={shell}_complete" in text
    program = shutil.which(shell)
    if program is not None:
        subprocess.run([program, "-n"], input=text, text=True, timeout=300, check=True)


def test_the_documentation_names_every_command_and_exit_status() -> None:
    text = DOCS.read_text()
    for path, _ in every():
        assert f"`{path[0]}" in text, path
    for status, meaning in exit_status.MEANINGS.items():
        assert f"| {status} | {meaning} |" in text
