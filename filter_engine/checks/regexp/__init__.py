"""Regular expressions over a message: the module ``regexp`` and the engine that other rules share.

``places`` says which texts of a message a pattern may look at, ``matcher`` looks for all patterns
of a place at once, ``rule`` reads expressions of patterns and functions, ``book`` holds rules,
``stock`` are the rules that come with the engine, ``module`` is the check.
"""

from filter_engine.checks.regexp import module as module  # declares the check
