"""Names nobody reads: told with the name that was likely meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from filter_engine.config.findings import Severity
from filter_engine.config.misplaced import misplaced
from filter_engine.ucl.near import closest
from filter_engine.ucl.nodes import UclObject

if TYPE_CHECKING:
    from filter_engine.config.schema import Binder

_MOST_NAMES = 12


def report_unknown(
    node: UclObject,
    binder: Binder,
    name: str,
    served: Iterable[str],
    known: Iterable[str] = (),
    retired: Mapping[str, str] | None = None,
    also: Iterable[str] = (),
) -> None:
    """Report each key of the section ``node`` that has no effect.

    ``served`` are the keys that do something, ``known`` those of Rspamd's that are told elsewhere,
    ``retired`` those that once worked, with what to do instead, ``also`` those that are read
    elsewhere and may be meant.
    """
    served, known, retired = set(served), set(known), retired or {}
    for key in node:
        if key in served or key in known:
            continue
        at = node.all(key)[0]
        if key in retired:
            binder.report(
                Severity.WARNING, "no-effect", at, f"{name}.{key} has no effect", retired[key]
            )
        else:
            binder.report(
                Severity.WARNING,
                "unknown-option",
                at,
                f"unknown option {name}.{key}",
                _nested(key, served)
                or misplaced(key, at, name)
                or likely(key, (*served, *also), known, retired),
            )


def _nested(key: str, served: set[str]) -> str:
    """``dns.timeout`` for ``dns { timeout }``."""
    outer, dot, inner = key.partition(".")
    return f"write {outer} {{ {inner} = ...; }}" if dot and inner and outer in served else ""


def likely(
    key: str,
    served: Iterable[str],
    known: Iterable[str] = (),
    retired: Mapping[str, str] | None = None,
) -> str:
    """The hint for an unknown name: the closest one there is, else the names that can be used."""
    served, known, retired = sorted(served), sorted(known), retired or {}
    # those that do something come first among equally close ones
    close = closest(key, dict.fromkeys((*served, *known, *retired)))
    if not close:
        names = served or known
        shown = ", ".join(names[:_MOST_NAMES])
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return f"known here: {shown}{more}" if names else ""
    hint = f"did you mean {close[0]!r}?"
    if close[0] in retired:
        return f"{hint} (that has no effect either: {retired[close[0]]})"
    if close[0] not in served:
        return f"{hint} (Rspamd's; this engine does not use it)"
    return hint
