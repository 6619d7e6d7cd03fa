"""A scanner with a site's files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filter_engine import checks
from filter_engine.config import load
from filter_engine.dns.table import TableResolver
from filter_engine.scan.declare import REGISTRY, Registry
from filter_engine.scanner import Scanner, sections


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Scanner]:
    """A scanner by the text of local.d files."""

    def build(registry: Registry = REGISTRY, transport: Any = None, **files: str) -> Scanner:
        checks.load()
        (tmp_path / "local.d").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "local.d" / name.replace("__", ".")).write_text(text)
        variables = {"LOCAL_CONFDIR": str(tmp_path)}
        config = load(None, variables, {}, modules=sections(registry))
        return Scanner(config, registry, transport=transport or TableResolver({}), server="mx1")

    return build
