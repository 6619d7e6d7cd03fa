"""The header edits of a verdict: what the site asked for (Rspamd's module milter_headers), what
settings add, what privacy takes away.

The header of the same name that came with the message is removed first, so that a sender cannot
forge it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from filter_engine.config.map_definition import MapKind
from filter_engine.config.schema import options_of
from filter_engine.headers.additions import additions, removals
from filter_engine.headers.authentication_results import forged_places
from filter_engine.headers.options import (
    EXTENDED,
    OLD_SECTION,
    OTHER_NAMES,
    SCORED,
    SECTION,
    MilterHeadersOptions,
    RmilterHeadersOptions,
    Routines,
)
from filter_engine.headers.privacy import stripped
from filter_engine.headers.routines import RUN, Edits, Subject
from filter_engine.scan.metric import Decision
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import HeaderEdits

if TYPE_CHECKING:
    from filter_engine.config.model import Config
    from filter_engine.config.settings_apply import SettingsApply
    from filter_engine.maps.map import Map
    from filter_engine.maps.maps import Maps

log = logging.getLogger(__name__)

_AUTHENTICATION_RESULTS: Final = "authentication-results"
_SPAM_FLAG: Final = "remove-spam-flag"
_PRE_RESULT: Final = "x-rspamd-pre-result"


class MilterHeaders:
    """What one configuration says about headers. Made once, shared by all tasks."""

    def __init__(self, options: MilterHeadersOptions, recipients: Map | None = None) -> None:
        """``recipients``: the map of ``extended_headers_rcpt``, if there is one."""
        self.options = options
        self._recipients = recipients
        self._of = {made.key: getattr(options.routines, made.attribute) for made in _DECLARED}
        self._wanted = _with_pre_result(_wanted(options))
        self._told = 0

    @classmethod
    def from_config(cls, config: Config, maps: Maps) -> MilterHeaders:
        """Those of a configuration; where the module is switched off, no header is touched."""
        if not config.is_enabled(SECTION):
            return cls(MilterHeadersOptions(remove_upstream_spam_flag=False))
        options = config.modules.get(SECTION)
        if not isinstance(options, MilterHeadersOptions):
            options = MilterHeadersOptions()
        old = config.modules.get(OLD_SECTION)
        if isinstance(old, RmilterHeadersOptions) and config.is_enabled(OLD_SECTION):
            options = _completed(options, old)
        listed = options.extended_headers_rcpt
        recipients = listed and maps.of(listed, MapKind.SET, f"{SECTION}.extended_headers_rcpt")
        return cls(options, recipients or None)

    def edits(
        self,
        task: Task,
        decision: Decision,
        required: float,
        apply: SettingsApply | None = None,
        *,
        results: bool = True,
    ) -> HeaderEdits:
        """The headers to add and remove for this decision; ``apply`` are the mail's settings.

        Without ``results``, for mail that was not scanned, the routines only remove.
        """
        options = self.options
        edits = Edits(options.default_headers_order)
        subject = Subject(task, decision, required)
        named = None if apply is None else _routines_of(apply)
        wanted = self._wanted if named is None else self._named(named)
        kept = named is not None or self._has_listed_recipient(task)
        low = options.min_score is not None and decision.score < options.min_score
        for name in wanted:
            routine = RUN[name]
            if kept or routine.always or not self._left_alone(task, name):
                held_back = low and name in SCORED
                routine.run(subject, self._of[name], edits.removals_only() if held_back else edits)
        if not results:
            edits.add_nothing()
        if _AUTHENTICATION_RESULTS in wanted and task.authenticated:
            # Whether or not one is added: a login must not speak in this host's name.
            routine = self._of[_AUTHENTICATION_RESULTS]
            forged = forged_places(task, routine.header, routine.remove_ids)
            edits.remove(routine.header, forged)
        if apply is not None:
            self._apply(apply, edits)
        for name in stripped(task):
            edits.remove(name)
        return edits.made()

    def _named(self, names: tuple[str, ...]) -> tuple[str, ...]:
        flag = (_SPAM_FLAG,) if self.options.remove_upstream_spam_flag else ()
        return _with_pre_result((*names, *flag))

    def _apply(self, apply: SettingsApply, edits: Edits) -> None:
        """``add_headers`` and ``remove_headers`` of settings."""
        if not apply.add_headers and not apply.remove_headers:
            return
        try:
            added = additions(apply.add_headers, self.options.default_headers_order)
            removed = removals(apply.remove_headers)
        except ValueError as error:
            self._told += 1
            if self._told <= 10:  # a request may bring them, again and again
                log.error("settings: headers are left as they are: %s", error)
            return
        edits.add(added)
        for removal in removed:
            edits.remove(removal.name, (removal.index,))

    def _has_listed_recipient(self, task: Task) -> bool:
        known = self._recipients
        if known is None:
            return False
        for rcpt in task.envelope.rcpt_to:
            user, at, domain = rcpt.lower().rpartition("@")
            if at and any(known.find(key) for key in (f"{user}@{domain}", user, f"@{domain}")):
                return True
        return False

    def _left_alone(self, task: Task, name: str) -> bool:
        options = self.options
        names = (name, *OTHER_NAMES.get(name, ()))
        if options.skip_all:
            return True
        if options.skip_local and task.local and not {*names} & {*options.local_headers}:
            return True
        if not options.skip_authenticated or not task.authenticated:
            return False
        return not {*names} & {*options.authenticated_headers}


_DECLARED: Final = options_of(Routines)


def _wanted(options: MilterHeadersOptions) -> tuple[str, ...]:
    """The routines of the site, each once."""
    wanted = (
        *(EXTENDED if options.extended_spam_headers else ()),
        *options.use,
        *((_SPAM_FLAG,) if options.remove_upstream_spam_flag else ()),
    )
    return tuple(dict.fromkeys(name for name in wanted if name in RUN))


def _with_pre_result(names: Iterable[str]) -> tuple[str, ...]:
    """What decided without a score stands beside the symbols."""
    wanted = dict.fromkeys(names)
    return (*wanted, *((_PRE_RESULT,) if "x-spamd-result" in wanted else ()))


def _routines_of(apply: SettingsApply) -> tuple[str, ...] | None:
    """``plugins { milter_headers { routines = [...] } }`` of settings: these and no others."""
    module: Any = apply.plugins.get(SECTION) if apply.plugins else None
    named = module.get("routines") if isinstance(module, Mapping) else None
    if isinstance(named, str):
        named = [named]
    if not isinstance(named, list):
        return None
    names = (name.lower() for name in named if isinstance(name, str))
    return tuple(dict.fromkeys(name for name in names if name in RUN))


def _completed(options: MilterHeadersOptions, old: MilterHeadersOptions) -> MilterHeadersOptions:
    """The options, and from the section of the old name what they do not say."""
    missing = old.origins.keys() - options.origins.keys()
    return replace(options, **{name: getattr(old, name) for name in missing})
