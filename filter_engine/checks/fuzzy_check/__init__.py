"""Rspamd's module fuzzy_check: mails are compared with storages of fuzzy hashes."""

from filter_engine.checks.fuzzy_check import module, traps

__all__ = ["module", "traps"]
