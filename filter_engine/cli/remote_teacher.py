"""Teaching through a controller, for commands on another host."""

from __future__ import annotations

import asyncio
import json

from filter_engine.cli.remote import AskError, Controller
from filter_engine.lazy_dataclass import frozen
from filter_engine.statistics.learning import LearnStatus, Lesson
from filter_engine.training.lessons import LessonsRefusedError

_FATAL = frozenset({0, 401, 403, 404})
"""No reply, no right, no classifier: the next message would fare no better."""


@frozen
class RemoteTeacher:
    """What ``training.teacher.Teacher`` does, done by a controller."""

    controller: Controller
    classifier: str = ""

    async def learn(
        self,
        raw: bytes,
        *,
        spam: bool,
        rcpt: str = "",
        unlearn: bool = False,
        bulk: bool = False,  # noqa: ARG002  # what is certain anyway the controller refuses
    ) -> Lesson:
        """One lesson. Raises ``LessonsRefusedError`` when no other would fare better."""
        said = {
            "Deliver-To": rcpt,
            "Classifier": self.classifier,
            "Unlearn": "yes" if unlearn else "",
        }
        headers = {name: value for name, value in said.items() if value}
        endpoint = "learnspam" if spam else "learnham"
        try:
            status, body = await asyncio.to_thread(
                self.controller.ask, "POST", endpoint, raw, headers
            )
        except AskError as error:
            if error.status in _FATAL:
                raise LessonsRefusedError(str(error)) from error
            return Lesson(LearnStatus.FAILED, str(error))
        if status == 208:
            return Lesson(LearnStatus.NOT_LEARNT if unlearn else LearnStatus.KNOWN)
        if status == 204:
            return Lesson(LearnStatus.REFUSED, "too short, or of that class for sure already")
        done = LearnStatus.UNLEARNED if unlearn else LearnStatus.LEARNED
        return Lesson(done, untaught=_untaught(body))

    async def learnt(self) -> dict[str, tuple[int, int]]:
        """What the classifiers know is asked elsewhere (``filter-engine stat``)."""
        return {}


def _untaught(body: bytes) -> str:
    """Why storages of fuzzy hashes did not learn, as the controller says it."""
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    return str(said.get("hashes_not_learnt", "")) if isinstance(said, dict) else ""
