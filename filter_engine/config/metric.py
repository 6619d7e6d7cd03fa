"""``metric { ... }``: where Rspamd before 1.4 had actions, groups and symbols; it is still read.

Source: Rspamd's stock ``metrics.conf``, which still includes the site's files of that name.
"""

from __future__ import annotations

from filter_engine.config.findings import Severity
from filter_engine.config.schema import Binder, Schema, bind_known
from filter_engine.config.unserved.scores import METRIC
from filter_engine.ucl.nodes import UclNode, UclObject

#: What stood in a metric and stands in ``actions`` now.
_MOVED = ("grow_factor", "subject", "unknown_weight")
#: What is read from a metric as from the top level.
_PLACES = ("actions", "group", "symbol", "symbols")
_SCHEMA = Schema("configuration/metrics", "a metric; there is one", METRIC)


def with_metric(root: UclObject, binder: Binder) -> UclObject:
    """The top level with what ``metric`` says of actions put beside ``actions``.

    What a metric holds besides is reported.
    """
    nested: list[UclNode] = []
    for metric in root.all("metric"):
        if not isinstance(metric, UclObject):
            message = "metric: expected a section"
            binder.report(Severity.ERROR, "wrong-type", metric, message, "metric { actions { } }")
            continue
        nested += metric.all("actions")
        moved = {key: metric.all(key) for key in _MOVED if key in metric}
        if moved:
            nested.append(UclObject(moved, metric.origin, priority=metric.priority))
        read = (*_MOVED, *_PLACES)
        rest = {key: values for key, values in metric.entries.items() if key not in read}
        bind_known(_SCHEMA, UclObject(rest, metric.origin), binder, "metric")
    if not nested:
        return root
    return UclObject({"actions": [*nested, *root.all("actions")]}, root.origin)
