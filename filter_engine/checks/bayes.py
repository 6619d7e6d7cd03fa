"""Statistics over words: what a message is likely to be, and learning by the own verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor
from typing import Final, NamedTuple

from filter_engine.checks.trapped import trapped
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome
from filter_engine.statistics.bayes import Counts, Judgement
from filter_engine.statistics.classifier import Classifier, classifiers, numbers_of
from filter_engine.statistics.options import AutolearnOptions, ClassifiersOptions
from filter_engine.statistics.stop_words import stop_words
from filter_engine.statistics.tokens import Tokens, tokens_of

_GROUP: Final = ("statistics",)
_SURE: Final = 0.95
"""Probability from which a message is of a class anyway and is not learnt."""
_FEW: Final = 3
"""With more negative symbols a message is ham although its score is above zero."""


class Judged(NamedTuple):
    """What one classifier said of a message."""

    classifier: Classifier
    tokens: Tokens
    user: str
    counts: Counts | None
    judgement: Judgement


def _prepare(options: ClassifiersOptions, setup: Setup) -> tuple[Classifier, ...]:
    found = classifiers(setup, options.every)
    if found:
        stop_words()  # read before the fork
    return found


def _own_symbols(options: ClassifiersOptions) -> Iterator[Symbol]:
    for one in options.every:
        for symbol in one.symbols:
            if symbol not in ("", "BAYES_SPAM", "BAYES_HAM"):
                score = 5.1 if symbol == one.symbols[0] else -3.0
                yield Symbol(symbol, score, "A class of a site's own classifier", _GROUP)


@check(
    "bayes_learns",
    module="classifier",
    options=ClassifiersOptions,
    stage=Stage.PREFILTER,
    symbols=(),
    prepare=_prepare,
)
async def bayes_learns(task: Task, ask: Ask) -> Outcome | None:
    """How many messages each classifier has learnt: without enough of them no words are looked at.

    The question leaves together with those of greylisting, rate limits and answers, so that these
    and the statistics need two round trips in all.
    """
    wanted = _wanted(task)
    if not wanted:
        return None
    # the words have to be looked at before their language is known
    enough = [c for c in wanted if c.options.has_languages]
    asked = [c for c in wanted if not c.options.has_languages]
    answers = await ask.all(*(ask.store(c.learnt(c.user(task.envelope))) for c in asked))
    for classifier, answer in zip(asked, answers, strict=True):
        if answer.ok:
            learnt = numbers_of(answer)
            if min(learnt) >= max(classifier.limits.min_learns, 1):
                enough.append(classifier)
    return Outcome(value=tuple(enough))


def _wanted(task: Task) -> list[Classifier]:
    if "no_stat" in task.envelope.flags:
        return []
    state: tuple[Classifier, ...] = task.state("bayes_learns") or ()
    return [c for c in state if task.is_wanted(c.spam) and task.is_wanted(c.ham)]


@check(
    "bayes",
    module="classifier",
    options=ClassifiersOptions,
    stage=Stage.CLASSIFIER,
    symbols=(
        Symbol("BAYES_SPAM", 5.1, "Message probably spam, probability: ", _GROUP),
        Symbol("BAYES_HAM", -3.0, "Message probably ham, probability: ", _GROUP),
    ),
    symbols_of=_own_symbols,
    needs=("bayes_learns",),
)
async def bayes(task: Task, ask: Ask) -> Outcome | None:
    """Whether the words of a message were seen in spam or in ham."""
    wanted: tuple[Classifier, ...] = task.results.get("bayes_learns") or ()
    if not wanted:
        return None
    tokens = tokens_of(task.message, _policies(task))
    asked = [c for c in wanted if not c.fits(tokens)]
    users = [c.user(task.envelope) for c in asked]
    answers = await ask.all(
        *(ask.store(c.look_up(tokens, user)) for c, user in zip(asked, users, strict=True))
    )
    found: list[Finding] = []
    judged: list[Judged] = []
    for classifier, user, answer in zip(asked, users, answers, strict=True):
        counts, said = classifier.judge(answer, tokens)
        judged.append(Judged(classifier, tokens, user, counts, said))
        if said.spam is not None:
            found.append(_finding(classifier, said, counts, tokens))
    return Outcome(tuple(found), value=tuple(judged))


def _finding(
    classifier: Classifier, said: Judgement, counts: Counts | None, tokens: Tokens
) -> Finding:
    known = sum(many for *_, many in counts.known) if counts else 0
    evidence = (
        f"{classifier.store}: {known} of {len(tokens.values)} tokens known, {said.used} counted"
    )
    symbol = classifier.spam if said.spam else classifier.ham
    shown = floor(said.certainty * 10_000) / 100  # Rspamd cuts off, and headers are compared
    return Finding(symbol, (f"{shown:.2f}%",), said.weight, evidence)


def _policies(task: Task) -> list[str]:
    """What of SPF and DKIM passed, as it is a word of the message."""
    found = []
    trace: Sequence[str] = ()
    for finding in task.findings:
        if finding.symbol == "R_SPF_ALLOW":
            found = ["s=pass"]
        elif finding.symbol == "DKIM_TRACE":
            trace = finding.options
    if not trace:
        return []
    return [*found, *(f"d=pass:{option[:-2]}" for option in trace if option.endswith(":+"))]


@check(
    "bayes_autolearn",
    module="classifier",
    options=ClassifiersOptions,
    stage=Stage.IDEMPOTENT,
    symbols=(),
    needs=("bayes",),
)
def bayes_autolearn(task: Task) -> Outcome | None:
    """Learn what the filter is sure of by all that it knows but these statistics."""
    spam_trap = trapped(task).as_spam
    learning = [
        c for c in _wanted(task) if c.options.allow_learn and (c.options.autolearn or spam_trap)
    ]
    if not learning:
        return None
    judged = {one.classifier: one for one in task.results.get("bayes") or ()}
    questions = []
    for classifier in learning:
        rules = classifier.options.autolearn
        known = judged.get(classifier)
        if spam_trap:
            spam = None if known and (known.judgement.probability or 0.0) >= _SURE else True
        else:
            spam = lesson(task, rules, classifier, known) if rules is not None else None
        if spam is not None:
            tokens = known.tokens if known else tokens_of(task.message, _policies(task))
            if not classifier.fits(tokens):
                user = classifier.user(task.envelope)
                questions.append(classifier.learn(tokens, user, spam=spam))
    return Outcome(notices=tuple(questions)) if questions else None


def lesson(
    task: Task, rules: AutolearnOptions, classifier: Classifier, judged: Judged | None
) -> bool | None:
    """Whether a message is to be learnt as spam (True) or ham, None: not at all."""
    spam = _class_of(task, rules)
    if spam is None:
        return None
    names = {finding.symbol for finding in task.findings}
    if (classifier.spam if spam else classifier.ham) in names:
        return None  # it knows
    if judged is None:
        return spam
    said = judged.judgement.probability
    if said is not None and (said >= _SURE if spam else said <= 1.0 - _SURE):
        return None
    if rules.check_balance and judged.counts is not None:
        mine, other = judged.counts.learnt_spam, judged.counts.learnt_ham
        if not spam:
            mine, other = other, mine
        if mine / (other + 1) > 1.0 / max(rules.min_balance, 0.01):
            return None
    return spam


def _class_of(task: Task, rules: AutolearnOptions) -> bool | None:
    decision = task.decision
    score = decision.score
    if rules.by_score:
        low = 0.0 if rules.ham_threshold is None else rules.ham_threshold
        if rules.spam_threshold is None:  # autolearn = true
            return True if decision.action is Action.REJECT else False if score < low else None
        return True if score >= rules.spam_threshold else False if score <= low else None
    if decision.pre_result is not None:
        return None
    verdict = verdict_word(task, score, decision.action)
    if rules.spam_threshold is not None and rules.ham_threshold is not None:
        if verdict == "spam":
            return True if score >= rules.spam_threshold else None
        if verdict == "junk":
            junk = rules.junk_threshold
            return True if junk is not None and score >= junk else None
        if verdict == "ham":
            return False if score <= rules.ham_threshold else None
        return None
    if rules.learn_verdict:
        return {"spam": True, "junk": True, "ham": False}.get(verdict)
    return None


def verdict_word(task: Task, score: float, action: Action) -> str:
    """Rspamd's word for a message (lua_verdict)."""
    scores = [symbol.score for symbol in task.decision.symbols]
    positive = sum(1 for value in scores if value > 0.0)
    if action is Action.REJECT:
        return "spam" if positive > 1 else "uncertain"
    if action is Action.NO_ACTION:
        negative = sum(1 for value in scores if value < 0.0)
        return "ham" if score < 0.0 or negative > _FEW else "uncertain"
    if action in (Action.ADD_HEADER, Action.REWRITE_SUBJECT):
        return "junk" if positive > 2 else "uncertain"
    return "uncertain"
