"""Many patterns at once: PCRE patterns in one hyperscan database, confirmed by ``regex``.

``PatternSet.compile`` is called in the master before fork; ``matches`` on every message::

    pattern = parse_slashed("/cheap pills/i", origin)
    patterns = PatternSet.compile([pattern, ...], name="multimap SUBJECTS", cache=cache)
    for index in patterns.matches(b"Buy cheap pills"):
        ...
"""

from filter_engine.matching.budget import begin_message, search
from filter_engine.matching.cache import DatabaseCache
from filter_engine.matching.pattern import (
    Flags,
    Pattern,
    PatternError,
    literal,
    parse_slashed,
)
from filter_engine.matching.pattern_set import PatternSet

__all__ = [
    "DatabaseCache",
    "Flags",
    "Pattern",
    "PatternError",
    "PatternSet",
    "begin_message",
    "literal",
    "parse_slashed",
    "search",
]
