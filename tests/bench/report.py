"""The result for people: tables on the terminal, and the same in docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .rounds import Result
from .stages import Samples
from .zone import FLEETING, KEPT

BEGIN, END = "<!-- begin: last run -->\n", "<!-- end: last run -->\n"
_AIMS = (
    ("cpu", "CPU a message", KEPT, "<= 0.67"),
    ("cpu", "the same, no DNS answer kept", FLEETING, ""),
    ("p99", "p99", KEPT, "<= 1.0"),
    ("pss", "PSS a worker", KEPT, "<= 1.0"),
)


def text(result: Result) -> str:
    """The tables, in Markdown."""
    return "\n".join(_lines(result)) + "\n"


def _lines(result: Result) -> Iterator[str]:
    first = result.concurrencies[0]
    rounds = len(result.of(result.engines[0], first))
    yield f"{result.when}; {result.machine}; {result.messages} messages, {rounds} rounds, medians;"
    yield f"Redis {'on' if result.redis else 'off'}, one worker each."
    yield ""
    yield from _table(
        ["", "concurrency", "CPU ms/msg", "msg/s", "p50 ms", "p99 ms", "DNS/msg", "failed"],
        [
            [
                engine,
                f"{concurrency}",
                f"{result.middle(engine, concurrency, 'cpu') * 1e3:.2f}",
                f"{result.middle(engine, concurrency, 'rate'):.0f}",
                f"{result.middle(engine, concurrency, 'p50') * 1e3:.1f}",
                f"{result.middle(engine, concurrency, 'p99') * 1e3:.1f}",
                f"{result.middle(engine, concurrency, 'questions'):.1f}",
                f"{sum(run.failed for run in result.of(engine, concurrency))}",
            ]
            for engine in result.engines
            for concurrency in sorted(result.concurrencies)
        ],
    )
    yield ""
    yield from _table(
        ["", "RSS MB", "PSS MB", "start, cold s", "start, cached s"],
        [
            [
                engine,
                f"{result.middle(engine, first, 'rss') / 1e6:.0f}",
                f"{result.middle(engine, first, 'pss') / 1e6:.0f}",
                *(
                    f"{result.starts[engine][kind]:.2f}" if engine in result.starts else "-"
                    for kind in ("cold", "cached")
                ),
            ]
            for engine in result.engines
        ],
    )
    for other in result.engines[1:]:
        yield ""
        yield from _table(
            [f"by {other}, concurrency {first}", "min", "median", "max", "aim"],
            [
                [name, *(f"{value:.2f}" for value in found), aim]
                for figure, name, answers, aim in _AIMS
                for found in [result.ratio(other, figure, first, answers)]
            ],
        )
    if result.stages:
        yield ""
        whole = sum(result.stages.values())
        yield from _table(
            ["stage of mailfleet", "ms/msg", "share"],
            [
                [name, f"{cost * 1e3:.3f}", f"{cost / whole:.1%}"]
                for name, cost in result.stages.items()
            ],
        )


def profile(samples: Samples, count: int = 45) -> str:
    """The dearest functions."""
    lines = [f"{'self':>6} {'total':>6}  function"]
    lines += [f"{own:6.1%} {whole:6.1%}  {name}" for name, own, whole in samples.functions(count)]
    return "\n".join(lines) + "\n"


def write_page(result: Result, page: Path) -> None:
    """Put the tables between the marks of a page."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page}: the marks {BEGIN.strip()} and {END.strip()} are missing")
    page.write_text(before + BEGIN + "\n" + text(result) + "\n" + END + after)


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: list[str]) -> str:
        shown = [
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(shown) + " |"

    yield line(head)
    rules = ["-" * (width - 1) + (":" if number else "-") for number, width in enumerate(widths)]
    yield line(rules)
    for row in rows:
        yield line(row)
