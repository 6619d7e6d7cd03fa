"""Rule files of SpamAssassin: ``reader`` reads them, ``book`` compiles them, ``module`` runs them.

Source of the language: Mail::SpamAssassin::Conf(3) and the pages of its plugins.
"""

from filter_engine.checks.spamassassin import module as module  # declares the check
