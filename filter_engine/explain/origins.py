"""Where scores and thresholds come from."""

from __future__ import annotations

from collections.abc import Mapping

from filter_engine.config.effective import SymbolDefault
from filter_engine.config.model import Config
from filter_engine.config.origin import BUILTIN, Layer, Origin
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.trace import Trace
from filter_engine.scan.verdict import Action


@frozen
class Source:
    """Who said a number, and what it is when nobody says anything."""

    origin: Origin | None
    """File, line and layer; None when settings say it."""
    by: str
    """What it is for people: a place, ``check NAME`` or ``settings NAME``."""
    default: float | None = None

    @property
    def is_said(self) -> bool:
        """Some file or settings rule says it; it is not just what a check declares."""
        return self.origin is None or self.origin.layer is not Layer.BUILTIN

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        found: dict[str, object] = {"by": self.by, "default": self.default}
        if self.origin is not None:
            found["layer"] = str(self.origin.layer)
            if self.origin.line:
                found |= {"file": self.origin.file, "line": self.origin.line}
        return found


class Origins:
    """Answers for one configuration, and for the settings of one mail when a trace is given."""

    def __init__(
        self,
        config: Config,
        defaults: Mapping[str, SymbolDefault],
        trace: Trace | None = None,
    ) -> None:
        self._config = config
        self._defaults = defaults
        chosen = None if trace is None else trace.settings
        self.settings = "" if chosen is None else settings_place(chosen.name, config)
        """Name and place of the settings of this mail, empty without any."""
        self._scores = {} if chosen is None else chosen.apply.scores
        self._actions = {} if chosen is None else chosen.apply.actions

    def of_symbol(self, name: str) -> Source:
        """Who says the score of a symbol."""
        declared = self._defaults.get(name)
        default = None if declared is None else declared.score
        if self._scores.get(name) is not None:
            return Source(None, self.settings, default)
        said = self._config.symbols.get(name)
        if said is not None and said.score is not None:
            return _written(said.origin("score"), default)
        composite = self._config.composites.get(name)
        if composite is not None and "score" in composite.origins:
            return _written(composite.origin("score"), default)
        if declared is None:
            return Source(BUILTIN, "not declared")
        if declared.check != "composites" and declared.origin.line:
            return _written(declared.origin, default)
        owner = "composite" if declared.check == "composites" else f"check {declared.check}"
        return Source(BUILTIN, f"built in ({owner})", default)

    def of_threshold(self, action: Action) -> Source:
        """Who says the threshold of an action."""
        actions = self._config.actions
        names = {wire: name for name, wire in actions.wire_names.items()}
        attribute = names.get(action.value, "")
        default = getattr(type(actions)(), attribute, None)
        if action.value in {_wire(name) for name in self._actions}:
            return Source(None, self.settings, default)
        return _written(actions.origin(attribute), default)


def settings_place(name: str, config: Config) -> str:
    """Settings for people: ``settings NAME (FILE:LINE)``."""
    rule = config.settings.get(name)
    origin = BUILTIN if rule is None else rule.origin("apply")
    return f"settings {name} ({origin})" if origin.line else f"settings {name}"


def _wire(name: str) -> str:
    return name.strip().lower().replace("_", " ")


def _written(origin: Origin, default: float | None) -> Source:
    return Source(origin, "built in" if origin.layer is Layer.BUILTIN else str(origin), default)
