"""The module ``multimap``: a site's rules that compare parts of a mail with maps.

``options`` is what may be written, ``values`` what each type of rule looks at, ``filters`` what is
taken of it, ``rule`` one compiled rule, ``module`` the checks that run them.
"""

from filter_engine.checks.multimap import module as module  # declares the checks
