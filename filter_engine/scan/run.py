"""One scan from its first stage to its verdict."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from filter_engine.scan.declare import Check, Returned, Stage
from filter_engine.scan.driver import Driver, Transport
from filter_engine.scan.exchange import Exchange
from filter_engine.scan.metric import Decision, Scoring
from filter_engine.scan.plan import Plan, StagePlan
from filter_engine.scan.statistics import ScanStatistics
from filter_engine.scan.store import StoreQuestion
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import AddHeader, Finding, Outcome, PreResult, RemoveHeader

log = logging.getLogger(__name__)


class Run:
    """Collects what the checks of one task return. A check that raises is lost alone."""

    def __init__(self, task: Task, plan: Plan, statistics: ScanStatistics) -> None:
        self.task = task
        self.findings: list[Finding] = []
        task.findings = self.findings
        self.pre_results: list[PreResult] = []
        self.signatures: list[str] = []
        self.headers: list[AddHeader | RemoveHeader] = []
        self.notices: list[Exchange | StoreQuestion] = []
        self.unfinished: list[str] = []
        self.timed_out = False
        self._decided: tuple[object, Decision] | None = None
        self._plan = plan
        self._statistics = statistics
        self.scoring = Scoring(
            plan.scores, plan.thresholds, plan.caps, plan.composites, plan.grow_factor
        )

    async def stages(
        self,
        transport: Transport,
        deadline: float,
        *,
        pass_all: bool = False,
        on_timeout: PreResult | None = None,
    ) -> None:
        """Run every stage in order; ``deadline`` is in the event loop's time.

        A pre-result that stops leaves out the stages after its own, but for the checks that run
        nevertheless; with ``pass_all`` nothing is left out. ``on_timeout`` is the pre-result of a
        task whose deadline has passed.
        """
        empty = not self.task.message.raw
        now, took = time.perf_counter, self._statistics.took  # the loop's time is in milliseconds
        for planned in self._plan.stages:
            stage = planned
            if stage.stage >= Stage.POSTFILTER:
                self.task.decide = self.decision
            if stage.stage is Stage.IDEMPOTENT:
                self._time_out(on_timeout)
            elif not pass_all and any(pre.stops for pre in self.pre_results):
                stage = stage.only(lambda check: check.after_pre_result)
            if empty:
                stage = stage.only(lambda check: check.on_empty)
            if stage.asking or stage.plain:
                began = now()
                await self._stage(stage, transport, deadline)
                took(stage.stage, now() - began)
        self._time_out(on_timeout)

    def decision(self) -> Decision:
        """Symbols, score and action of all that was found so far."""
        self.scoring.add(self.findings)
        seen = (len(self.findings), len(self.pre_results), self.scoring.thresholds)
        if self._decided is None or self._decided[0] != seen:
            self._decided = seen, self.scoring.decision(self.pre_results)
        return self._decided[1]

    def _time_out(self, on_timeout: PreResult | None) -> None:
        if self.timed_out and on_timeout is not None and on_timeout not in self.pre_results:
            self.pre_results.append(on_timeout)

    async def _stage(self, stage: StagePlan, transport: Transport, deadline: float) -> None:
        if not stage.asking:
            self._run_plain(stage, deadline, None)
            return
        driver = Driver(self.task, transport, self, [check.name for check in stage.plain])
        driver.start(stage.asking)
        self._run_plain(stage, deadline, driver)
        driver.plain_over()
        if not driver.idle:
            await self._barrier(driver, deadline)

    def _run_plain(self, stage: StagePlan, deadline: float, driver: Driver | None) -> None:
        """One flat loop, as a message meets some fifty plain checks."""
        task, results, take = self.task, self.task.results, self._take
        now = asyncio.get_running_loop().time
        awaited: Mapping[str, object] = {} if driver is None else driver.awaited
        at_the_end = stage.stage is Stage.IDEMPOTENT  # it asks nobody, and others want to know
        for check in stage.plain:
            name = check.name
            if at_the_end or now() < deadline:
                try:
                    run: Any = check.run  # of plain checks a PlainCheck; a cast costs
                    returned = run(task)
                    if returned or type(returned) not in _NOTHING:
                        results[name] = take(check, returned)
                    else:
                        results[name] = None  # nearly all
                except Exception as error:
                    self.failed(check, error)
            else:
                self.timed_out = True
                self.unfinished.append(name)
            if name in awaited and driver is not None:
                driver.plain_done(name)

    async def _barrier(self, driver: Driver, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        idle = loop.create_future()

        def done() -> None:
            if not idle.done():
                idle.set_result(None)

        def expire() -> None:
            self.timed_out = True
            driver.expire()
            done()

        driver.when_idle = done
        timer = loop.call_at(deadline, expire)
        try:
            await idle
        finally:
            timer.cancel()

    def _take(self, check: Check, returned: Returned) -> object:
        """Take all of it or, of a wrong type, nothing: raises TypeError."""
        if returned is None or (not returned and type(returned) is list):
            return None
        if not isinstance(returned, Outcome):
            self.findings.extend(_findings(check, returned))
            return None
        findings = _findings(check, returned.findings)
        if returned.pre_result is not None and not isinstance(returned.pre_result, PreResult):
            raise TypeError(_wrong(check, returned.pre_result, "PreResult"))
        for one in returned.signatures:
            if not isinstance(one, str):
                raise TypeError(_wrong(check, one, "str in signatures"))
        for header in returned.headers:
            if not isinstance(header, (AddHeader, RemoveHeader)):
                raise TypeError(_wrong(check, header, "AddHeader or RemoveHeader in headers"))
        for notice in returned.notices:
            if not isinstance(notice, Exchange | StoreQuestion):
                raise TypeError(_wrong(check, notice, "Exchange or StoreQuestion in notices"))
        self.findings.extend(findings)
        self.signatures.extend(returned.signatures)
        self.headers.extend(returned.headers)
        self.notices.extend(returned.notices)
        if returned.without:
            self.scoring.leave_out(returned.without)
        if returned.pre_result is not None:
            self.pre_results.append(returned.pre_result)
        return returned.value

    def finished(self, check: Check, returned: Returned) -> object:
        """Sink of the driver: take what an asking check returned."""
        try:
            return self._take(check, returned)
        except Exception as error:
            self.failed(check, error)
            return None

    def failed(self, check: Check, error: Exception) -> None:
        """Sink of the driver: the check is lost, counted, and logged the first time."""
        self.unfinished.append(check.name)
        self._statistics.check_errors[check.name] += 1
        if self._statistics.check_errors[check.name] == 1:
            log.error(
                "check %s failed: %s (counted from now on, not logged again)",
                check.name,
                error or type(error).__name__,
                exc_info=error,
            )


_is_text = str.__instancecheck__
_NOTHING = (list, type(None))
"""Types of what a check returns that has found nothing."""


def _findings(check: Check, returned: Iterable[Finding]) -> Collection[Finding]:
    """What a check returned, looked at; a site's rules are not type-checked before they run."""
    try:
        found = returned if isinstance(returned, (list, tuple)) else tuple(returned)
    except TypeError:
        raise TypeError(_wrong(check, returned, "list of Finding, an Outcome or None")) from None
    for one in found:
        if not isinstance(one, Finding):
            raise TypeError(_wrong(check, one, "Finding"))
        if not (
            isinstance(one.symbol, str)
            and isinstance(one.weight, (int, float))
            and isinstance(one.evidence, str)
            and isinstance(one.options, (tuple, list))
            and (not one.options or all(map(_is_text, one.options)))
        ):
            raise TypeError(
                f"check {check.name} returned a Finding of {one.symbol!r:.80} with a wrong type: "
                "symbol and evidence are texts, options texts in a tuple, weight is a number"
            )
    return found


def _wrong(check: Check, found: object, wanted: str) -> str:
    return f"check {check.name} returned {found!r:.80} where a {wanted} is due"


def wall_clock() -> float:
    """Seconds since the epoch; one place to fix the day in comparisons with a recording."""
    return time.time()
