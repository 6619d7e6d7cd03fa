"""Lessons one after the other while something breaks: for how long was nothing learned?"""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from itertools import pairwise
from typing import Self

from lab.errors import LabError
from mailflow import lessons
from mailflow.remote import ENGINE, Remote
from mailflow.trial import Site

EVERY = 0.3
"""Seconds between two lessons."""


class Learning:
    """Teaches a host's classifier for as long as the context lasts."""

    def __init__(self, site: Site, host: str) -> None:
        self._teacher = Remote(site.lab, host, "teach.py", python=ENGINE)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._topic = uuid.uuid4().hex
        self.learned: list[float] = []
        """When a lesson was taken, in seconds of the machine's monotonic clock."""
        self.refused: list[str] = []
        """Why others were not."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._teacher.close()

    @property
    def longest_pause(self) -> float:
        """Seconds in which nothing was learned."""
        return max((b - a for a, b in pairwise(self.learned)), default=0.0)

    def summary(self) -> str:
        """One line for people: the pause, and what was said to lessons that were not taken."""
        why = "; ".join(
            f"{count} times {reason[:100]!r}"
            for reason, count in Counter(self.refused).most_common(3)
        )
        pause = f"nothing learned for {self.longest_pause:.1f} s at most"
        return f"{pause}, {len(self.refused)} lessons refused ({why})" if why else pause

    def again(self, seconds: float = 60.0) -> None:
        """Wait until a lesson is taken that was begun after now; raises LabError."""
        end, before = time.monotonic() + seconds, len(self.learned)
        while len(self.learned) < before + 2:
            if time.monotonic() > end:
                raise LabError(f"nothing learned within {seconds:g} s: {self.refused[-1:]}")
            time.sleep(0.1)

    def refusal(self, seconds: float = 30.0, *, with_word: str = "") -> str:
        """Wait for a lesson that is refused, for a reason with that word; return why.

        Raises LabError.
        """
        end, before = time.monotonic() + seconds, len(self.refused)
        while not (found := [why for why in self.refused[before:] if with_word in why]):
            if time.monotonic() > end:
                said = self.refused[before:][-1:] or "every lesson was taken"
                raise LabError(f"no refusal {with_word!r} for {seconds:g} s: {said}")
            time.sleep(0.1)
        return found[0]

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(EVERY):
            number += 1
            try:
                text = lessons.mail(self._topic, number)
                said = self._teacher.ask(90.0, spam=True, bulk=True, text=text)
            except LabError as error:
                self.refused.append(str(error))
                return
            if said["ok"]:
                self.learned.append(time.monotonic())
            else:
                self.refused.append(said["detail"])
