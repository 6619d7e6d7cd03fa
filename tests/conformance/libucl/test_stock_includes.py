"""Every file that Rspamd's own tree reads of a site is a name that is known here."""

from __future__ import annotations

import re

import pytest

from filter_engine import checks
from filter_engine.importers.site_files import RSPAMD_ONLY, site_files
from filter_engine.scan.declare import REGISTRY
from filter_engine.scanner import sections

from .test_stock_tree import _CONF

_INCLUDE = re.compile(r'^\s*\.include[^\n]*"\$LOCAL_CONFDIR/(?:local|override)\.d/([^"/]+)"', re.M)


def test_includes_of_the_stock_tree_are_known() -> None:
    checks.load()
    named = {
        name
        for path in _CONF.rglob("*")
        if path.suffix in (".conf", ".inc")
        for name in _INCLUDE.findall(path.read_text())
    }
    if not named:
        pytest.skip("no stock tree")
    known = site_files(sections(REGISTRY), REGISTRY.groups())
    assert named - known == RSPAMD_ONLY & named
