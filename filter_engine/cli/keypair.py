"""``filter-engine keypair``: keys for sealed requests to storages of fuzzy hashes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from filter_engine.cli.options import fail
from filter_engine.config.annotate import printable


@click.command()
@click.option("-j", "--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-u", "--ucl", is_flag=True, help="Print a section of a configuration (default).")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to this new file, which its owner alone may read.",
)
def keypair(*, as_json: bool, ucl: bool, output: Path | None) -> None:
    """Print a new pair of keys as Rspamd writes them (curve25519, base32).

    The section is the storage's; its pubkey is the encryption_key of rules that ask it.
    """
    if as_json and ucl:
        raise click.UsageError("--json or --ucl, not both")
    from filter_engine.config.base32 import encode_base32
    from filter_engine.fuzzy.box import new_keypair, write_key

    made = new_keypair()
    pair = {
        "pubkey": write_key(made.public),
        "privkey": write_key(made.private),
        "id": encode_base32(made.id),
        "type": "kex",
        "algorithm": "curve25519",
        "encoding": "base32",
    }
    if as_json:
        text = json.dumps({"keypair": pair}, indent=2) + "\n"
    else:
        rows = "".join(f'    {name} = "{value}";\n' for name, value in pair.items())
        text = f"keypair {{\n{rows}}}\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        opened = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(opened, "w", encoding="ascii") as file:
            file.write(text)
    except OSError as error:
        fail(f"cannot write {printable(str(output))}: {error.strerror}")
    click.echo(pair["pubkey"])
