"""Prints a comparison, and writes it as ``docs/differences.md``."""

from __future__ import annotations

from collections.abc import Iterator, Set

from .comparison import Comparison
from .options_left import OPTIONS
from .reasons import CLASSES, REASONS


def figures(found: Comparison, known: Set[str]) -> dict[str, float]:
    """The figures of the acceptance, by name."""
    return {
        "messages": found.messages,
        "recall": found.recall,
        "precision": found.precision,
        "symbols Rspamd fired": len(found.seen),
        "of these implemented": len(found.seen & known),
        "same action": found.action_share,
        "score within 0.5": found.close_share,
    }


def summary(found: Comparison, known: Set[str]) -> str:
    """A line a figure, then what differs most."""
    lines = [
        f"{name:24} {value:.4f}" if 0 < value <= 1 else f"{name:24} {value:.0f}"
        for name, value in figures(found, known).items()
    ]
    for title, counted in (
        ("missing", found.missing),
        ("extra", found.extra),
        ("other score", found.other_score),
        ("missing, score 0", found.missing_unweighted),
        ("extra, score 0", found.extra_unweighted),
        ("other options", found.other_options),
    ):
        shown = ", ".join(f"{name} {count}" for name, count in counted.most_common(60))
        lines.append(f"{title} ({counted.total()}): {shown}")
    actions = (f"{theirs} -> {ours} {n}" for (theirs, ours), n in found.actions.most_common())
    lines.append(f"actions: {', '.join(actions)}")
    lines.append(f"not implemented: {', '.join(sorted(found.seen - known))}")
    return "\n".join(lines)


def page(found: Comparison, known: Set[str]) -> str:
    """The text of ``docs/differences.md``."""
    return "\n".join(_page(found, known)) + "\n"


def _page(found: Comparison, known: Set[str]) -> Iterator[str]:
    yield "# Differences from Rspamd 3.4"
    yield ""
    yield "Written by `make oracle`: this engine and Rspamd 3.4, both with their stock"
    yield f"configuration, on {found.messages} messages with the same DNS. The reasons are in"
    yield "`tests/oracle/reasons.py`."
    yield ""
    yield "| figure | value |"
    yield "| --- | --- |"
    for name, value in figures(found, known).items():
        yield f"| {name} | {f'{value:.2%}' if 0 < value <= 1 else f'{value:.0f}'} |"
    yield ""
    yield "## Symbols"
    yield ""
    yield "Missing: Rspamd set it, this engine did not. Extra: the reverse. Score: both, with"
    yield "another score. Each counts messages."
    for kind, meaning in CLASSES.items():
        rows = [name for name in found.differences() if kind_of(name, found) == kind]
        if not rows:
            continue
        yield ""
        yield f"### {kind}: {meaning}"
        yield ""
        yield "| symbol | missing | extra | score | reason |"
        yield "| --- | --- | --- | --- | --- |"
        for name in sorted(rows, key=lambda name: (-found.differences()[name], name)):
            missing = found.missing[name] + found.missing_unweighted[name]
            extra = found.extra[name] + found.extra_unweighted[name]
            why = REASONS.get(name, ("", ""))[1] or ("" if name in known else "not implemented")
            yield f"| {name} | {missing} | {extra} | {found.other_score[name]} | {why} |"
    yield ""
    yield "## Actions"
    yield ""
    yield "| Rspamd | here | messages | symbols that differ there |"
    yield "| --- | --- | --- | --- |"
    for (theirs, ours), count in found.actions.most_common():
        causes = found.causes[theirs, ours]
        why = ", ".join(f"{name} {number}" for name, number in sorted(causes.items()))
        yield f"| {theirs} | {ours} | {count} | {why} |"
    yield ""
    yield from options_left()


def options_left() -> Iterator[str]:
    """The section about options without effect."""
    yield "## Options"
    yield ""
    yield "Options of Rspamd 3.4 that `configtest` reads and checks and that have no effect here,"
    yield "of statistics, hashes and what else remembers. Those of other parts are in"
    yield "[options](options.md), under Not served."
    yield ""
    yield "| section | options | why |"
    yield "| --- | --- | --- |"
    for section, rows in OPTIONS.items():
        for names, why in rows.items():
            shown = ", ".join(f"`{name}`" for name in names.split())
            yield f"| `{section}` | {shown} | {why} |"


def kind_of(name: str, found: Comparison) -> str:
    """The class of a symbol's reason; "order" only where the sums of its group are the same."""
    kind = REASONS.get(name, ("open", ""))[0]
    return "open" if kind == "order" and found.unbalanced[name] else kind
