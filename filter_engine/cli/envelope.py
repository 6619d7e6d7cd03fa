"""Options that say who sent a message: commands that scan share them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from filter_engine.scan.envelope import Envelope
from filter_engine.scan.task import client_ip

F = TypeVar("F", bound=Callable[..., Any])


def _address(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and client_ip(value) is None:
        raise click.BadParameter(f"{value!r} is not an IP address")
    return value


_OPTIONS = (
    click.option(
        "-i",
        "--ip",
        callback=_address,
        help="Address of the client; without it the mail counts as local.",
    ),
    click.option("--helo", help="What the client said in HELO."),
    click.option("--hostname", help="The client's verified host name."),
    click.option("-F", "--from", "mail_from", help="Envelope sender."),
    click.option("-r", "--rcpt", "rcpt_to", multiple=True, help="Envelope recipient; repeatable."),
    click.option("-u", "--user", help="Authenticated user."),
    click.option("--settings-id", help="The settings to apply, by their id."),
)


def envelope_options(command: F) -> F:
    """Add the options; the command takes them as ``**given`` and calls ``envelope_of``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def envelope_of(given: dict[str, Any], known: Envelope | None = None) -> Envelope:
    """The envelope that was given; what was not is as in ``known``."""
    said = {name: value for name, value in given.items() if value is not None and value != ()}
    if "mail_from" in said:
        said["mail_from"] = said["mail_from"].strip("<>")
    if "rcpt_to" in said:
        said["rcpt_to"] = tuple(rcpt.strip("<>") for rcpt in said["rcpt_to"])
    return replace(known or Envelope(), **said)


def request_headers(envelope: Envelope) -> dict[str, str]:
    """The headers that say the same to a controller; recipients stand in one."""
    from filter_engine.wire.request import envelope_headers

    said: dict[str, str] = {}
    for octets, value in envelope_headers(envelope):
        name, text = octets.decode("ascii"), value.decode("utf-8", "surrogateescape")
        said[name] = f"{said[name]}, {text}" if name in said else text
    return said
