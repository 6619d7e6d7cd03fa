"""Where an effective value comes from: file, line and layer."""

from __future__ import annotations

from enum import StrEnum

from filter_engine.lazy_dataclass import frozen


class Layer(StrEnum):
    """The layers of a configuration, weakest first."""

    BUILTIN = "built in"
    SHIPPED = "shipped"
    SITE = "site"
    LOCAL = "local.d"
    DYNAMIC = "dynamic"
    OVERRIDE = "override.d"


@frozen
class Origin:
    """Position of a value: ``line`` and ``column`` count from 1, 0 where there is no file."""

    file: str
    line: int
    column: int
    layer: Layer

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


BUILTIN = Origin("<built in>", 0, 0, Layer.BUILTIN)
