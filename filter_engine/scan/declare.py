"""How a check is declared: its symbols, default scores, options and stage, stated once.

Configuration, lint, documentation and the controller's ``/symbols`` all read this statement.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from filter_engine.config.origin import BUILTIN, Origin
from filter_engine.config.schema import Section
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.verdict import Finding, Outcome

if TYPE_CHECKING:
    from filter_engine.scan.question import Ask
    from filter_engine.scan.setup import Setup
    from filter_engine.scan.task import Task


class Stage(IntEnum):
    """Rspamd's processing stages, in their order."""

    CONNFILTER = 1
    PREFILTER = 2
    FILTER = 3
    CLASSIFIER = 4
    COMPOSITE = 5
    POSTFILTER = 6
    IDEMPOTENT = 7


@frozen
class Symbol:
    """A symbol a check may set, with the score it has unless a site says otherwise."""

    name: str
    score: float
    description: str
    groups: tuple[str, ...] = ()
    """The first is its main group."""
    one_shot: bool = False
    """Counted once however often it is found."""
    always: bool = False
    """No settings leave it out: a test of the engine itself."""
    rule: str = ""
    """The symbol that stands for the rule it belongs to, where a rule sets several: settings that
    enable one of them enable all, settings that disable ``rule`` disable all."""
    origin: Origin = BUILTIN
    """Where a site's rule says its score, or where the rule stands."""


Returned: TypeAlias = "Outcome | Iterable[Finding] | None"
PlainCheck: TypeAlias = "Callable[[Task], Returned]"
AskingCheck: TypeAlias = "Callable[[Task, Ask], Awaitable[Returned]]"
Prepare: TypeAlias = "Callable[[Any, Setup], object]"
SymbolsOf: TypeAlias = "Callable[[Any], Iterable[Symbol]]"


@frozen
class Check:
    """One declared check. ``run`` takes ``(task)``, or ``(task, ask)`` when ``asks``."""

    name: str
    run: PlainCheck | AskingCheck
    asks: bool
    stage: Stage
    module: str
    """The configuration section that holds its options; ``enabled = false`` there turns it off."""
    symbols: tuple[Symbol, ...]
    options: type[Section] | None
    """The typed options of that section; several checks may share one class."""
    priority: int
    """Within a stage the highest runs first."""
    prepare: Prepare | None
    """Called with the bound options before processes are forked: reads keys, maps, databases.
    What it returns is ``task.state(name)`` of every scan."""
    doc: str
    needs: tuple[str, ...] = ()
    """Checks whose results it asks for: settings that leave this one leave them too."""
    symbols_of: SymbolsOf | None = None
    """The symbols that a site's rules in the bound options add to ``symbols``."""
    callback: str = ""
    """The name of Rspamd's symbol that stands for the whole check: settings may name it."""
    after_pre_result: bool = False
    """It runs also when a pre-result has stopped the stages before its own."""
    on_empty: bool = False
    """It runs also for a request without a message: it looks at the envelope."""
    has_work: Callable[[Any], bool] | None = None
    """Called with the bound options: False leaves it out of all scans."""


class Registry:
    """All declared checks by name. Filled at import, read-only afterwards."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._owner: dict[str, str] = {}

    def add(self, check: Check) -> None:
        """Register a check; raises ValueError for a name or symbol declared twice."""
        if check.name in self._checks:
            raise ValueError(f"check {check.name!r} is declared twice")
        for symbol in check.symbols:
            owner = self._owner.setdefault(symbol.name, check.name)
            if owner != check.name:
                raise ValueError(f"symbol {symbol.name} belongs to {owner!r} and {check.name!r}")
        self._checks[check.name] = check

    def __iter__(self) -> Iterator[Check]:
        return iter(self._checks.values())

    def __getitem__(self, name: str) -> Check:
        return self._checks[name]

    def __contains__(self, name: str) -> bool:
        return name in self._checks

    def symbols(self) -> Iterator[tuple[Check, Symbol]]:
        """Every declared symbol with its check."""
        for check in self._checks.values():
            for symbol in check.symbols:
                yield check, symbol

    def groups(self) -> frozenset[str]:
        """Every group that a declared symbol is in."""
        return frozenset(group for _, symbol in self.symbols() for group in symbol.groups)

    def sections(self) -> dict[str, type[Section]]:
        """Configuration section -> the class of its options.

        Raises ValueError when two checks of a section declare different classes.
        """
        found: dict[str, type[Section]] = {}
        for check in self._checks.values():
            mine = check.options or Section
            known = found.setdefault(check.module, mine)
            if known is Section:
                found[check.module] = mine
            elif mine not in (Section, known):
                raise ValueError(f"section {check.module} has two classes of options")
        return found


F = TypeVar("F", bound="Callable[..., object]")

REGISTRY = Registry()
"""The checks of this process. Built-in ones are added by ``filter_engine.checks.load()``."""


def check(
    name: str,
    *,
    symbols: Sequence[Symbol],
    stage: Stage = Stage.FILTER,
    module: str | None = None,
    options: type[Section] | None = None,
    priority: int = 0,
    prepare: Prepare | None = None,
    symbols_of: SymbolsOf | None = None,
    needs: Sequence[str] = (),
    callback: str = "",
    after_pre_result: bool = False,
    on_empty: bool = False,
    has_work: Callable[[Any], bool] | None = None,
    registry: Registry | None = None,
) -> Callable[[F], F]:
    """Declare the decorated function as a check; the function itself stays callable as it is.

    A plain ``def run(task)`` works on the message alone. An ``async def run(task, ask)`` may await
    questions, and nothing else. Both return findings, an ``Outcome`` or None. ``options`` is the
    section's schema (``filter_engine.config.schema``); read it with ``task.options(ThatClass)``.
    ``prepare(options, setup)`` is called once a configuration in the master, before processes are
    forked; ``task.state(name)`` gives what it returned. ``symbols_of(options)`` gives the symbols
    of a site's own rules. ``needs`` names the checks whose results it asks for. ``callback`` is the
    name that settings may use for all its symbols (``SPF_CHECK``). A check of a later stage than
    COMPOSITE finds the symbols, score and action so far in ``task.decision``; those of the stage
    IDEMPOTENT, and with ``after_pre_result`` others, run also after a pre-result that stops.
    Only a check with ``on_empty`` runs for a request without a message. ``has_work(options)`` is
    False where the options give the check nothing to do: it then costs nothing.
    """

    def declare(run: F) -> F:
        (REGISTRY if registry is None else registry).add(
            Check(
                name=name,
                run=run,  # type: ignore[arg-type]  # the two shapes are told apart by `asks`
                asks=iscoroutinefunction(run),
                stage=stage,
                module=module or name,
                symbols=tuple(symbols),
                options=options,
                priority=priority,
                prepare=prepare,
                doc=(run.__doc__ or "").strip(),
                needs=tuple(needs),
                symbols_of=symbols_of,
                callback=callback,
                after_pre_result=after_pre_result,
                on_empty=on_empty,
                has_work=has_work,
            )
        )
        return run

    return declare
