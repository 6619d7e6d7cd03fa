"""The plot: CPU a message, messages a second, p99 and the stages. matplotlib is for this alone."""

from __future__ import annotations

from pathlib import Path

from .rounds import Result

_PANELS = (
    ("cpu", 1e3, "CPU ms a message"),
    ("rate", 1, "messages a second"),
    ("p99", 1e3, "p99 ms"),
)


def draw(result: Result, file: Path) -> bool:
    """Write a PNG; False where matplotlib is not installed."""
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        return False
    figure, places = pyplot.subplots(1, 4, figsize=(16, 4.2), width_ratios=[1, 1, 1, 1.3])
    order = sorted(result.concurrencies)
    width = 0.8 / len(result.engines)
    for place, (name, scale, title) in zip(places, _PANELS, strict=False):
        for number, engine in enumerate(result.engines):
            at = [index + number * width for index in range(len(order))]
            values = [[getattr(r, name) * scale for r in result.of(engine, c)] for c in order]
            heights = [result.middle(engine, c, name) * scale for c in order]
            below = [height - min(v) for height, v in zip(heights, values, strict=True)]
            above = [max(v) - height for height, v in zip(heights, values, strict=True)]
            place.bar(at, heights, width, label=engine, yerr=[below, above], capsize=3)
        place.set_xticks(
            [index + width / 2 * (len(result.engines) - 1) for index in range(len(order))]
        )
        place.set_xticklabels([f"c={c}" for c in order])
        place.set_title(title)
        place.set_ylim(bottom=0)
    places[0].legend()
    names = list(result.stages)[::-1]
    places[3].barh(names, [result.stages[name] * 1e3 for name in names])
    places[3].set_title("mailfleet: CPU ms a message by stage")
    figure.suptitle(f"{result.when}; {result.machine}; medians, min and max of the rounds")
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    pyplot.close(figure)
    return True
