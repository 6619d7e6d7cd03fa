"""``filter-engine dkim``: keys that sign, made here or taken over, and their records."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import orjson

from filter_engine.auth.new_key import MAX_BITS, MIN_BITS, new_key, record_strings, zone_line
from filter_engine.auth.signing_key import (
    MAX_FILE,
    SigningKey,
    SigningKeyError,
    load_signing_key,
)
from filter_engine.checks.signing.names import is_safe
from filter_engine.cli.key_files import KeyPlaceError, place_key
from filter_engine.cli.options import fail
from filter_engine.importers.key_layouts import LAYOUTS, FoundKey, find_keys
from filter_engine.importers.outcome import ImportFaultError
from filter_engine.ucl.regular_file import read_regular_file

_PATH = click.Path(path_type=Path)
_DIRECTORY = click.Path(path_type=Path, file_okay=False, exists=True)
_json = click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON object.")


def _name(_ctx: click.Context, _param: click.Parameter, text: str) -> str:
    if not is_safe(text.lower()):
        raise click.BadParameter(f"{text!r} is no name in DNS")
    return text.lower()


def _names(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_name(_ctx, _param, text) for text in texts)


@click.group()
def dkim() -> None:
    """Keys that sign, and the records that belong to them. No key is ever overwritten."""


@dkim.command()
@click.option("-d", "--domain", required=True, callback=_name, help="The domain that signs.")
@click.option(
    "-s", "--selector", default="dkim", show_default=True, callback=_name, help="The key's name."
)
@click.option(
    "-t", "--type", "algorithm", type=click.Choice(["rsa", "ed25519"]), default="rsa",
    show_default=True, help="Kind of key.",
)  # fmt: skip
@click.option(
    "-b", "--bits", type=click.IntRange(MIN_BITS, MAX_BITS), default=2048, show_default=True,
    help="Length of an RSA key.",
)  # fmt: skip
@click.option("-k", "--privkey", "path", type=_PATH, help="Write the private key into this file.")
@click.option(
    "-D", "--directory", type=_DIRECTORY,
    help="Write it here, as DOMAIN.SELECTOR.key, where dkim_signing looks for it.",
)  # fmt: skip
@_json
def keygen(
    domain: str,
    selector: str,
    algorithm: str,
    bits: int,
    path: Path | None,
    directory: Path | None,
    as_json: bool,
) -> None:
    """Make a key and print its record, as rspamadm dkim_keygen does.

    Without --privkey or --directory the private key is printed as well. A file gets mode 0600; made
    by root it belongs to the owner of its directory. Exit status 1 when the file is there already.
    """
    if path is not None and directory is not None:
        raise click.UsageError("--privkey or --directory, not both")
    if directory is not None:
        path = directory / _file_name(domain, selector)
    content = new_key(algorithm, bits)
    key = load_signing_key(content)
    if path is not None:
        try:
            place_key(path, content)
        except KeyPlaceError as error:
            fail(str(error))
    about = _about(key, domain, selector, path)
    if as_json:
        private = {} if path is not None else {"private_key": content.decode()}
        _print_json(about | private)
        return
    if path is None:
        click.echo(content.decode(), nl=False)
    click.echo(zone_line(key, selector))


@dkim.command()
@click.argument("files", nargs=-1, required=True, type=_PATH)
@click.option(
    "-s", "--selector", default="", help="The key's name; default: of DOMAIN.SELECTOR.key."
)
@_json
def show(files: tuple[Path, ...], selector: str, as_json: bool) -> None:
    """Print the record of each key file, for the zone of its domain."""
    shown = []
    for path in files:
        domain, _, named = path.name.removesuffix(".key").rpartition(".")
        try:
            key = load_signing_key(read_regular_file(path, MAX_FILE), str(path))
        except SigningKeyError as error:
            fail(str(error))
        except OSError as error:
            fail(f"{path}: {error.strerror}")
        name = selector or (named if is_safe(named.lower()) else "dkim")
        shown.append((key, _about(key, domain, name, path)))
    if as_json:
        _print_json({"keys": [about for _, about in shown]})
        return
    for key, about in shown:
        if len(shown) > 1:
            click.echo(f"; {about['path']}")
        click.echo(zone_line(key, str(about["selector"])))


@dkim.command("import")
@click.argument("source", type=_PATH)
@click.option(
    "--from", "layout", type=click.Choice(LAYOUTS), required=True, help="Whose keys they are."
)
@click.option(
    "--to", "target", type=_DIRECTORY, required=True,
    help="The directory that dkim_signing looks for keys in.",
)  # fmt: skip
@click.option(
    "-d", "--domain", "domains", multiple=True, callback=_names,
    help="Only keys of this domain. May be repeated.",
)  # fmt: skip
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@_json
def import_keys(
    source: Path,
    layout: str,
    target: Path,
    domains: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Copy the keys of another system from SOURCE and print their records.

    SOURCE is the directory of the keys, for amavis also its configuration file. The files stay.
    They become DOMAIN.SELECTOR.key; the record in DNS is as before. Exit status 1 when one of them
    is no key or another key is there already.
    """
    try:
        found = find_keys(layout, source, domains)
    except ImportFaultError as error:
        fail(str(error))
    found = [one for one in found if not domains or one.domain in domains]
    done = list(_imported(found, target, dry_run=dry_run))
    failed = any("problem" in about for about in done)
    if as_json:
        _print_json({"ok": not failed, "keys": done})
    else:
        for about in done:
            name = about.get("name", about["source"])
            click.echo(
                f"; {name}: {about.get('problem') or about['state']}", err="problem" in about
            )
            if "zone" in about:
                click.echo(str(about["zone"]))
        if not done:
            click.echo(f"filter-engine: {source}: no key of layout {layout} here", err=True)
    sys.exit(1 if failed or not done else 0)


def _imported(found: list[FoundKey], target: Path, *, dry_run: bool) -> Iterator[dict[str, object]]:
    for one in found:
        about: dict[str, object] = {"source": one.path}
        try:
            if not (is_safe(one.domain) and is_safe(one.selector.lower())):
                raise KeyPlaceError(f"{one.path} names no domain and selector")
            content = read_regular_file(one.path, MAX_FILE)
            key = load_signing_key(content, one.path)
            path = target / _file_name(one.domain, one.selector)
            about |= _about(key, one.domain, one.selector, path)
            about["state"] = "to be imported" if dry_run else "imported"
            if not path.exists() and not path.is_symlink():
                if not dry_run:
                    place_key(path, content)
            elif _holds(path, key):
                about["state"] = "there already"
            else:
                raise KeyPlaceError(f"{path} holds another key and is not overwritten")
        except (SigningKeyError, KeyPlaceError) as error:
            about["problem"] = str(error)
        except OSError as error:
            about["problem"] = f"{one.path}: {error.strerror}"
        yield about


def _holds(path: Path, key: SigningKey) -> bool:
    return load_signing_key(read_regular_file(path, MAX_FILE), str(path)).record == key.record


def _file_name(domain: str, selector: str) -> str:
    return f"{domain}.{selector}.key"


def _about(key: SigningKey, domain: str, selector: str, path: Path | None) -> dict[str, object]:
    """What may be told of a key; nothing of it is private."""
    return {
        "domain": domain,
        "selector": selector,
        "algorithm": key.algorithm.partition("-")[0],
        "path": str(path) if path is not None else None,
        "name": f"{selector}._domainkey.{domain}" if domain else f"{selector}._domainkey",
        "value": key.record,
        "strings": list(record_strings(key)),
        "zone": zone_line(key, selector),
    }


def _print_json(value: Mapping[str, object]) -> None:
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
