"""Which name was meant, where one is unknown."""

from __future__ import annotations

from collections.abc import Iterable


def closest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> list[str]:
    """The known name that is most like it, if one is; ``cutoff`` as in ``difflib``."""
    from difflib import get_close_matches  # most configurations have no mistake

    return get_close_matches(name, list(known), n=1, cutoff=cutoff)
