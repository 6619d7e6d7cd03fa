"""A site in a temporary directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from filter_engine.config.loader import Inspection, inspect

Site = Callable[..., Inspection]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """``site(local={"options.inc": text}, override={...})`` writes a tree and inspects it."""

    def write(
        *,
        local: dict[str, str] | None = None,
        override: dict[str, str] | None = None,
        top: dict[str, str] | None = None,
        **arguments: object,
    ) -> Inspection:
        for folder, files in (("local.d", local), ("override.d", override), (".", top)):
            for name, text in (files or {}).items():
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        variables = {"LOCAL_CONFDIR": str(tmp_path), "DBDIR": str(tmp_path / "db")}
        return inspect(None, variables, {}, **arguments)  # type: ignore[arg-type]  # test's own

    return write
