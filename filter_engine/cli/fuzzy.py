"""``filter-engine fuzzy``: ask and teach storages of fuzzy hashes with the site's own rules."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from filter_engine.cli.completion import complete_rule
from filter_engine.cli.loading import load_config
from filter_engine.cli.options import config_options, fail
from filter_engine.cli.remote import AskError, Controller, host_options, named_controller
from filter_engine.cli.tables import BAD, GOOD
from filter_engine.config.annotate import printable

if TYPE_CHECKING:
    from filter_engine.checks.fuzzy_check.rule import Rule
    from filter_engine.config.model import Config
    from filter_engine.scan.exchange import Exchange, Reply

F = TypeVar("F", bound=Callable[..., Any])
_SHOWN: Final = 16
"""Digits of a digest that are printed."""


def _common(command: F) -> F:
    for option in (
        config_options,
        host_options("default: the storages are asked from here."),
        click.option("--json", "as_json", is_flag=True, help="Print the answers as JSON."),
        click.option(
            *("-R", "--rule", "wanted"),
            metavar="NAME",
            shell_complete=complete_rule,
            help="This rule alone.",
        ),
        click.argument(
            "files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True)
        ),
    ):
        command = option(command)
    return command


_FLAG = click.option(
    "-f", "--flag", required=True, type=click.IntRange(0, 255), help="Number of the list."
)


@click.group()
def fuzzy() -> None:
    """Storages of fuzzy hashes: what they know of mails, and what they shall know.

    Asks and teaches the storages of the rules in fuzzy_check, by their own protocol; a storage
    takes changes from clients in its allow_update.
    """


@fuzzy.command()
@_common
def check(**given: Any) -> None:
    """Ask whether the storages know message FILES ("-" is standard input).

    Exit status 1 when none of them is known, or a file cannot be read.
    """
    _run("CHECK", **given)


@fuzzy.command()
@_common
@_FLAG
@click.option(
    "-w",
    "--weight",
    type=click.IntRange(1, 0x7FFFFFFF),
    default=1,
    show_default=True,
    help="What is added to its weight; del takes a hash away.",
)
def add(**given: Any) -> None:
    """Teach the storages message FILES.

    Exit status 1 when a hash was not taken, a file cannot be read or nothing in it is compared.
    """
    _run("WRITE", **given)


@fuzzy.command(name="del")
@_common
@_FLAG
def delete(**given: Any) -> None:
    """Have the storages forget message FILES.

    Exit status 1 when a storage does not do it, a file cannot be read or nothing in it is compared.
    """
    _run("DELETE", **given)


def _run(
    name: str,
    files: tuple[Path, ...],
    config_file: Path | None,
    variables: dict[str, str],
    wanted: str | None,
    as_json: bool,
    flag: int = 0,
    weight: int = 0,
    **given: Any,
) -> None:
    from filter_engine.checks.fuzzy_check.answers import NOTHING, answer_row
    from filter_engine.fuzzy.hashes import Texts, hashes_of
    from filter_engine.fuzzy.protocol import Command
    from filter_engine.message import Message

    command = Command[name]
    controller = named_controller(given)
    if controller is not None:
        if wanted is not None:
            raise click.UsageError("--host asks by every rule: leave out --rule")
        rows = [row for file in files for row in _there(controller, name, file, flag, weight)]
        _report(rows, checked=command is Command.CHECK, as_json=as_json)
        return
    config = load_config(config_file, variables)
    rules = _rules(config, wanted, teach=command is not Command.CHECK)
    rows = []
    for file in files:
        try:
            raw = _read(file)
        except OSError as error:
            rows.append(_unread(file, error))
            continue
        texts = Texts(Message(raw))
        for rule in rules:
            hashes = hashes_of(texts, rule.policy, rule.hashing)
            if command is Command.CHECK:
                asked = rule.ask(hashes, b"")
            else:
                asked = rule.teach(command, hashes, flag, weight)
            if asked is None:
                rows.append(
                    {"file": str(file), "rule": rule.name, "found": False, "error": NOTHING}
                )
                continue
            reply = asyncio.run(_exchange(asked.exchange, config))
            answers = rule.replies(asked, reply, taught=command is not Command.CHECK)
            rows += [
                {"file": str(file), "rule": rule.name, **answer_row(made, answers.get(tag), reply)}
                for tag, made in asked.hashes.items()
            ]
    _report(rows, checked=command is Command.CHECK, as_json=as_json)


def _read(file: Path) -> bytes:
    return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()


def _unread(file: Path, error: OSError) -> dict[str, Any]:
    why = f"cannot be read: {error.strerror}"
    return {"file": str(file), "found": False, "error": why, "unread": True}


def _there(
    controller: Controller, name: str, file: Path, flag: int, weight: int
) -> list[dict[str, Any]]:
    """The rows of one file, asked by a controller."""
    try:
        raw = _read(file)
    except OSError as error:
        return [_unread(file, error)]
    endpoint, headers = {
        "CHECK": ("fuzzycheck", {}),
        "WRITE": ("fuzzyadd", {"Flag": str(flag), "Weight": str(weight)}),
        "DELETE": ("fuzzydel", {"Flag": str(flag)}),
    }[name]
    try:
        said = controller.post(endpoint, raw, **headers)
        if name == "CHECK":
            return [{"file": str(file), **row} for row in said]
        return [
            {"file": str(file), "digest": digest, "found": True, "flag": flag}
            for digest in said["hashes"]
        ]
    except AskError as error:
        return [{"file": str(file), "found": False, "error": str(error)}]
    except (KeyError, TypeError):
        fail(f"{controller.name} is not a filter-engine controller")


def _report(rows: list[dict[str, Any]], *, checked: bool, as_json: bool) -> None:
    """Print the rows; ends the program with status 1 when the answer is no."""
    unread = any(row.pop("unread", False) for row in rows)
    if as_json:
        import orjson

        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
    else:
        for row in rows:
            click.echo(_line(row, checked=checked))
    good = [row["found"] for row in rows]
    if unread or not (any(good) if checked else all(good)):
        raise SystemExit(1)


def _rules(config: Config, wanted: str | None, *, teach: bool) -> list[Rule]:
    from filter_engine.checks.fuzzy_check.module import rules_of
    from filter_engine.checks.fuzzy_check.options import FuzzyCheckOptions
    from filter_engine.scan.setup import Setup

    section = config.modules.get("fuzzy_check")
    options = section if isinstance(section, FuzzyCheckOptions) else FuzzyCheckOptions()
    known = rules_of(options, Setup(config))
    if wanted is not None and all(rule.name != wanted for rule in known):
        names = ", ".join(rule.name for rule in known) or "none"
        fail(f"no rule has the name {wanted!r}; known: {printable(names)}")
    rules = [
        rule
        for rule in known
        if wanted in (None, rule.name) and (rule.writing if teach else rule.reading) is not None
    ]
    if not rules:
        does = "taught" if teach else "asked"
        fail(f"no rule of fuzzy_check has a storage that may be {does}: see docs/fuzzy.md")
    return rules


def _line(row: dict[str, Any], *, checked: bool) -> str:
    begin = printable(row["file"])
    if "rule" in row:
        begin += f": {printable(str(row['rule']))}"
    if "part" in row:
        begin += f": part {row['part']} ({printable(str(row['kind']))})"
    if "digest" in row:
        begin += f"{'' if 'part' in row else ':'} {printable(row['digest'][:_SHOWN])}"
    return f"{begin}: {_answer(row, checked=checked)}"


def _answer(row: dict[str, Any], *, checked: bool) -> str:
    if "error" in row:
        return click.style(printable(str(row["error"])), fg=BAD)
    if not checked:
        return click.style("done", fg=GOOD) + f", list {row['flag']}"
    if not row["found"]:
        return "not known"
    near = "" if row["known_as"] == row["digest"] else f" as {row['known_as'][:_SHOWN]}"
    return (
        click.style("known", fg=BAD) + f"{near}, list {row['flag']}, weight {row['weight']}, "
        f"probability {row['probability']:.2f}"
    )


async def _exchange(question: Exchange, config: Config) -> Reply:
    from filter_engine.dns.session import open_resolver
    from filter_engine.streams.session import open_streams

    with open_resolver(config.options) as resolver, open_streams(config, resolver) as streams:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        streams.exchange(question, future.set_result)
        return await future
