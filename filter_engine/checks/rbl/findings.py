"""What the answers of DNS lists say of a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from filter_engine.checks.rbl.answers import Plain
from filter_engine.checks.rbl.elements import Element
from filter_engine.checks.rbl.rules import Rule
from filter_engine.scan.question import DnsAnswer, DnsStatus
from filter_engine.scan.verdict import Finding


class Lookup(NamedTuple):
    """One name that one rule asks for, and all it stands for."""

    rule: Rule
    name: str
    elements: Sequence[Element]


def vouched(lookup: Lookup, answer: DnsAnswer) -> Iterator[tuple[str, str]]:
    """What a whitelist vouches for: (as shown, label)."""
    rule = lookup.rule
    if not rule.is_whitelist or answer.status is not DnsStatus.OK:
        return
    for address in answer.records:
        meaning = rule.codes.meaning(address)
        bases = meaning.codes
        if meaning.plain is Plain.LISTED and not rule.codes.symbols:
            bases = (rule.symbol,)
        for element in lookup.elements:
            for base in bases:
                if rule.symbol_for(base, element.label) not in rule.whitelist_exceptions:
                    yield element.shown, element.label


def findings_of(lookup: Lookup, answer: DnsAnswer, good: set[tuple[str, str]]) -> Iterator[Finding]:
    rule = lookup.rule
    elements = lookup.elements
    if good and not rule.is_whitelist and not rule.ignore_whitelist:
        elements = [e for e in elements if (e.shown, e.label) not in good]
    if answer.failed:
        evidence = f"{lookup.name} A: {answer.detail or 'no answer'}"
        for element in elements:
            yield Finding(rule.failed, (f"{element.shown}:no answer",), 1.0, evidence)
        return
    listed_without_code = not rule.codes.symbols
    for address in answer.records:
        meaning = rule.codes.meaning(address)
        evidence = f"{lookup.name} A: {address}"
        for element in elements:
            option = f"{element.shown}:{element.label}"
            for base in meaning.codes:
                yield Finding(rule.symbol_for(base, element.label), (option,), 1.0, evidence)
            if meaning.plain is Plain.LISTED:
                shown = option if listed_without_code else f"{option}:{address}"
                symbol = rule.symbol_for(rule.symbol, element.label)
                yield Finding(symbol, (shown,), 1.0, evidence)
            elif meaning.plain is Plain.BLOCKED:
                yield Finding(
                    rule.blocked, (f"{option}:{address}",), 1.0, f"{evidence} refuses the resolver"
                )
            elif meaning.plain is Plain.FOREIGN:
                yield Finding(
                    rule.failed,
                    (f"{element.shown}:{address}",),
                    1.0,
                    f"{evidence} is no answer of a list",
                )
        if listed_without_code and meaning.plain is Plain.LISTED:
            return  # however many addresses it answers
