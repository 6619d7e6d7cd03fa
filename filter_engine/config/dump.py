"""The effective configuration as UCL: every option with its value, defaults included."""

from __future__ import annotations

from filter_engine.config.effective import Branch, Leaf, effective
from filter_engine.config.model import Config
from filter_engine.config.origin import Origin
from filter_engine.ucl.nodes import UclNode, UclObject, to_python


def dump(config: Config, *, show_secrets: bool = False) -> UclObject:
    """The whole configuration under the names a site would write."""
    return to_ucl(effective(config), show_secrets=show_secrets)


def to_ucl(top: Branch, *, show_secrets: bool = False) -> UclObject:
    """A tree of sections as UCL, without options that nobody set and that have no default."""
    return UclObject(
        {
            key: values
            for key, found in top.entries.items()
            if (values := [v for entry in found for v in _nodes(key, entry, show_secrets)])
        }
    )


def _nodes(key: str, entry: Leaf | Branch, show_secrets: bool) -> list[UclNode]:
    if isinstance(entry, Leaf):
        return [] if entry.absent else [entry.shown(show_secrets=show_secrets)]
    section = to_ucl(entry, show_secrets=show_secrets)
    if key == "worker":  # as Rspamd shows it: a section for each worker
        return [
            UclObject({kind: [worker]})
            for kind, workers in section.entries.items()
            for worker in workers
        ]
    return [section]


def with_origins(top: Branch, *, show_secrets: bool = False) -> dict[str, object]:
    """A tree of sections as JSON, each value as ``{"value": ..., "origin": {...}}``.

    The origin has ``layer``, and ``file`` and ``line`` unless it is the program's own default.
    """
    shown: dict[str, object] = {}
    for key, found in top.entries.items():
        values: list[object] = []
        for entry in found:
            if isinstance(entry, Branch):
                values.append(with_origins(entry, show_secrets=show_secrets))
            elif not entry.absent:
                value = to_python(entry.shown(show_secrets=show_secrets))
                values.append({"value": value, "origin": origin_as_dict(entry.origin)})
        if values:
            shown[key] = values[0] if len(values) == 1 else values
    return shown


def origin_as_dict(origin: Origin) -> dict[str, str | int]:
    """An origin for JSON."""
    place: dict[str, str | int] = {"layer": str(origin.layer)}
    return place | {"file": origin.file, "line": origin.line} if origin.line else place
