"""What a rule sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeAlias

from filter_engine.config.findings import Finding, Severity
from filter_engine.config.layers import Layers
from filter_engine.config.model import Config
from filter_engine.config.origin import Layer, Origin
from filter_engine.lint.host import Host
from filter_engine.lint.listeners import Listener, WorkerSection, listeners, worker_sections
from filter_engine.lint.postfix import Postfix, read_postfix

if TYPE_CHECKING:
    from filter_engine.lint.names import Names

SymbolsOf: TypeAlias = "Callable[[Config], Iterable[tuple[str, Iterable[str]]]]"
"""Gives the symbols of the checks under a configuration, each with its groups."""

KeyFilesOf: TypeAlias = "Callable[[Config], Iterable[tuple[str, str, Origin]]]"
"""Gives (module, path, where it is named) of each key file that mail may be signed with; a path
has ``$domain`` where the domain is not known."""

ReadKeys: TypeAlias = "Callable[[str], Iterable[tuple[str, bytes]]]"
"""Gives the files that a path leads to (several with ``$domain``), with their content."""

KeyFaultsOf: TypeAlias = "Callable[[Config, ReadKeys], Iterable[tuple[str, str, Origin]]]"
"""Gives (module, why it cannot sign, where it is named) of each key that is none."""

UnalignedOf: TypeAlias = "Callable[[Config], Iterable[tuple[str, Origin]]]"
"""Gives (which signatures DMARC does not count, where that is said)."""


class Place(Protocol):
    """Where a value was written: an origin of ``ucl`` or of ``config``, or a line of main.cf."""

    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(frozen=True)
class Situation:
    """The bound configuration, and the host it is for (None: not this one)."""

    config: Config
    host: Host | None
    #: None: nobody says what the checks set, so that no name is known or unknown.
    symbols_of: SymbolsOf | None = None
    #: None: nobody says which keys sign.
    key_files_of: KeyFilesOf | None = None
    #: None: nobody says which keys can sign.
    key_faults_of: KeyFaultsOf | None = None
    #: None: nobody says whose domain signs.
    unaligned_of: UnalignedOf | None = None

    @cached_property
    def workers(self) -> tuple[WorkerSection, ...]:
        """Every worker of a kind this engine has, with its section of the tree."""
        return worker_sections(self.config)

    @cached_property
    def listeners(self) -> tuple[Listener, ...]:
        """Every socket of the workers that are to run."""
        return listeners(self.workers)

    @cached_property
    def postfix(self) -> Postfix | None:
        """The host's Postfix, if it has one that can be read."""
        return read_postfix(self.host) if self.host else None

    @cached_property
    def key_files(self) -> tuple[tuple[str, str, Origin], ...]:
        """(module, path, where it is named) of each key file."""
        return () if self.key_files_of is None else tuple(self.key_files_of(self.config))

    @cached_property
    def names(self) -> Names | None:
        """The symbols and groups there are."""
        from filter_engine.lint.names import names_of  # its tables are of use here alone

        return (
            None if self.symbols_of is None else names_of(self.config, self.symbols_of(self.config))
        )

    @cached_property
    def _layers(self) -> Layers:
        return Layers(self.config.variables)

    def is_shipped(self, at: Place) -> bool:
        """Whether a value stands in a shipped file or is built in."""
        return at.line == 0 or self._layers.of(at.file) is Layer.SHIPPED

    def finding(
        self, code: str, at: Place, message: str, hint: str, severity: Severity = Severity.WARNING
    ) -> Finding:
        """A finding at the place where a value was written."""
        return Finding(at.file, at.line, severity, code, message, hint, at.column)
