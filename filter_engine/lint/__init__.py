"""Rules about a configuration that can be used and yet does not do what its writer means.

The loader reports what does not fit its option; a rule here compares options with one another, with
the port table, or with the host (its addresses, Postfix, clamd). ``run`` gives the findings.
"""

from filter_engine.lint.declare import REGISTRY, Rule, rule
from filter_engine.lint.host import Account, Host
from filter_engine.lint.run import codes_of, ignorable, load, run, without
from filter_engine.lint.situation import Situation

__all__ = [
    "REGISTRY",
    "Account",
    "Host",
    "Rule",
    "Situation",
    "codes_of",
    "ignorable",
    "load",
    "rule",
    "run",
    "without",
]
