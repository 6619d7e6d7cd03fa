"""Looking into drop directories for as long as the process runs."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Sequence
from typing import Final

from filter_engine.config.annotate import printable
from filter_engine.config.log_levels import NOTICE
from filter_engine.config.model import Config
from filter_engine.statistics.classifier import Classifier
from filter_engine.statistics.learning import LearnStatus
from filter_engine.training.drop_directory import DropDirectory, Dropped
from filter_engine.training.teacher import Teacher, teacher

log = logging.getLogger(__name__)

PAUSE: Final = 0.25
"""Seconds between two looks."""
_LONGEST: Final = 30.0
"""Seconds between two attempts at a store that takes no lesson."""
_HASHES: Final = 30.0
"""Seconds between two attempts at a storage of hashes that was away."""


async def watch(
    config: Config, classifiers: Sequence[Classifier], directories: Sequence[DropDirectory]
) -> None:
    """Learn what is dropped until SIGTERM or SIGINT; the mail under way is finished first."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with teacher(config, classifiers, hashes=True) as one:
        await Watch(one, directories, stop).run()


class Watch:
    """The directories and who teaches; ends when ``stop`` is set."""

    def __init__(
        self, taught: Teacher, directories: Sequence[DropDirectory], stop: asyncio.Event
    ) -> None:
        self._teacher = taught
        self._directories = directories
        self._stop = stop
        self._problems = [""] * len(directories)
        self._away = 0.0
        """Seconds to wait for the store; 0 while it answers."""
        self._hashes_at = 0.0
        """When storages of hashes are asked again."""

    async def run(self) -> None:
        """Look, learn, wait, over and over."""
        log.log(NOTICE, "learning from %s", ", ".join(str(one.path) for one in self._directories))
        while not self._stop.is_set():
            for place, directory in enumerate(self._directories):
                if not await self._one(directory):
                    break
                if directory.problem != self._problems[place]:
                    self._problems[place] = directory.problem
                    if directory.problem:
                        log.error("%s: %s: nothing is learnt", directory.path, directory.problem)
            if self._teacher.left and time.monotonic() >= self._hashes_at:
                await self._teacher.again()
                self._hashes_at = time.monotonic() + _HASHES
            try:
                async with asyncio.timeout(self._away or PAUSE):
                    await self._stop.wait()
            except TimeoutError:
                pass

    async def _one(self, directory: DropDirectory) -> bool:
        """One look into one directory; False when the store takes nothing or the end has come."""
        for name, found in directory.look():
            if self._stop.is_set():
                return False
            path = printable(str(directory.folder / name))
            if not isinstance(found, Dropped):
                log.error("%s is kept and not learnt: %s", path, found)
            elif not await self._learn(directory, path, found):
                return False
        return True

    async def _learn(self, directory: DropDirectory, path: str, mail: Dropped) -> bool:
        if self._teacher.needs_user and not mail.user:
            log.error("%s is kept and not learnt: its name does not say whose it is", path)
            directory.keep(mail)
            return True
        try:
            lesson = await self._teacher.learn(mail.raw, spam=directory.spam, rcpt=mail.user)
        except Exception:  # one mail must not keep the next from being learnt
            log.exception("%s is kept and not learnt", path)
            directory.keep(mail)
            return True
        kind = "spam" if directory.spam else "ham"
        if lesson.status is LearnStatus.FAILED:
            if not self._away:
                said = printable(lesson.detail)
                log.error("%s is kept: the store took no lesson: %s; tried again", path, said)
            self._away = min(max(2 * self._away, 1.0), _LONGEST)
            return False
        if self._away:
            log.log(NOTICE, "the store takes lessons again")
            self._away = 0.0
        detail = f": {printable(lesson.detail)}" if lesson.detail else ""
        log.log(NOTICE, "%s: %s as %s%s", path, lesson.status.value, kind, detail)
        if lesson.untaught:
            if not self._teacher.left:
                self._hashes_at = 0.0
            log.error("%s: its hashes were not learnt: %s", path, printable(lesson.untaught))
        if problem := directory.remove(mail):
            log.error("%s was learnt and cannot be deleted: %s", path, problem)
        return True
