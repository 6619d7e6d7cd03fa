"""Tags that stand for parts of patterns: ``replace_tag A [aA@]`` and ``<A>`` in a rule.

Source: Mail::SpamAssassin::Plugin::ReplaceTags(3).
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import Final

from filter_engine.lazy_dataclass import mutable

MAX_LENGTH: Final = 65_536
"""Characters of a pattern after its tags are replaced."""


@mutable
class Replacements:
    """The tags of some files, and the rules that use them."""

    start: str = "<"
    end: str = ">"
    tags: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    between: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    rules: set[str] = field(default_factory=set)

    def applied(self, pattern: str) -> str:
        """The pattern with what its tags stand for. Raises ValueError when it grows too long."""
        start, end = re.escape(self.start), re.escape(self.end)
        chosen = {"pre": "", "inter": "", "post": ""}
        named = {"pre": self.before, "inter": self.between, "post": self.after}

        def choose(match: re.Match[str]) -> str:
            chosen[match[1]] = named[match[1]].get(match[2], "")
            return ""

        text = re.sub(rf"{start}(pre|inter|post) +(\w+){end}", choose, pattern)
        out: list[str] = []
        at, last_end, length = 0, -1, 0
        for match in re.finditer(rf"{start}(\w+){end}", text):
            value = self.tags.get(match[1])
            if value is None:
                continue
            joint = chosen["inter"] if match.start() == last_end else ""
            piece = text[at : match.start()] + joint + chosen["pre"] + value + chosen["post"]
            out.append(piece)
            length += len(piece)
            if length > MAX_LENGTH:
                raise ValueError(f"longer than {MAX_LENGTH} characters with its tags replaced")
            at = last_end = match.end()
        out.append(text[at:])
        return "".join(out)
