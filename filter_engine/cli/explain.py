"""``filter-engine explain``: why a mail got its verdict, or what an X-Spamd-Result says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import orjson

from filter_engine.cli.envelope import envelope_of, envelope_options, request_headers
from filter_engine.cli.loading import load_config, symbol_defaults
from filter_engine.cli.options import config_options, fail
from filter_engine.cli.remote import AskError, Controller, host_options, named_controller
from filter_engine.cli.scanning import read_message, scan_messages
from filter_engine.config.annotate import printable
from filter_engine.config.model import Config
from filter_engine.scan.envelope import Envelope

_MAX_HEADER = 1024 * 1024
"""Octets read of standard input for ``--header -``."""


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@config_options
@envelope_options
@click.option(
    "--replay",
    type=click.Path(path_type=Path),
    help="Take clock, envelope and all answers from FILE (scan --record); nothing is asked.",
    metavar="FILE",
)
@click.option("--header", metavar="TEXT", help='An X-Spamd-Result; "-": from standard input.')
@click.option(
    "--from-header",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Explain the X-Spamd-Result headers of this message; nothing is scanned.",
    metavar="FILE",
)
@host_options("default: scan here.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print JSON, one line a message.")
def explain(
    files: tuple[Path, ...],
    config_file: Path | None,
    variables: dict[str, str],
    replay: Path | None,
    header: str | None,
    from_header: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Scan message FILES ("-" is standard input) and say why each got its verdict.

    Every symbol with its evidence and where its score was written, composites, settings,
    thresholds, and the smallest change that would have led to another action.

    With --host a controller does it, by its own configuration; nothing of it is kept there.

    Exit status 0 whatever the verdict; 1 when a file or the configuration cannot be read or a
    header makes no sense, 2 for wrong usage, 3 when a recording does not hold what a replay needs.
    """
    if sum((bool(files), header is not None, from_header is not None)) != 1:
        raise click.UsageError("name message FILES, or --header TEXT, or --from-header FILE")
    controller = named_controller(given)
    if controller is not None:
        if replay is not None or not files:
            raise click.UsageError("with --host message FILES are explained, without --replay")
        _explain_there(controller, files, envelope_of(given), as_json=as_json)
    elif files:
        messages = [(path, read_message(path)) for path in files]
        config = load_config(config_file, variables)
        _explain_messages(config, messages, given, replay, as_json=as_json)
    else:
        if replay is not None:
            raise click.UsageError("a header is not scanned: --replay has no use here")
        headers = _headers(header, from_header)
        _explain_headers(load_config(config_file, variables), headers, as_json=as_json)


def _explain_messages(
    config: Config,
    messages: list[tuple[Path, bytes]],
    given: dict[str, Any],
    replay: Path | None,
    *,
    as_json: bool,
) -> None:
    from rich.console import Console

    from filter_engine.explain.explanation import explain as explained
    from filter_engine.explain.report import print_verdict

    scanned = scan_messages(config, messages, given, replay=replay)
    defaults = symbol_defaults(config)
    console = Console(highlight=False)
    for each in scanned:
        found = explained(each.verdict, each.trace, config, defaults)
        if as_json:
            _print_json({"file": str(each.path)} | found.as_dict())
        else:
            print_verdict(console, str(each.path), found)


def _explain_there(
    controller: Controller, files: tuple[Path, ...], envelope: Envelope, *, as_json: bool
) -> None:
    headers = request_headers(envelope)
    endpoint = "explain" if as_json else "explain?form=text"
    for path in files:
        try:
            _, content = controller.ask("POST", endpoint, read_message(path), headers)
        except AskError as error:
            fail(f"{path}: {error}")
        if as_json:
            _print_json({"file": str(path)} | orjson.loads(content))
        else:
            text = content.decode("utf-8", "replace")
            click.echo(f"{printable(str(path))}: {text}", nl=False)


def _headers(header: str | None, path: Path | None) -> list[tuple[str, str]]:
    """(where it is from, value) of each header to explain."""
    from filter_engine.explain.header import NAME, header_values

    if path is not None:
        values = header_values(read_message(path))
        if not values:
            fail(f"{path} has no {NAME}; explain {path} scans it instead")
        return [(str(path), value) for value in values]
    assert header is not None
    if header == "-":
        octets = sys.stdin.buffer.read(_MAX_HEADER + 1)
        if len(octets) > _MAX_HEADER:
            fail(f"standard input is larger than a header can be ({_MAX_HEADER} octets)")
        header = octets.decode("utf-8", "replace")
    return [("header", header)]


def _explain_headers(config: Config, headers: list[tuple[str, str]], *, as_json: bool) -> None:
    from rich.console import Console

    from filter_engine.cli.loading import registry_of
    from filter_engine.explain.header import explain_header
    from filter_engine.explain.report import print_header
    from filter_engine.headers.spamd_result import NoSpamdResultError
    from filter_engine.scan.plan import make_plan

    plan = make_plan(config, registry_of(config))
    defaults = symbol_defaults(config)
    console = Console(highlight=False)
    for name, value in headers:
        try:
            found = explain_header(value, plan, config, defaults)
        except NoSpamdResultError as error:
            fail(f"{name}: no X-Spamd-Result: {error}")
        if as_json:
            _print_json({"from": name} | found.as_dict())
        else:
            print_header(console, name, found)


def _print_json(found: dict[str, Any]) -> None:
    from filter_engine.wire.text import data_as_unicode

    sys.stdout.buffer.write(orjson.dumps(data_as_unicode(found)) + b"\n")
    sys.stdout.buffer.flush()
