"""The symbols of a verdict as plain data, under Rspamd's names: what replies and history hold."""

from __future__ import annotations

from typing import Any, TypeAlias

from filter_engine.scan.verdict import SymbolResult

Rows: TypeAlias = "dict[str, dict[str, Any]]"
"""Symbol -> its row. Texts are as they were found: some may hold half characters."""


class _Last:
    """The rows that were made last: a message's history and its reply want the same."""

    symbols: tuple[SymbolResult, ...] = ()
    rows: Rows = {}  # noqa: RUF012  # replaced, never changed


def verdict_rows(symbols: tuple[SymbolResult, ...]) -> Rows:
    """The rows of ``symbols``, in their order. Not to be changed."""
    if symbols is _Last.symbols:
        return _Last.rows
    rows: Rows = {}
    for name, score, metric_score, description, _, options, _ in symbols:
        row = rows[name] = {"name": name, "score": score, "metric_score": metric_score}
        if description:
            row["description"] = description
        if options:
            row["options"] = options
    _Last.symbols, _Last.rows = symbols, rows
    return rows
