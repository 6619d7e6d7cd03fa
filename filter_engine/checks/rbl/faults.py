"""Why rules of a site are left out, told when the configuration is read."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from filter_engine.checks.rbl.answers import codes_of
from filter_engine.checks.rbl.hashing import hashing_of
from filter_engine.checks.rbl.options import RblOptions, RblRule
from filter_engine.checks.rbl.rules import is_on, merged_rules
from filter_engine.checks.taken_symbols import tell_taken
from filter_engine.config.origin import Layer, Origin
from filter_engine.config.schema import Binder
from filter_engine.config.tell import tell


def tell_faults(options: RblOptions, binder: Binder) -> None:
    """Report each rule a site wrote into that cannot be used as it stands."""
    for name, rule in merged_rules(options).items():
        if all(at.layer is Layer.SHIPPED for at in rule.origins.values()):
            continue
        if not is_on(rule, options):
            continue
        for at, message, hint in _faults(rule, options):
            text = f"rbl {name!r}: {message}: the rule is left out"
            tell(binder, at, "rule-not-served", text, hint)
        for code in _never_equal(rule):
            text = f"rbl {name!r}: the return code {code!r} is no IPv4 address: no answer is equal"
            hint = "write 127.0.0.2, or returncodes_matcher = glob, regexp or radix"
            tell(binder, rule.written_at("returncodes"), "rule-fault", text, hint)
        if rule.symbol:
            tell_taken(rule.symbol, "rbl", name, rule.origin("symbol"), binder)


def _faults(rule: RblRule, options: RblOptions) -> Iterator[tuple[Origin, str, str]]:
    if not rule.rbl.strip("."):
        yield rule.written_at("rbl"), "it names no list", 'write rbl = "list.example.org"'
    for text in rule.selector.values():
        fault = _selector_fault(text, rule, options)
        if fault is not None:
            at = rule.written_at("selector")
            yield at, f"its selector {text!r}: {fault}", "docs/selectors.md lists what there is"
    try:
        hashing_of(rule)
    except ValueError as error:
        yield (
            rule.written_at("process_script"),
            str(error),
            "write hash = sha256 or what the list asks",
        )
    try:
        codes_of(rule, unknown=False)
    except ValueError as error:
        yield rule.written_at("returncodes"), str(error), 'write for example LISTED = "127.0.0.2"'


def _selector_fault(text: str, rule: RblRule, options: RblOptions) -> str | None:
    from filter_engine.selectors import SelectorError, compile_selector  # few rules have one

    try:
        selector = compile_selector(text)
    except SelectorError as error:
        if any(name in text for name in options.attached_maps):
            return None  # whether it can use that map is known once maps are read
        return str(error)
    if selector.late and not rule.require_symbols:
        return "it reads symbols: say in require_symbols which it waits for"
    return None


def _never_equal(rule: RblRule) -> Iterator[str]:
    """Codes that no answer can equal."""
    if rule.returnbits or rule.returncodes_matcher not in ("", "equality"):
        return
    codes = [code for found in rule.returncodes.values() for code in found]
    if not rule.returncodes_matcher and any("%" in code or "[" in code for code in codes):
        return  # Lua patterns
    for code in codes:
        try:
            IPv4Address(code)
        except ValueError:
            yield code
