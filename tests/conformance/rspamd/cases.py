"""The cases, in the order of the suites they were taken from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from conformance_data import DATA

TREE = DATA / "rspamd"
FILE = TREE / "cases.json"
FUNCTIONAL = TREE / "test" / "functional"


@dataclass(frozen=True)
class Case:
    """One request with what is expected of its reply."""

    id: str
    said: Mapping[str, Any]

    @property
    def suite(self) -> str:
        """``001_merged/102_multimap``, without ``.robot``."""
        return str(self.said["suite"]).removesuffix(".robot")

    @property
    def configuration(self) -> str:
        """Cases of one configuration are answered by one engine, in their order."""
        return "001_merged" if self.suite.startswith("001_merged/") else self.suite

    @property
    def expect(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.said["expect"]
        return found

    @property
    def obstacle(self) -> str:
        """Why the data do not say enough to send the request; empty when they do."""
        said = self.said
        if not said["complete"]:
            return "the case could not be extracted whole"
        places = (said.get("message"), said["endpoint"], *(said["request_headers"] or {}).values())
        for place in places:
            if isinstance(place, str) and ("${" in place or "__result__" in place):
                return f"{place!r} was made by a keyword of the suite that the data do not hold"
        for step in said["pre"]:
            for name, values in step.items():
                if name.endswith("file") and "OUTPUT_OF_PREVIOUS:rspamc" in str(values):
                    return "a message that the reply before made is not in the data"
        return ""


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case; empty where there are no data."""
    if not FILE.exists():
        return ()
    return tuple(Case(said["id"], said) for said in json.loads(FILE.read_text())["tuples"])


def values_of(case: Case) -> Iterator[tuple[str, str]]:
    """The environment that the suite sets for its configuration."""
    for name, value in (case.said["env"] or {}).items():
        yield name, "" if value is None else str(value)
