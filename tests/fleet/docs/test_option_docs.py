"""docs/options.md says what the schemas say."""

from __future__ import annotations

from .option_docs import FILE, render


def test_the_page_of_options_is_current() -> None:
    # python tests/fleet/docs/option_docs.py
    assert FILE.read_text() == render()
