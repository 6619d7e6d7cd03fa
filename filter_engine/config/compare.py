"""What differs between two effective configurations."""

from __future__ import annotations

from filter_engine.config.annotate import described, printable
from filter_engine.config.dump import origin_as_dict
from filter_engine.config.effective import Branch, Leaf, leaves
from filter_engine.config.layers import Layers
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.nodes import to_python


@frozen
class Change:
    """One option with another value; ``old`` or ``new`` is None where the option is not there."""

    key: str
    old: Leaf | None
    new: Leaf | None

    def as_dict(self, *, show_secrets: bool = False) -> dict[str, object]:
        """The change for JSON."""
        shown: dict[str, object] = {"key": self.key}
        for side, leaf in (("old", self.old), ("new", self.new)):
            if leaf is not None:
                shown[side] = {
                    "value": to_python(leaf.shown(show_secrets=show_secrets)),
                    "origin": origin_as_dict(leaf.origin),
                }
        return shown

    def text(self, old: Layers, new: Layers, *, show_secrets: bool = False) -> str:
        """The change in one line: ``options.task_timeout: 8 s -> 10 s (local.d/options.inc:3)``."""
        key = printable(self.key)
        before = _text(self.old, show_secrets=show_secrets)
        after = _text(self.new, show_secrets=show_secrets)
        if self.new is None:
            assert self.old is not None
            return f"{key}: removed, was {before} ({old.shown(self.old.origin)})"
        place = new.shown(self.new.origin)
        if self.old is None:
            return f"{key}: added, {after} ({place})"
        if not self.new.origin.line and self.old.origin.line:  # back to the default
            place = f"{place}, was {old.shown(self.old.origin)}"
        return f"{key}: {before} -> {after} ({place})"


def compare(old: Branch, new: Branch) -> tuple[Change, ...]:
    """Every option whose value differs, in the order of ``new``, then what only ``old`` has.

    Where a value was written does not count. Of a section that only one has, the options somebody
    wrote are told, not the defaults. Both trees must know the checks' symbols (``effective``).
    """
    before = _by_key(old)
    after = _by_key(new)
    changes = [
        Change(key, before.get(key), leaf)
        for key, leaf in after.items()
        if (before[key].value != leaf.value if key in before else leaf.origin.line)
    ]
    changes += [
        Change(key, leaf, None)
        for key, leaf in before.items()
        if key not in after and leaf.origin.line
    ]
    return tuple(changes)


def _by_key(branch: Branch) -> dict[str, Leaf]:
    """Options by dotted name; what groups say of symbols is in ``symbols`` once more."""
    return {
        ".".join(path): leaf
        for path, leaf in leaves(branch)
        if not (path[0] == "group" and path[2:3] == ("symbols",))
    }


def _text(leaf: Leaf | None, *, show_secrets: bool) -> str:
    if leaf is None:
        return ""
    unit = "" if leaf.option is None else leaf.option.unit
    return described(leaf.shown(show_secrets=show_secrets), unit)
