"""What a site's own rules import: ``from filter_engine.rules import check, Finding, Symbol, Task``.

A rule is a Python file in ``rules.d`` of the site's directory. It declares checks with the
decorator that the built-in checks use. The names below are stable; anything else of this package
may change. See ``docs/rules.md``.
"""

from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    MAP,
    NUMBER,
    SIZE,
    STRING,
    TIME,
    WORDS,
    at_least,
    list_of,
    one_of,
)
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import Section, option
from filter_engine.message import Message
from filter_engine.message.address import Address
from filter_engine.message.header import HeaderField
from filter_engine.message.part import Part
from filter_engine.message.url import Url
from filter_engine.rules.declare import check
from filter_engine.rules.example import Example
from filter_engine.scan.declare import Stage, Symbol
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome, PreResult

__all__ = [
    "BOOLEAN",
    "INTEGER",
    "MAP",
    "NUMBER",
    "SIZE",
    "STRING",
    "TIME",
    "WORDS",
    "Action",
    "Address",
    "Ask",
    "Envelope",
    "Example",
    "Finding",
    "HeaderField",
    "Message",
    "Outcome",
    "Part",
    "PreResult",
    "Section",
    "Setup",
    "Stage",
    "Symbol",
    "Task",
    "Url",
    "at_least",
    "check",
    "list_of",
    "one_of",
    "option",
    "options_class",
]
