"""The scanner: bytes and an envelope go in, a verdict comes out."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from filter_engine import checks
from filter_engine.config.model import Config
from filter_engine.config.schema import Section
from filter_engine.dns.addresses import look_up
from filter_engine.dns.client import DnsClient
from filter_engine.dns.fake_records import FakeRecords
from filter_engine.dns.names import public_suffixes
from filter_engine.dns.statistics import DnsStatistics
from filter_engine.dns.system import client_for
from filter_engine.headers.milter_headers import MilterHeaders
from filter_engine.headers.privacy import with_privacy
from filter_engine.headers.sections import sections as sections  # also read from here
from filter_engine.maps.maps import Maps
from filter_engine.matching.budget import begin_message
from filter_engine.message import Message
from filter_engine.message.preload import preload
from filter_engine.rules.loader import site_rules
from filter_engine.scan.declare import REGISTRY, Registry
from filter_engine.scan.driver import Transport
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.metric import Decision, required_score
from filter_engine.scan.plan import make_plan
from filter_engine.scan.run import Run, wall_clock
from filter_engine.scan.settings import Chosen, Settings
from filter_engine.scan.setup import Setup
from filter_engine.scan.statistics import ScanStatistics
from filter_engine.scan.task import Task, client_ip
from filter_engine.scan.trace import Trace
from filter_engine.scan.trial import Trial
from filter_engine.scan.verdict import Action, PreResult, Verdict
from filter_engine.store.client import StoreClient
from filter_engine.streams.client import StreamClient
from filter_engine.streams.outbox import Outbox
from filter_engine.streams.world import World
from filter_engine.upstream.upstream_set import Health, Standing

if TYPE_CHECKING:
    from filter_engine.checks.remembered.ratelimit_rcpt import RecipientLimits

_MAX_ADDRESS = 320
TIMEOUT = PreResult(
    Action.SOFT_REJECT, "timeout processing message", "task timeout", priority=100, least=True
)


class Scanner:
    """Scans messages by one configuration. Made once before fork, shared by all tasks.

    A worker calls ``open`` after the fork; tests and replays give a ``transport`` instead.
    """

    def __init__(
        self,
        config: Config,
        registry: Registry = REGISTRY,
        *,
        transport: Transport | None = None,
        clock: Callable[[], float] = wall_clock,
        server: str | None = None,
    ) -> None:
        self.config = config
        self.registry = registry
        """The checks, the site's among them."""
        self.plan = with_privacy(make_plan(config, registry), config)
        self.maps = Maps(config)
        self.settings = Settings(config.settings, self.plan, self.maps)
        self.states = self._prepared()
        self._recipients: RecipientLimits | None = None
        if self.states.get("ratelimit") is not None:
            # A check registers itself when it is loaded: not before all are.
            from filter_engine.checks.remembered.ratelimit_rcpt import recipient_limits

            self._recipients = recipient_limits(self.states["ratelimit"], self.plan.sections)
        self.transport = transport
        self.statistics = ScanStatistics()
        self.server = server or socket.gethostname()
        self._dns: DnsClient | None = None
        self._streams: StreamClient | None = None
        self.stores: StoreClient | None = None
        """Of the worker, once it is open."""
        self._outbox: Outbox | None = None
        self._clock = clock
        self.headers = MilterHeaders.from_config(config, self.maps)

    @classmethod
    def from_config(
        cls,
        config: Config,
        *,
        transport: Transport | None = None,
        clock: Callable[[], float] = wall_clock,
        server: str | None = None,
    ) -> Scanner:
        """A scanner with the built-in checks and the site's, which read their keys and maps now."""
        checks.load()
        public_suffixes()
        preload()
        registry = site_rules(REGISTRY, config.variables).registry
        return cls(config, registry, transport=transport, clock=clock, server=server)

    def _prepared(self) -> dict[str, object]:
        """Check name -> its state, of all that are switched on."""
        setup, sections = Setup(self.config, self.maps), self.plan.sections
        states: dict[str, object] = {}
        for check in self.plan.checks:
            if check.prepare is not None:
                section = check.options or Section
                states[check.name] = check.prepare(sections.get(section) or section(), setup)
        return states

    def open(self, loop: asyncio.AbstractEventLoop, *, trial: bool = False) -> None:
        """Open DNS sockets and keep the maps fresh; once in each worker, after the fork.

        With ``trial`` no scan changes a store or sends a notice.
        """
        if self.transport is None:
            self._dns = client_for(self.config.options)
            self._dns.open(loop)
            fake = self.config.options.dns.fake_records
            resolver = FakeRecords(fake, self._dns) if fake else self._dns
            health = Health.of(self.config.options.upstream)
            self._streams = StreamClient(resolver, health)
            self._streams.open(loop)
            self.stores = StoreClient(resolver, health)
            self.stores.open(loop)
            world = World(resolver, self._streams, self.stores)
            self.transport = Trial(world) if trial else world
            self._outbox = None if trial else Outbox(self._streams, self.stores)
        self.maps.watch(loop, self.resolve)

    def resolve(self, host: str, done: Callable[[Sequence[str]], None]) -> None:
        """Hand the addresses of ``host`` over, none where it is not known; once it is open."""
        assert self.transport is not None
        look_up(self.transport, host, done)

    async def settle(self, seconds: float) -> None:
        """Give what is sent after a verdict that time to arrive; for the end of a worker."""
        if self._outbox is not None:
            await self._outbox.settle(seconds)

    def close(self) -> None:
        """Close what ``open`` opened; questions still open are answered TEMPFAIL."""
        self.maps.close()
        if self._streams is not None:
            self._streams.close()
            self._streams = self._outbox = None
        if self.stores is not None:
            self.stores.close()
            self.stores = None
        if self._dns is not None:
            self._dns.close()
            self.transport = self._dns = None

    @property
    def dns_statistics(self) -> DnsStatistics | None:
        """Counters of the worker's DNS client; None while it has none."""
        return None if self._dns is None else self._dns.statistics

    def standings(self) -> list[Standing]:
        """How the servers stand that this worker asked: resolvers, stores, services."""
        found: list[Standing] = []
        if self._dns is not None:
            found += self._dns.standings()
        if self._streams is not None:
            found += self._streams.standings()
        if self.stores is not None:
            found += self.stores.standings()
        return found

    @property
    def required_score(self) -> float:
        """The score that is shown as the limit; ``nan`` when every action is off."""
        return required_score(self.plan.thresholds)

    async def scan(
        self,
        raw: bytes,
        envelope: Envelope,
        *,
        task_timeout: float | None = None,
        trace: Callable[[Trace], None] | None = None,
        trial: bool = False,
    ) -> Verdict:
        """Scan one message. ``task_timeout`` (seconds) overrides the configured deadline; ``trace``
        is told how the verdict came about; a ``trial`` changes no store and sends no notice.

        Raises RuntimeError without a transport; nothing for any message.
        """
        if self.transport is None:
            raise RuntimeError("the scanner has no transport: open the worker's DNS client first")
        began = time.monotonic()
        limit = self.config.options.task_timeout if task_timeout is None else task_timeout
        begin_message()
        task = self.task(raw, envelope)
        chosen = self.settings.choose(task)
        plan = self.plan if chosen is None else chosen.plan
        if chosen is not None and chosen.skip:
            if trace is not None:
                nothing = Decision(Action.NO_ACTION, 0.0, ())
                trace(Trace(task, plan, chosen, (), (), None, (), nothing))
            return self._whitelisted(task, chosen, time.monotonic() - began)
        task.scores = plan.scores
        if chosen is not None:
            task.settings_id = chosen.id
        run = Run(task, plan, self.statistics)
        if chosen is not None:
            run.findings.extend(chosen.findings)
        flags = envelope.flags if chosen is None else envelope.flags.union(chosen.apply.flags)
        await run.stages(
            Trial(self.transport) if trial else self.transport,
            asyncio.get_running_loop().time() + limit,
            pass_all="pass_all" in flags,
            on_timeout=TIMEOUT if self.config.options.soft_reject_on_timeout else None,
        )
        decision = run.decision()
        # The run and its task no longer know each other: both go at once, without the collector.
        task.decide = lambda: decision
        verdict = self._verdict(task, run, decision, chosen, time.monotonic() - began)
        self.statistics.timeouts += run.timed_out
        if self._outbox is not None and not trial:
            self._outbox.put(run.notices)
        if trace is not None:
            found, weighed = tuple(run.findings), tuple(run.scoring.weighed)
            pre_results = tuple(run.pre_results)
            matched = run.scoring.matched
            trace(Trace(task, plan, chosen, found, weighed, matched, pre_results, decision))
        return verdict

    @property
    def limits_recipients(self) -> bool:
        """Whether ``refused_recipient`` could ever refuse one."""
        return self._recipients is not None

    async def refused_recipient(self, envelope: Envelope) -> str | None:
        """Why the one recipient of ``envelope`` is refused for now, before the message comes; None
        when it is not, or that cannot be told. Raises nothing."""
        if self._recipients is None or self.stores is None:
            return None
        task = self.task(b"", envelope)
        chosen = self.settings.choose(task)
        if chosen is not None and chosen.skip:
            return None
        plan = self.plan if chosen is None else chosen.plan
        if not any(check.name == "ratelimit" for stage in plan.stages for check in stage.asking):
            return None
        return await self._recipients.refused(task, self.stores)

    def _whitelisted(self, task: Task, chosen: Chosen, seconds: float) -> Verdict:
        """The verdict on mail that the settings leave alone: what was forged is removed."""
        decision = Decision(Action.NO_ACTION, 0.0, ())
        required = self.required_score
        edits = self.headers.edits(task, decision, required, chosen.apply, results=False)
        return Verdict(
            Action.NO_ACTION,
            0.0,
            required,
            message_id=task.message.message_id,
            time_real=seconds,
            skipped=True,
            edits=edits,
            task=task,
        )

    def task(self, raw: bytes, envelope: Envelope) -> Task:
        """A message with its envelope as checks see it, before any of them ran."""
        ip = client_ip(envelope.ip)
        message = Message(raw)
        if envelope.mail_from is None:  # of a file, or asked without the envelope
            envelope = _with_return_path(envelope, message)
        return Task(
            message=message,
            envelope=envelope,
            sections=self.plan.sections,
            now=self._clock(),
            server=self.server,
            local=ip is None or self.config.options.is_local(ip),
            ip=ip,
            states=self.states,
        )

    def _verdict(
        self, task: Task, run: Run, decision: Decision, chosen: Chosen | None, seconds: float
    ) -> Verdict:
        message = task.message
        urls = message.urls[: self.config.options.max_urls]
        required = required_score((self.plan if chosen is None else chosen.plan).thresholds)
        edits = self.headers.edits(task, decision, required, chosen.apply if chosen else None)
        if run.headers:
            edits = edits.joined(run.headers)
        pre = decision.pre_result
        template = (chosen.apply.subject if chosen else "") or self.config.actions.subject
        return Verdict(
            action=decision.action,
            score=decision.score,
            required_score=required,
            symbols=decision.symbols,
            messages=_messages(decision, chosen),
            subject=_subject(message, decision, pre.subject if pre and pre.subject else template),
            urls=tuple(dict.fromkeys([url.host for url in urls])) if urls else (),
            emails=tuple(dict.fromkeys([address.email for address in message.emails])),
            message_id=message.message_id,
            time_real=seconds,
            edits=edits,
            signatures=tuple(run.signatures),
            unfinished=tuple(run.unfinished),
            lost_stores=tuple(task.lost_stores),
            timed_out=run.timed_out,
            task=task,
        )


def _with_return_path(envelope: Envelope, message: Message) -> Envelope:
    """The sender that the last MTA wrote down (RFC 5321, section 4.4), as Rspamd takes it."""
    field = message.get("return-path")
    text = "" if field is None else field.value.strip()
    sender = text[1:-1] if text[:1] == "<" and text[-1:] == ">" else text
    if not text or len(sender) > _MAX_ADDRESS or any(char.isspace() for char in sender):
        return envelope
    return replace(envelope, mail_from=sender)


def _messages(decision: Decision, chosen: Chosen | None) -> dict[str, str]:
    """The texts of the reply: those of the settings, then that of a pre-result."""
    messages = {} if chosen is None else dict(chosen.apply.messages)
    if decision.message is not None:
        messages["smtp_message"] = decision.message
    return messages


def _subject(message: Message, decision: Decision, template: str) -> str | None:
    if decision.action is not Action.REWRITE_SUBJECT:
        return None
    old = message.subject or ""
    return template.replace("%d", f"{decision.score:.2f}").replace("%s", old)
