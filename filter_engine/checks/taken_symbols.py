"""Symbols of checks that a site's rule names as its own."""

from __future__ import annotations

from filter_engine.config.origin import Origin
from filter_engine.config.schema import Binder
from filter_engine.config.tell import tell
from filter_engine.scan.declare import REGISTRY


def owner_of(symbol: str, module: str) -> str | None:
    """The built-in check of another module that sets a symbol; None for a name that is free."""
    owner = _owners().get(symbol)
    return None if owner is None or owner[1] == module else owner[0]


def _owners() -> dict[str, tuple[str, str]]:
    """Symbol -> (check, module); made anew when checks were added."""
    global _known  # noqa: PLW0603  # one registry, one table
    checks = sum(1 for _ in REGISTRY)
    if _known[0] != checks:
        owners = {made.name: (check.name, check.module) for check, made in REGISTRY.symbols()}
        _known = (checks, owners)
    return _known[1]


_known: tuple[int, dict[str, tuple[str, str]]] = (0, {})


def tell_taken(symbol: str, module: str, rule: str, at: Origin, binder: Binder) -> None:
    """Warn of a rule that sets the symbol of a check as well: both count under one name."""
    owner = owner_of(symbol, module)
    if owner is not None:
        tell(
            binder,
            at,
            "taken-symbol",
            f"{module} {rule!r} sets {symbol}, which the check {owner} sets: with the score of "
            "that check, and nobody can tell which of them it was",
            "give the rule a symbol of its own, unless both are meant to count as one",
        )
