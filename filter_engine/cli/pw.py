"""``filter-engine pw``: the hash of a controller's password, and whether a password fits one."""

from __future__ import annotations

import json
import os
import sys

import click

from filter_engine.cli.options import fail
from filter_engine.config.base32 import encode_base32
from filter_engine.config.controller_hash import (
    CATENA,
    KEY_OCTETS,
    PBKDF2,
    SALT_OCTETS,
    PasswordHashError,
    read_hash,
)
from filter_engine.workers.catena import catena_butterfly
from filter_engine.workers.password import (
    MAX_PASSWORD,
    PBKDF2_ROUNDS,
    matches,
    pbkdf2_blake2b,
)


@click.command()
@click.option(
    "-t",
    "--type",
    "kind",
    type=click.Choice(["catena", "pbkdf2"]),
    default="catena",
    show_default=True,
    help="How the hash is made; both are Rspamd's.",
)
@click.option("-c", "--check", metavar="HASH", help="Say whether the password fits this hash.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print JSON.")
def pw(*, kind: str, check: str | None, as_json: bool) -> None:
    """Print the hash of a password for password and enable_password of the controller.

    Asks for the password, twice; or reads it from the first line of standard input. It is no
    argument, as every user of the host sees those. With --check the exit status is 1 when the
    password does not fit.
    """
    if check is not None and not check.startswith("$"):
        fail("--check: a hash begins with $; write it in single quotes", 2)
    password = _password(twice=check is None)
    if check is None:
        made = _hash(password, kind)
        click.echo(json.dumps({"hash": made, "type": kind}) if as_json else made)
        return
    try:
        read_hash(check)
        fits = matches(password, check)
    except PasswordHashError as error:
        fail(f"--check: {error}", 2)
    text = "the password fits" if fits else "the password does not fit"
    click.echo(json.dumps({"fits": fits}) if as_json else text)
    sys.exit(0 if fits else 1)


def _password(*, twice: bool) -> bytes:
    """The password; ends the program when there is none or it is too long."""
    if sys.stdin.isatty():
        text = click.prompt("Password", hide_input=True, confirmation_prompt=twice, err=True)
        password = str(text).encode("utf-8", "surrogateescape")
    else:
        line = sys.stdin.buffer.readline(MAX_PASSWORD + 2)
        password = line.removesuffix(b"\n").removesuffix(b"\r")
    if not password:
        fail("the password is empty", 2)
    if len(password) > MAX_PASSWORD:
        fail(f"the password is longer than {MAX_PASSWORD} octets", 2)
    return password


def _hash(password: bytes, kind: str) -> str:
    salt = os.urandom(SALT_OCTETS)
    if kind == "catena":
        number, key = CATENA, catena_butterfly(password, salt, KEY_OCTETS)
    else:
        number, key = PBKDF2, pbkdf2_blake2b(password, salt, PBKDF2_ROUNDS, KEY_OCTETS)
    return f"${number}${encode_base32(salt)}${encode_base32(key)}"
