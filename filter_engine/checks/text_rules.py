"""Texts of one mail that do not say the same."""

from __future__ import annotations

from filter_engine.message import Part
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_SURE = 30
"""Words of both texts from which a difference counts fully."""


@check(
    "parts_differ",
    module="text",
    symbols=(Symbol("R_PARTS_DIFFER", 1.0, "Text and HTML of the mail differ", ("body",)),),
)
def parts_differ(task: Task) -> list[Finding]:
    """How many more words the one text of a multipart/alternative has, as a share of all.

    Rspamd calls it the distance of the texts; seen in 3.4, a word in place of another costs
    nothing there: two texts of as many words never differ.
    """
    twins = _twins(task.message.text_parts)
    if twins is None:
        return []
    words = [task.message.words_of(part) for part in twins]
    total = len(words[0]) + len(words[1])
    more = abs(len(words[0]) - len(words[1]))
    if not total or 2 * more < total:
        return []
    share = more / total
    weight = (share - 0.5) * (2 if total > _SURE else 1)
    evidence = f"{more} of {total} words more, parts {twins[0].index} and {twins[1].index}"
    return [Finding("R_PARTS_DIFFER", (f"{100 * share:.1f}%",), weight, evidence)]


def _twins(texts: tuple[Part, ...]) -> tuple[Part, Part] | None:
    """The first two texts, if they are the alternatives of one multipart, one of them HTML."""
    if len(texts) < 2 or texts[0].is_html == texts[1].is_html:
        return None
    parent = texts[0].parent
    if parent is None or parent.content_type != "multipart/alternative":
        return None
    # The other may be one level down, together with its images.
    below = texts[1].parent
    if below is not parent and (below is None or below.parent is not parent):
        return None
    return texts[0], texts[1]
