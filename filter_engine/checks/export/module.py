"""The check that writes the notices; the worker's outbox sends them once the verdict is given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from filter_engine.checks.export.backends import beanstalk, http, send_mail
from filter_engine.checks.export.metadata import alert, as_json, headers, metadata, multipart
from filter_engine.checks.export.options import ExportOptions, ExportRule, problem_of
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.exchange import Exchange
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Outcome

_SPAM: Final = frozenset({Action.REJECT, Action.ADD_HEADER, Action.REWRITE_SUBJECT})


def _symbol(name: str) -> str:
    return f"EXPORT_METADATA_{name}"


def _symbols(options: ExportOptions) -> Iterator[Symbol]:
    for name, rule in options.rules.items():
        if rule.enabled and not problem_of(rule):
            about = f"Mail that is told to others by {rule.backend}"
            yield Symbol(_symbol(name), 0.0, about)


def _prepare(options: ExportOptions, _setup: Setup) -> tuple[tuple[str, ExportRule], ...]:
    rules = options.rules.items()
    return tuple((name, rule) for name, rule in rules if rule.enabled and not problem_of(rule))


@check(
    "metadata_exporter",
    stage=Stage.IDEMPOTENT,
    symbols=(),
    options=ExportOptions,
    symbols_of=_symbols,
    prepare=_prepare,
    on_empty=True,
)
def metadata_exporter(task: Task) -> Outcome | None:
    """Notices about the mail, by the rules that select it; they set no symbol."""
    notices = []
    for name, rule in task.state("metadata_exporter") or ():
        if task.is_wanted(_symbol(name)) and _is_selected(task, name, rule):
            notice = _notice(task, name, rule)
            if notice is not None:
                notices.append(notice)
    return Outcome(notices=tuple(notices)) if notices else None


def _is_selected(task: Task, name: str, rule: ExportRule) -> bool:
    action = task.decision.action
    selector = rule.selector.removesuffix("_authed")
    if selector != rule.selector and not task.authenticated:
        return False
    selected = {
        "default": True,
        "is_spam": action in _SPAM,
        "is_reject": action is Action.REJECT,
        "is_not_soft_reject": action is not Action.SOFT_REJECT,
    }[selector]
    return selected and (rule.probability >= 1.0 or _chance(task, name) < rule.probability)


def _chance(task: Task, name: str) -> float:
    """A number from 0 to 1 that is always the same for a message and rule."""
    digest = hashlib.blake2b(task.message.raw, key=name.encode()[:64], digest_size=8).digest()
    return int.from_bytes(digest) / 2.0**64


def _targets(task: Task, rule: ExportRule) -> tuple[str, ...]:
    found = list(rule.mail_to)
    if rule.formatter == "email_alert":
        envelope = task.envelope
        found += [envelope.mail_from] if rule.email_alert_sender and envelope.mail_from else []
        found += [envelope.user] if rule.email_alert_user and envelope.user else []
        found += envelope.rcpt_to if rule.email_alert_recipients else ()
    return tuple(dict.fromkeys(found))


def _notice(task: Task, name: str, rule: ExportRule) -> Exchange | None:
    targets, content_type = _targets(task, rule), ""
    if rule.formatter == "json":
        body = as_json(metadata(task))
    elif rule.formatter == "headers":
        body = headers(task, rule)
    elif rule.formatter == "email_alert":
        seed = f"{name} {task.now} {task.envelope.queue_id}".encode() + task.message.raw
        number = hashlib.blake2b(seed, digest_size=12).hexdigest()
        body = alert(task, rule, targets, number)
    elif rule.formatter == "multipart":
        body, content_type = multipart(task)
    else:
        body = task.message.raw
    if rule.backend == "http":
        return http(task, rule, body, content_type)
    if rule.backend == "beanstalk":
        return beanstalk(rule, body)
    return send_mail(rule, body, targets)
