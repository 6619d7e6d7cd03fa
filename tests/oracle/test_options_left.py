"""The table of options without effect is about options that are known, and not served."""

from __future__ import annotations

import pytest

from filter_engine.config import rspamd
from filter_engine.config.redis import KNOWN
from filter_engine.config.schema import Option
from filter_engine.config.unserved.workers import FUZZY

from .options_left import OPTIONS
from .report import options_left


def _known(section: str) -> dict[str, Option]:
    if section == "redis":
        return dict(KNOWN)
    if section == "worker fuzzy":
        return dict(FUZZY)
    schema = rspamd.find(section)
    assert schema is not None
    return {**schema.options, **(schema.rules.options if schema.rules else {})}


@pytest.mark.parametrize("section", OPTIONS)
def test_each_is_known_and_not_served(section: str) -> None:
    known = _known(section)
    for names in OPTIONS[section]:
        for name in names.split():
            assert name in known
            assert not known[name].served


def test_the_page_lists_them() -> None:
    page = "\n".join(options_left())
    assert all(f"`{name}`" in page for rows in OPTIONS.values() for n in rows for name in n.split())
