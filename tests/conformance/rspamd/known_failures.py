"""What does not pass yet, each with its reason. A case that is listed and passes fails the run."""

from __future__ import annotations

#: Suites of what a later issue brings: they are not run.
LATER: dict[str, str] = {}

#: Suites whose symbols are made by Lua rules of the tests.
LUA: dict[str, str] = {}

#: Case (its id as pytest shows it, behind the suite) -> why it fails.
CASES: dict[str, str] = {}
