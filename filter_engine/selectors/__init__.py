"""Selectors: Rspamd's small language for picking texts out of a message and its envelope.

``from('smtp'):domain.lower; header('Subject')`` is compiled once and asked for every message::

    selector = compile_selector("rcpts:addr.take_n(5)")
    selector.values(task)  # ("a@example.com", ...)
"""

from filter_engine.selectors.parser import SelectorError
from filter_engine.selectors.selector import Selector, compile_selector

__all__ = ["Selector", "SelectorError", "compile_selector"]
