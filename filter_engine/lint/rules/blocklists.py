"""DNS blocklists that count twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from filter_engine.config.findings import Finding
from filter_engine.lazy_dataclass import frozen
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation
from filter_engine.lint.tree import is_off, module_sections, named, text, texts
from filter_engine.ucl.nodes import UclNode, UclObject

_IN_POSTFIX = re.compile(
    r"(?:reject_(?:rbl|rhsbl)_\w+|permit_dnswl_client|permit_rhswl_client)\s+([\w.-]+)"
)
_RULES = ("rbls", "rules", "rule")


@frozen
class _List:
    zone: str
    rule: str
    #: What is looked up there; empty: whatever the default is.
    checks: frozenset[str]
    node: UclNode


def _lists(situation: Situation) -> Iterator[_List]:
    for name, section in module_sections(situation.config.tree, "rbl", "surbl"):
        for key in _RULES:
            for rules in section.values(key):
                if not isinstance(rules, UclObject):
                    continue
                for rule_name, written in named(rules):
                    if is_off(written):
                        continue
                    for zone_key in ("rbl", "suffix", "dnsbl"):
                        node = written.get(zone_key)
                        if node is not None and text(node):
                            checks = frozenset(v for v, _ in texts(written, "checks"))
                            zone = text(node).strip(".").lower()
                            yield _List(zone, f"{name}.{key}.{rule_name}", checks, node)


@rule(
    "same-dns-list",
    doc="Two rules ask the same DNS list about the same thing: one listing counts twice.",
)
def same_dns_list(situation: Situation) -> Iterator[Finding]:
    """A list stands in one place."""
    seen: list[_List] = []
    for found in _lists(situation):
        twin = next((other for other in seen if _meet(other, found)), None)
        seen.append(found)
        if twin is None:
            continue
        at, other = (twin, found) if situation.is_shipped(found.node.origin) else (found, twin)
        if situation.is_shipped(at.node.origin):
            continue
        yield situation.finding(
            "same-dns-list",
            at.node.origin,
            f"{at.rule} asks {at.zone}, and so does {other.rule} ({other.node.origin}): one "
            "listing counts twice",
            "keep one of the rules",
        )


def _meet(first: _List, second: _List) -> bool:
    if first.zone != second.zone or first.rule == second.rule:
        return False
    return not first.checks or not second.checks or bool(first.checks & second.checks)


@rule(
    "dns-list-in-postfix",
    needs_host=True,
    doc="Postfix and the filter ask the same DNS list: what Postfix rejects never reaches the "
    "filter, what it lets pass counts again, and the list counts two questions for every mail.",
)
def dns_list_in_postfix(situation: Situation) -> Iterator[Finding]:
    """``reject_rbl_client`` and ``postscreen_dnsbl_sites`` beside rbl rules."""
    if situation.postfix is None:
        return
    asked = {found.zone: found for found in _lists(situation)}
    restrictions = [name for name in situation.postfix.main if name.endswith("_restrictions")]
    for parameter in situation.postfix.of(*restrictions, "postscreen_dnsbl_sites"):
        if parameter.name == "postscreen_dnsbl_sites":
            zones = [re.split(r"[=*]", word)[0] for word in re.split(r"[\s,]+", parameter.value)]
        else:
            zones = _IN_POSTFIX.findall(parameter.value)
        for zone in dict.fromkeys(z.strip(".").lower() for z in zones if z):
            if zone in asked:
                yield situation.finding(
                    "dns-list-in-postfix",
                    parameter,
                    f"{parameter.name} asks {zone}, and so does {asked[zone].rule} "
                    f"({asked[zone].node.origin})",
                    "ask it in one place: remove it from main.cf to have it scored, from the "
                    "filter to have it refused at once",
                )
