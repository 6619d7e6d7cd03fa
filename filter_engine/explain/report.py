"""Explanations for people: tables as wide as the terminal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from filter_engine.config.annotate import printable
from filter_engine.explain.explanation import ExplainedSymbol, VerdictExplanation
from filter_engine.explain.flips import Flip
from filter_engine.explain.header import HeaderExplanation
from filter_engine.explain.origins import Source
from filter_engine.explain.shares import Share
from filter_engine.scan.verdict import PreResult


def print_verdict(console: Console, name: str, found: VerdictExplanation) -> None:
    """One explained verdict."""
    begin = f"{name}: " if name else ""
    console.print(_text(f"{begin}{found.action.value}, score {found.score:.2f}", "bold"))
    for line in _head(found):
        console.print(_text(line))
    if found.symbols:
        console.print(_symbols(found.symbols))
    if found.composites:
        console.print(_composites(found))
    if found.thresholds:
        rows = ((t.action.value, t.limit, t.source, t.crossed) for t in found.thresholds)
        console.print(_thresholds(rows))
    for flip in found.flips:
        console.print(_text(_flip(flip)))
    if found.flips and found.decided_by is not None:
        console.print(_text("The pre-result stands whatever the score is."))
    for check in found.unfinished:
        console.print(_text(f"check {check} did not finish", "yellow"))


def print_header(console: Console, name: str, found: HeaderExplanation) -> None:
    """One explained header."""
    verdict = "rejected" if found.rejected else "not rejected"
    console.print(
        _text(f"{name}: {verdict}, score {found.score:.2f} of {found.required:.2f}", "bold")
    )
    if not math.isclose(found.sum, found.score, abs_tol=0.06):
        console.print(_text(f"its symbols add up to {found.sum:.2f}", "yellow"))
    console.print(_text(f"by this configuration's thresholds: {found.action.value}"))
    console.print(
        _text(f"by its scores, each symbol once: {found.score_now:.2f}, {found.action_now.value}")
    )
    table = _table(("then", "right"), ("now", "right"), ("symbol", "left"), ("why", "left"))
    for symbol in found.symbols:
        now = "-" if symbol.now is None else f"{symbol.now:.2f}"
        why = [symbol.description] if symbol.description else []
        if symbol.now is None:
            why.append("unknown here")
        else:
            why.append(f"score {_source(symbol.now, symbol.source)}")
        if not symbol.enabled:
            why.append("switched off")
        if symbol.options:
            why.append(f"[{', '.join(symbol.options)}]")
        changed = symbol.now is None or not math.isclose(symbol.now, symbol.then, abs_tol=0.005)
        style = "yellow" if changed else ""
        table.add_row(
            f"{symbol.then:.2f}", _text(now, style), _text(symbol.name), _text("\n".join(why))
        )
    console.print(table)
    rows = ((a.value, limit, source, found.score >= limit) for a, limit, source in found.thresholds)
    console.print(_thresholds(rows))


def _head(found: VerdictExplanation) -> Iterator[str]:
    if found.settings:
        named = f", id {found.settings_id}" if found.settings_id else ""
        yield f"{found.settings_place}{named}, priority {found.settings_priority}"
    if found.skipped:
        yield "not scanned: the settings leave such mail alone"
        return
    if found.decided_by is None:
        crossed = next((t for t in found.thresholds if t.crossed), None)
        if crossed is None:
            yield "decided by the score: it reaches no threshold"
        else:
            yield f"decided by the score: {crossed.action.value} begins at {crossed.limit:g}"
    for pre in found.pre_results:
        yield _pre_result(pre, decides=pre is found.decided_by)
    if not math.isclose(found.sum, found.score, abs_tol=1e-6):
        yield f"the symbols add up to {found.sum:.2f}"
    if found.timed_out:
        yield "the time was up before all questions were answered"


def _pre_result(pre: PreResult, *, decides: bool) -> str:
    verb = "decided by" if decides else "overruled:"
    least = ", at least" if pre.least else ""
    message = f": {pre.message}" if pre.message else ""
    return (
        f"{verb} the pre-result of {pre.module} ({pre.action.value}{least}, "
        f"priority {pre.priority}){message}"
    )


def _symbols(symbols: Iterable[ExplainedSymbol]) -> Table:
    table = _table(("adds", "right"), ("symbol", "left"), ("why", "left"))
    for symbol in symbols:
        table.add_row(
            _text(f"{symbol.added:.2f}" if symbol.shown else "gone"),
            _text(symbol.name),
            _text("\n".join(_why(symbol))),
        )
    return table


def _why(symbol: ExplainedSymbol) -> Iterator[str]:
    options = f"[{', '.join(symbol.options)}]" if symbol.options else ""
    said = " ".join(filter(None, (symbol.description, options)))
    if said:
        yield said
    yield from symbol.evidence
    source = symbol.source
    if symbol.score or symbol.added or source.is_said:
        groups = f", group {', '.join(symbol.groups)}" if symbol.groups else ""
        yield f"score {_source(symbol.score, source)}{groups}"
    counted = Counter(filter(None, (_share(share, len(symbol.shares)) for share in symbol.shares)))
    for line, number in counted.items():
        yield line if number == 1 else f"{number} times {line}"
    if symbol.removed_by:
        what = "its weight went" if symbol.shown else "removed"
        yield f"{what} because of {', '.join(symbol.removed_by)}"


def _share(share: Share, number: int) -> str:
    """What one of a symbol's findings added; nothing of one that is worth nothing."""
    if not share.full and not share.added:
        return ""
    if share.limit:
        return f"added {share.added:.2f} of {share.full:.2f}: {share.limit}"
    if share.weight != 1.0 or number > 1:
        return f"added {share.added:.2f}: {share.weight:g} times its score"
    return ""


def _source(value: float, source: Source) -> str:
    default = source.default
    other = default is not None and not math.isclose(default, value, abs_tol=1e-9)
    return f"{value:g}, {source.by}{f', default {default:g}' if other else ''}"


def _composites(found: VerdictExplanation) -> Table:
    table = _table(("composite", "left"), ("is", "left"), ("took away", "left"))
    for composite in found.composites:
        taken = [
            name if name in composite.removed_weights else f"{name}, its weight stays"
            for name in composite.removed_symbols
        ]
        only = set(composite.removed_weights) - set(composite.removed_symbols)
        taken += [f"the weight of {name}" for name in sorted(only)]
        table.add_row(
            _text(composite.name),
            _text(f"{composite.expression}\npolicy {composite.policy}"),
            _text("\n".join(taken) or "nothing"),
        )
    return table


def _thresholds(rows: Iterable[tuple[str, float, Source, bool]]) -> Table:
    table = _table(("from", "right"), ("action", "left"), ("said by", "left"))
    for action, limit, source, crossed in rows:
        mark = " (reached)" if crossed else ""
        table.add_row(f"{limit:g}", _text(f"{action}{mark}"), _text(_source(limit, source)))
    return table


def _flip(flip: Flip) -> str:
    direction = "less" if flip.gap <= 0 else "more"
    ways = []
    if flip.without:
        gives = flip.without_gives
        then = "" if gives in (None, flip.action) else f" (then {gives.value})"
        ways.append(f"without {', '.join(flip.without)}{then}")
    if flip.score is not None:
        score = flip.score
        ways.append(f"with {score.symbol} at {score.then:g} instead of {score.now:g}")
    if flip.threshold is not None:
        changed = flip.threshold
        ways.append(f"with {changed.action.value} from {changed.then:g} instead of {changed.now:g}")
    how = "; or ".join(ways) or "by no change of one score or threshold"
    return f"{flip.action.value} takes {abs(flip.gap):.2f} {direction}: {how}"


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name, side in columns:
        justify = "right" if side == "right" else "left"
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    return table


def _text(text: str, style: str = "") -> Text:
    """Text of a message: nothing in it is markup or moves the cursor."""
    return Text("\n".join(printable(line) for line in text.split("\n")), style=style)
