"""Bounds of what is read."""

from typing import Final

MAX_BYTES: Final = 128 * 1024 * 1024
"""A larger file, also after decompression, is refused."""
MAX_LINES: Final = 5_000_000
MAX_PATTERNS: Final = 50_000
"""Regular expressions or shell patterns of one source."""
MAX_KEY: Final = 16 * 1024 * 1024
"""Characters that patterns are looked for in."""
MAX_PROBLEMS: Final = 20
"""Lines that cannot be read which are told one by one."""
