"""``filter-engine manual``: manual pages and shells' completion, out of the commands themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from filter_engine.cli.completion import SHELLS, complete_page, script
from filter_engine.cli.manual_pages import pages
from filter_engine.cli.options import fail
from filter_engine.cli.program import PROGRAM


@click.command()
@click.argument("name", metavar="[COMMAND]", default="", shell_complete=complete_page)
@click.option(
    "--install",
    "share",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write all pages and the scripts for bash, zsh and fish below DIR, such as /usr/share.",
)
@click.pass_context
def manual(ctx: click.Context, name: str, share: Path | None) -> None:
    """Print the manual page of the program, or of one COMMAND, as man reads it.

    With --install pages of commands that are no more are removed, and what was changed is printed:
    nothing when all is there already.
    """
    root = ctx.find_root().command
    assert isinstance(root, click.Group)
    made = dict(pages(root))
    if share is None:
        page = f"{PROGRAM}-{name}.1" if name else f"{PROGRAM}.1"
        if page not in made:
            fail(f"there is no command {name!r}", 2)
        click.echo(made[page], nl=False)
        return
    if name:
        raise click.UsageError("--install writes every page: leave out COMMAND")
    try:
        for path in _installed(share, made):
            click.echo(path)
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}")


def _installed(share: Path, made: dict[str, str]) -> Iterator[Path]:
    """Write what differs and remove what is old; yields each file. Raises OSError."""
    directory = share / "man" / "man1"
    wanted = {directory / page: text for page, text in made.items()}
    wanted |= {share / place: f"{script(shell)}\n" for shell, place in SHELLS.items()}
    for path, text in wanted.items():
        content = text.encode()
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            new = path.with_name(f".{path.name}.new")
            new.write_bytes(content)
            new.chmod(0o644)
            os.replace(new, path)
            yield path
    for path in directory.glob(f"{PROGRAM}*.1"):
        if path not in wanted:
            path.unlink()
            yield path
