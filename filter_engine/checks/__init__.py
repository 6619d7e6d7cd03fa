"""The built-in checks. A module declares what it finds with ``@check`` when it is imported."""

from importlib import import_module

MODULES: tuple[str, ...] = ()
"""Module names under this package, in the order they are declared."""


def load() -> None:
    """Import every built-in check module, which fills ``declare.REGISTRY``. May be repeated."""
    for name in MODULES:
        import_module(f"{__name__}.{name}")
