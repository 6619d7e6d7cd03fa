"""One default scanner for the proxy.

In Rspamd ``upstream "scan" { default = yes; }`` of a site does not replace the shipped
``upstream "local" { default = yes; }``: both stand side by side and the order of merging decides.
Here the default of the strongest layer wins and weaker ones that were shipped disappear.
"""

from __future__ import annotations

from filter_engine.config.findings import Severity
from filter_engine.config.layers import strength
from filter_engine.config.origin import Layer
from filter_engine.config.schema import Binder
from filter_engine.ucl.nodes import UclNode, UclObject, UclScalar


def settle_default_upstream(worker: UclObject, binder: Binder) -> None:
    """Leave one default upstream in a proxy worker's section, and report what stays ambiguous."""
    defaults: list[tuple[UclObject, str, UclNode]] = []
    for named in worker.all("upstream"):
        if isinstance(named, UclObject):
            defaults.extend(
                (named, name, values[0])
                for name, values in named.entries.items()
                if any(_is_default(value) for value in values)
            )
    if len(defaults) < 2:
        return
    layers = [binder.origin(node).layer for _, _, node in defaults]
    winner = max(range(len(defaults)), key=lambda n: strength(layers[n]))
    _, name, chosen = defaults[winner]
    for number, (named, other, node) in enumerate(defaults):
        if number == winner:
            continue
        if layers[number] is Layer.SHIPPED and layers[winner] is not Layer.SHIPPED:
            chosen.shadowed = (*chosen.shadowed, *named.entries.pop(other))
        else:
            binder.report(
                Severity.WARNING,
                "two-default-upstreams",
                node,
                f"upstreams {name!r} and {other!r} are both default; {name!r} is used",
                f"remove default = yes from one of them ({name!r}: {binder.origin(chosen)})",
            )
            _clear_default(node)


def _is_default(node: UclNode) -> bool:
    if not isinstance(node, UclObject):
        return False
    found = node.get("default")
    return isinstance(found, UclScalar) and found.value in (True, "yes", "true", "on")


def _clear_default(node: UclNode) -> None:
    assert isinstance(node, UclObject)
    for found in node.all("default"):
        if isinstance(found, UclScalar):
            found.value = False
