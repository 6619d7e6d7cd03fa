"""Manual pages (man(7), section 1) out of the tree of commands: nothing in them is written twice.

Source: groff_man(7); man-pages(7) for the order of sections.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Final

import click

from filter_engine import __version__
from filter_engine.cli.exit_status import MEANINGS
from filter_engine.cli.program import PROGRAM

_ENVIRONMENT: Final = (
    ("NO_COLOR", "Set to anything: no colours. There are none either where output is no terminal."),
    ("RSPAMD_...", "What templates in configuration files see as env."),
)
_FILES: Final = (
    ("/etc/filter_engine", "The site's files: local.d, override.d, rules.d (LOCAL_CONFDIR)."),
    ("/var/lib/filter_engine", "What the engine keeps (DBDIR)."),
)


def pages(group: click.Group) -> Iterator[tuple[str, str]]:
    """File name and text of the program's page and of one for each of its commands."""
    context = click.Context(group, info_name=PROGRAM, **group.context_settings)
    commands = [
        (name, command)
        for name in group.list_commands(context)
        if (command := group.get_command(context, name)) is not None and not command.hidden
    ]
    yield f"{PROGRAM}.1", "".join(_program(group, context, commands))
    for name, command in commands:
        page = f"{PROGRAM}-{name}"
        inner = click.Context(command, info_name=name, parent=context)
        yield f"{page}.1", "".join(_command(page, command, inner))


def _program(
    group: click.Group, context: click.Context, commands: list[tuple[str, click.Command]]
) -> Iterator[str]:
    yield _title(PROGRAM)
    yield _name(PROGRAM, group)
    yield from _synopsis(group, context)
    yield ".SH DESCRIPTION\n"
    yield _prose(group)
    yield from _options(group, context)
    yield ".SH COMMANDS\n"
    for name, command in commands:
        yield f".TP\n.BR {_word(f'{PROGRAM}-{name}')} (1)\n{_text(_summary(command))}\n"
    yield ".SH EXIT STATUS\n"
    for status, meaning in MEANINGS.items():
        yield _item(str(status), meaning)
    for title, rows in (("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        yield f".SH {title}\n"
        for term, meaning in rows:
            yield _item(term, meaning)


def _command(page: str, command: click.Command, context: click.Context) -> Iterator[str]:
    yield _title(page)
    yield _name(page, command)
    yield from _synopsis(command, context)
    yield ".SH DESCRIPTION\n"
    yield _prose(command)
    yield from _options(command, context)
    if isinstance(command, click.Group):
        yield ".SH COMMANDS\n"
        for name, inner, inner_context in _inner(command, context):
            yield f".SS {_word(inner_context.command_path)}\n"
            yield from _usage(inner, inner_context)
            yield f".PP\n{_prose(inner)}"
            yield from _records(inner, inner_context)
            assert not isinstance(inner, click.Group), f"{name}: commands three deep"
    yield f".SH SEE ALSO\n.BR {_word(PROGRAM)} (1),\nwhich explains the exit status\n"


def _inner(
    group: click.Group, context: click.Context
) -> Iterator[tuple[str, click.Command, click.Context]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield name, command, click.Context(command, info_name=name, parent=context)


def _title(page: str) -> str:
    return f'.TH {_word(page.upper())} 1 "" "{PROGRAM} {__version__}" "mailfleet"\n'


def _name(page: str, command: click.Command) -> str:
    return f".SH NAME\n{_text(page)} \\- {_text(_summary(command))}\n"


def _synopsis(command: click.Command, context: click.Context) -> Iterator[str]:
    yield ".SH SYNOPSIS\n"
    if not isinstance(command, click.Group) or context.parent is None:
        yield from _usage(command, context)
        return
    for number, (_, inner, inner_context) in enumerate(_inner(command, context)):
        if number:
            yield ".br\n"
        yield from _usage(inner, inner_context)


def _usage(command: click.Command, context: click.Context) -> Iterator[str]:
    rest = " ".join(command.collect_usage_pieces(context))
    yield f".B {_text(context.command_path)}\n{_text(rest)}\n"


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = list(_records(command, context))
    if records:
        yield ".SH OPTIONS\n"
        yield from records


def _records(command: click.Command, context: click.Context) -> Iterator[str]:
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record is not None and record[1]:  # arguments are told of in the text
            yield _item(*record)


def _item(term: str, meaning: str) -> str:
    return f".TP\n.B {_text(term)}\n{_text(meaning)}\n"


def _summary(command: click.Command) -> str:
    """The first sentence of the help, without its full stop."""
    first = _paragraphs(command)[0]
    return re.split(r"(?<=[^.])\.(?:\s|$)", first, maxsplit=1)[0]


def _prose(command: click.Command) -> str:
    return ".PP\n".join(f"{_text(paragraph)}\n" for paragraph in _paragraphs(command))


def _paragraphs(command: click.Command) -> list[str]:
    text = inspect.cleandoc(command.help or "").partition("\f")[0].replace("\b", "")
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text)] or [""]


def _text(text: str) -> str:
    """One line of text, none of which is a request (groff(7), escapes)."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    escaped = escaped.replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def _word(text: str) -> str:
    """An argument of a request."""
    return '"' + _text(text).replace('"', "\\(dq") + '"'
