"""The fixes of ``filter-engine migrate``: one function for each spelling that is out of date.

Numbers are part of the command's interface: new fixes go to the end.
"""

from __future__ import annotations

import json

from filter_engine.importers.metric_file import OLD_NAMES, split_metric
from filter_engine.importers.migrate import Fix, Site, commented, cut, find, place
from filter_engine.importers.statements import Statement, without_macros
from filter_engine.ucl import UclScalar, parse


def _metrics(site: Site) -> None:
    for path in site.files(*OLD_NAMES):
        folder = path.partition("/")[0]
        parts = split_metric(site.texts[path])
        targets = {
            f"{folder}/{name}": text
            for name, text in (("actions.conf", parts.actions), ("groups.conf", parts.groups))
            if text
        }
        taken = [target for target in targets if target in site.texts]
        if taken:
            site.remark(path, 1, taken[0], "is there as well: put the settings together by hand")
            continue
        if parts.lost:
            key, line = parts.lost[0]
            site.remark(path, line, key, "belongs neither to actions nor to groups: left as it is")
            continue
        site.remove(path)
        site.texts.update(targets)


def _local_addrs(site: Site) -> None:
    """Both options are one; Rspamd reads the networks and drops the addresses beside them."""
    for path in site.files("options.inc"):
        text = site.texts[path]
        addrs, networks = find(text, "local_addrs"), find(text, "local_networks")
        if len(addrs) != 1 or len(networks) > 1 or _is_null(text, "local_addrs"):
            continue
        old = addrs[0]
        if not networks:
            site.texts[path] = cut(text, [(*_key(text, old), "local_networks")])
            continue
        values = _values(text, "local_addrs"), _values(text, "local_networks")
        if values[0] is None or values[1] is None:
            site.remark(*place(path, text, old), "local_addrs", "names a map: merge it by hand")
            continue
        missing = [value for value in values[0] if value not in values[1]]
        edits = [commented(text, old, "merged into local_networks")]
        if missing:
            edits.append(_extended(text, networks[0], missing, values[1]))
        site.texts[path] = cut(text, edits)


def _extended(
    text: str, networks: Statement, missing: list[str], present: list[str]
) -> tuple[int, int, str]:
    """The edit that adds values to a list."""
    if text.startswith("[", networks.value):
        indent = "    "
        added = "".join(f"\n{indent}{json.dumps(value)}," for value in missing)
        return networks.value + 1, networks.value + 1, added
    whole = ", ".join(json.dumps(value) for value in [*present, *missing])
    return networks.start, networks.end, f"local_networks = [{whole}];"


def _test_patterns(site: Site) -> None:
    for path in site.files("options.inc"):
        text = site.texts[path]
        for old in find(text, "enable_test_patterns"):
            value = parse(without_macros(text)).get("enable_test_patterns")
            is_on = isinstance(value, UclScalar) and value.value is True
            new = 'gtube_patterns = "all";' if is_on else 'gtube_patterns = "reject";'
            if find(text, "gtube_patterns"):
                edit = commented(text, old, "gtube_patterns is set as well and counts")
            else:
                edit = (old.start, old.end, new)
            site.texts[path] = text = cut(text, [edit])


def _fuzzy_mirroring(site: Site) -> None:
    keys = ("slaves", "masters", "master_timeout", "sync_keypair", "master_key")
    why = "gone since Rspamd 2.0: replicate the storage's Redis instead"
    for path in site.files("worker-fuzzy.inc"):
        text = site.texts[path]
        site.texts[path] = cut(text, [commented(text, old, why) for old in find(text, *keys)])


def _rmilter_headers(site: Site) -> None:
    for path in site.files("rmilter_headers.conf"):
        target = path.replace("rmilter_headers", "milter_headers")
        if target in site.texts:
            site.remark(path, 1, target, "is there as well: put the settings together by hand")
            continue
        text = site.texts[path]
        site.remove(path)
        site.texts[target] = text


def _attachments_only(site: Site) -> None:
    for path in site.files("antivirus.conf"):
        text = site.texts[path]
        edits = [
            (*_key(text, old), "scan_mime_parts")
            for old in find(text, "attachments_only", nested=True)
        ]
        site.texts[path] = cut(text, edits)


def _key(text: str, statement: Statement) -> tuple[int, int]:
    """The span of a statement's key, quotes included."""
    length = len(statement.key)
    if text[statement.start] in "\"'":
        length += 2
    return statement.start, statement.start + length


def _values(text: str, key: str) -> list[str] | None:
    """The addresses of an option; None when one is no address, such as a map."""
    found: list[str] = []
    for node in parse(without_macros(text)).values(key):
        if not isinstance(node, UclScalar) or not isinstance(node.value, str):
            return None
        words = [word.strip() for word in node.value.replace(";", ",").split(",")]
        if any("://" in word or word.startswith("/") for word in words):
            return None
        found.extend(word for word in words if word)
    return found


def _is_null(text: str, key: str) -> bool:
    node = parse(without_macros(text)).get(key)
    return isinstance(node, UclScalar) and node.value is None


FIXES = (
    Fix(1, "metrics", "metric.conf and metrics.conf become actions.conf and groups.conf", _metrics),
    Fix(2, "local-addrs", "local_addrs goes into local_networks", _local_addrs),
    Fix(3, "test-patterns", "enable_test_patterns becomes gtube_patterns", _test_patterns),
    Fix(4, "fuzzy-mirroring", "slaves, masters and their like become comments", _fuzzy_mirroring),
    Fix(5, "rmilter-headers", "rmilter_headers.conf becomes milter_headers.conf", _rmilter_headers),
    Fix(
        6,
        "attachments-only",
        "antivirus: attachments_only becomes scan_mime_parts",
        _attachments_only,
    ),
)
