"""Declaring rules: one function, the codes of its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from filter_engine.config.findings import Finding, Severity
from filter_engine.lazy_dataclass import frozen

if TYPE_CHECKING:
    from filter_engine.lint.situation import Situation

Examine: TypeAlias = "Callable[[Situation], Iterator[Finding]]"


@frozen
class Rule:
    """One rule; ``code`` names its findings (``--ignore CODE``)."""

    code: str
    #: The worst severity of its findings.
    severity: Severity
    #: What will happen to a site that has this fault, for the documentation.
    doc: str
    examine: Examine
    #: Whether it looks at this host's addresses or files, so that another host's tree is not
    #: examined with it.
    needs_host: bool
    #: Whether it is about shipped files; of other rules a finding there is of no use to a site.
    of_shipped: bool = False


#: Every rule by code, in order of declaration.
REGISTRY: dict[str, Rule] = {}


def rule(
    code: str,
    severity: Severity = Severity.WARNING,
    *,
    doc: str,
    needs_host: bool = False,
    of_shipped: bool = False,
) -> Callable[[Examine], Examine]:
    """Declare a rule. Raises ``ValueError`` for a code that is taken."""

    def declare(examine: Examine) -> Examine:
        if code in REGISTRY:
            raise ValueError(f"two rules have the code {code!r}")
        REGISTRY[code] = Rule(code, severity, doc, examine, needs_host, of_shipped)
        return examine

    return declare
