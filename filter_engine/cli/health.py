"""``filter-engine health`` and ``ready``: whether a running filter does its work."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from filter_engine.cli.remote import AskError, Controller, controller_of, remote_options

CANARY = (
    b"From: <canary@localhost>\r\nTo: <canary@localhost>\r\nSubject: canary\r\n"
    b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <canary@localhost>\r\n\r\n"
    b"Whether mail is scanned.\r\n"
)
"""The mail that is scanned to see whether mail is scanned."""
_QUIET = "no_log,no_stat"
"""It is neither in the history nor in the counters."""


class Finding(NamedTuple):
    """One question and its answer."""

    what: str
    ok: bool
    detail: str = ""


@click.command()
@remote_options
def ready(*, as_json: bool, **given: Any) -> None:
    """Ask whether a filter can scan. Exit status 1 when it cannot."""
    _report([_ready(controller_of(**given))], as_json=as_json)


@click.command()
@remote_options
def health(*, as_json: bool, **given: Any) -> None:
    """Ask whether a filter works: processes, scanners, its configuration, and a mail is scanned.

    Exit status 1 when something does not.
    """
    controller = controller_of(**given)
    _report(list(_health(controller)), as_json=as_json)


def _health(controller: Controller) -> Iterator[Finding]:
    try:
        controller.get("healthy")
        yield Finding("every process answers", True)
    except AskError as error:
        yield Finding("every process answers", False, str(error))
        if not error.status:
            return  # nobody is there: the rest would say the same
    yield _ready(controller)
    yield _reload(controller)
    yield _canary(controller)


def _ready(controller: Controller) -> Finding:
    try:
        said = controller.get("ready")
    except AskError as error:
        return Finding("a process can scan", False, str(error))
    return Finding("a process can scan", True, f"configuration {str(said['config_id'])[:16]}")


def _reload(controller: Controller) -> Finding:
    what = "the configuration is the newest"
    try:
        refused = controller.get("ready")["reload_error"]
    except AskError as error:
        return Finding(what, False, str(error))
    return Finding(what, refused is None, "" if refused is None else str(refused))


def _canary(controller: Controller) -> Finding:
    began = time.monotonic()
    what = "a mail is scanned"
    try:
        said = controller.post("checkv2", CANARY, Flags=_QUIET, IP="127.0.0.1")
    except AskError as error:
        return Finding(what, False, str(error))
    took = (time.monotonic() - began) * 1000
    action = said.get("action") if isinstance(said, dict) else None
    if not isinstance(action, str):
        return Finding(what, False, f"{controller.name}: the reply has no action")
    return Finding(what, True, f"{action}, {took:.0f} ms")


def _report(found: list[Finding], *, as_json: bool) -> None:
    healthy = all(one.ok for one in found)
    if as_json:
        click.echo(json.dumps({"ok": healthy, "checks": [one._asdict() for one in found]}))
    else:
        for one in found:
            mark = click.style("ok  ", fg="green") if one.ok else click.style("FAIL", fg="red")
            click.echo(f"{mark} {one.what}" + (f": {one.detail}" if one.detail else ""))
    sys.exit(0 if healthy else 1)
