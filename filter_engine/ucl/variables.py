"""Variables in values: ``$NAME``, ``${NAME}`` and ``$$``.

Source: libucl's README, "Variables support". ``$NAME`` needs no word boundary (``$ABItest`` is the
value of ABI and "test"); the longest known name wins. Without a known variable in it a string
stays exactly as written, ``$$`` included.
"""

from __future__ import annotations

import re
from collections.abc import Mapping


class Variables:
    """A set of variables, ready to expand; ``with_file`` adds those that change by file."""

    __slots__ = ("_known", "_pattern", "values")

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)
        names = "|".join(re.escape(name) for name in sorted(values, key=len, reverse=True))
        self._known = re.compile(rf"\$(?:\{{(?:{names})\}}|(?:{names}))") if names else None
        self._pattern = re.compile(rf"\$(?:\{{({names})\}}|({names})|(\$))") if names else None

    def with_file(self, filename: str, directory: str) -> Variables:
        """These variables with ``FILENAME`` and ``CURDIR`` of the file being read."""
        return Variables(self.values | {"FILENAME": filename, "CURDIR": directory})

    def expand(self, text: str) -> str:
        """Replace every variable in ``text``."""
        if "$" not in text or self._known is None or self._pattern is None:
            return text
        if self._known.search(text) is None:
            return text
        return self._pattern.sub(self._value, text)

    def _value(self, match: re.Match[str]) -> str:
        return "$" if match[3] else self.values[match[1] or match[2]]
