"""Which option a dotted name means, e.g. ``worker.proxy.upstream.scan.hosts``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from filter_engine.config import declared
from filter_engine.config.declared import NOWHERE, Place
from filter_engine.config.effective import Branch, Leaf, leaves
from filter_engine.config.workers import WORKER_TYPES
from filter_engine.ucl.near import closest

_NUMBERED = re.compile(r"(.+)\[([1-9][0-9]{0,3})\]\Z")
#: Spellings of the names at the top.
_TOP = {
    "groups": "group",
    "symbol": "symbols",
    "composite": "composites",
    "workers": "worker",
    "action": "actions",
}


class UnknownKeyError(Exception):
    """No option has this name; ``hint`` says which one may be meant."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def resolve(
    top: Branch, key: str, modules: declared.Modules
) -> tuple[tuple[str, ...], Leaf | Branch, tuple[str, ...]]:
    """Path and entry of ``key``, and the rest of it if that is an option that is not served."""
    words = key.split(".")
    words[0] = _TOP.get(words[0], words[0])
    path: tuple[str, ...] = ()
    entry: Leaf | Branch = top
    while words:
        if isinstance(entry, Leaf):
            raise UnknownKeyError(
                f"{'.'.join(path)} is an option, not a section", "leave off " + ".".join(words)
            )
        branch = entry
        # names may have dots in them: the longest that fits counts
        for count in range(len(words), 0, -1):
            found = _entry(branch, ".".join(words[:count]), in_workers=path == ("worker",))
            if found is not None:
                name, entry = found
                path, words = (*path, name), words[count:]
                break
        else:
            if (
                not path
                and len(words) > 1
                and ((place := declared.top(words[0], modules)) is not NOWHERE)
            ):
                # a section that no file has
                path, branch, words = (words[0],), Branch(place=place), words[1:]
            if _is_known(branch.place, words):
                return path, branch, tuple(words)
            raise _unknown(top, branch, path, key, ".".join(words), modules)
    return path, entry, ()


def _is_known(place: Place, words: Sequence[str]) -> bool:
    """Whether the schemas know an option here that this engine does not serve."""
    if len(words) == 1 and (words[0] in place.known or words[0] in place.retired):
        return True
    option = declared.inside(place, words)
    return option is not None and not option.served


def _entry(branch: Branch, name: str, *, in_workers: bool) -> tuple[str, Leaf | Branch] | None:
    numbered = _NUMBERED.match(name)
    number = 1
    if numbered is not None and name not in branch.entries:
        name, number = numbered[1], int(numbered[2])
    if in_workers and name in WORKER_TYPES:
        name = WORKER_TYPES[name].kind
    found = branch.find(name)
    if found is None or len(branch.entries[found]) < number:
        return None
    return found if number == 1 else f"{found}[{number}]", branch.entries[found][number - 1]


def unnumbered(step: str) -> tuple[str, int]:
    """``normal`` and 2 of ``normal[2]``; 1 where there is no number."""
    numbered = _NUMBERED.match(step)
    return (step, 1) if numbered is None else (numbered[1], int(numbered[2]))


def _unknown(
    top: Branch,
    branch: Branch,
    path: tuple[str, ...],
    key: str,
    last: str,
    modules: declared.Modules,
) -> UnknownKeyError:
    prefix = "".join(f"{name}." for name in path)
    options = [*branch.place.served, *branch.place.known] if path else []
    close = closest(last.partition(".")[0], dict.fromkeys((*branch.entries, *options)))
    if close and "." in last:
        again = f"{prefix}{close[0]}.{last.partition('.')[2]}"
        try:
            resolve(top, again, modules)
        except UnknownKeyError:
            pass
        else:
            return UnknownKeyError(f"no option {key!r}", f"did you mean {again!r}?")
    if close:
        return UnknownKeyError(f"no option {key!r}", f"did you mean {prefix + close[0]!r}?")
    unwritten = NOWHERE if path else declared.top(last, modules)
    if unwritten is not NOWHERE:
        names = ", ".join(list(unwritten.known or unwritten.served)[-20:])
        return UnknownKeyError(f"no file has a section {key!r}", f"its options: {names}")
    every = {".".join(found): None for found, _ in leaves(top)}
    holding = sorted((n for n in every if f".{key}." in f".{n}."), key=lambda n: n.count("."))
    close = holding[:1] or closest(key, every)
    if close:
        return UnknownKeyError(f"no option {key!r}", f"did you mean {close[0]!r}?")
    known = ", ".join(list(branch.entries)[:20])
    return UnknownKeyError(f"no option {key!r}", f"known here: {known}" if known else "")
