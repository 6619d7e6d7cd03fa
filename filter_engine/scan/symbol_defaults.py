"""What checks and composites declare about their symbols, before a site says anything."""

from __future__ import annotations

from filter_engine.config.effective import SymbolDefault
from filter_engine.config.model import Config
from filter_engine.scan.declare import Registry
from filter_engine.scan.plan import checks_symbols


def symbol_defaults(config: Config, registry: Registry) -> dict[str, SymbolDefault]:
    """What the checks of ``registry`` and the composites say about their symbols, by name."""
    declared: dict[str, SymbolDefault] = {}
    for check, symbol in checks_symbols(config, registry):
        said = SymbolDefault(
            symbol.score, symbol.description, symbol.groups, check.name, symbol.origin
        )
        declared.setdefault(symbol.name, said)  # a rule may set what a check declares
    composites = {
        name: SymbolDefault(
            said.score, said.description, (said.group,), "composites", said.written_at("score")
        )
        for name, said in config.composites.items()
    }
    return composites | declared
