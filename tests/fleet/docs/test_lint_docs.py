"""docs/lint.md says what the rules say."""

from __future__ import annotations

import click

from filter_engine.cli.configtest import configtest

from .lint_docs import FILE, render


def test_the_page_of_codes_is_current() -> None:
    # python tests/fleet/docs/lint_docs.py
    assert FILE.read_text() == render()


def test_the_page_names_every_option() -> None:
    page = FILE.read_text()
    options = {
        name
        for parameter in configtest.params
        if isinstance(parameter, click.Option)
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    }
    defaults = {"--lint"}
    # In the documentation of the configuration, and of the command line.
    shared = {"--config", "--var", "--host", "--password-file", "--timeout"}
    unnamed = {name for name in options - defaults - shared if f"`{name}" not in page}
    assert unnamed == {"--quiet"}  # as -q
