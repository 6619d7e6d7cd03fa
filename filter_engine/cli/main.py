"""The command ``filter-engine``: a group whose commands are loaded when they are called."""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from filter_engine import __version__
from filter_engine.cli.exit_status import FAILED, INTERRUPTED
from filter_engine.cli.program import PROGRAM, VARIABLE

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "changes": ("filter_engine.cli.watch", "changes"),
    "completion": ("filter_engine.cli.completion", "completion"),
    "config": ("filter_engine.cli.config", "config"),
    "configdump": ("filter_engine.cli.configdump", "configdump"),
    "configtest": ("filter_engine.cli.configtest", "configtest"),
    "control": ("filter_engine.cli.control", "control"),
    "counters": ("filter_engine.cli.watch", "counters"),
    "diff": ("filter_engine.cli.diff", "diff"),
    "dkim": ("filter_engine.cli.dkim", "dkim"),
    "dmarc": ("filter_engine.cli.dmarc", "dmarc"),
    "dns": ("filter_engine.cli.dns_records", "dns"),
    "errors": ("filter_engine.cli.watch", "errors"),
    "explain": ("filter_engine.cli.explain", "explain"),
    "fuzzy": ("filter_engine.cli.fuzzy", "fuzzy"),
    "health": ("filter_engine.cli.health", "health"),
    "history": ("filter_engine.cli.watch", "history"),
    "import": ("filter_engine.cli.import_", "import_"),
    "keypair": ("filter_engine.cli.keypair", "keypair"),
    "learn": ("filter_engine.cli.learn", "learn"),
    "manual": ("filter_engine.cli.manual", "manual"),
    "maps": ("filter_engine.cli.watch", "maps"),
    "migrate": ("filter_engine.cli.migrate", "migrate"),
    "pw": ("filter_engine.cli.pw", "pw"),
    "ready": ("filter_engine.cli.health", "ready"),
    "rule": ("filter_engine.cli.rule", "rule"),
    "scan": ("filter_engine.cli.scan", "scan"),
    "serve": ("filter_engine.cli.serve", "serve"),
    "stat": ("filter_engine.cli.watch", "stat"),
    "symbols": ("filter_engine.cli.watch", "symbols"),
    "top": ("filter_engine.cli.top", "top"),
    "unlearn": ("filter_engine.cli.learn", "unlearn"),
    "workers": ("filter_engine.cli.workers", "workers"),
}
"""Command -> module and function. Modules load on demand, which keeps ``--help`` quick."""
_LONG = frozenset({"diff", "dmarc", "learn", "rule", "scan", "serve", "top"})
"""Commands that may run for long. The others end before there is garbage to collect."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return sorted(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's signature
        cmd_name: str,
    ) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        command = getattr(import_module(place[0]), place[1])
        assert isinstance(command, click.Command)
        if cmd_name in _LONG:
            gc.enable()
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Ctrl-C has a status of its own, a full disk under standard output no traceback."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno != errno.ENOSPC or error.filename is not None:
                raise
            sys.stdout = None  # what it still holds has no room either
            click.echo(f"{PROGRAM}: cannot write: {error.strerror}", err=True)
            sys.exit(FAILED)
        except KeyboardInterrupt:
            click.echo(err=True)  # behind the terminal's ^C
            sys.exit(INTERRUPTED)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names alone for bash, which shows no help: no command has to be loaded for it."""
        if not os.environ.get(VARIABLE, "").startswith("bash") or incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        from click.shell_completion import CompletionItem

        names = self.list_commands(ctx)
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name=PROGRAM)
def group() -> None:
    """A mail filter that reads Rspamd's configuration and speaks its protocols."""


def main() -> None:
    """Entry point. The exit status is one of ``exit_status.MEANINGS``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's bytes need not be UTF-8
            stream.reconfigure(errors="backslashreplace")
    gc.disable()
    try:
        # rich heeds NO_COLOR (no-color.org) by itself, click does not.
        group(prog_name=PROGRAM, color=False if os.environ.get("NO_COLOR") else None)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
