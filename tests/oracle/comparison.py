"""Counts what two engines say of the same messages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .recording import Reply, Sample

EXAMPLES = 3
"""Messages named for each difference."""
CLOSE = 0.5
"""Scores this near count as the same."""
BALANCED = 0.2
"""Sums of a group this near count as the same: another symbol was cut."""
_SAME = 0.005


@dataclass
class Comparison:
    """What was found over all messages. "Missing" fired at Rspamd alone, "extra" here alone."""

    messages: int = 0
    same_action: int = 0
    close_score: int = 0
    hits: int = 0
    """Symbols with a score that fired on both sides."""
    missing: Counter[str] = field(default_factory=Counter)
    extra: Counter[str] = field(default_factory=Counter)
    missing_unweighted: Counter[str] = field(default_factory=Counter)
    extra_unweighted: Counter[str] = field(default_factory=Counter)
    other_score: Counter[str] = field(default_factory=Counter)
    other_options: Counter[str] = field(default_factory=Counter)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(theirs, ours) where they differ."""
    unbalanced: Counter[str] = field(default_factory=Counter)
    """Messages on which not even the sum of a symbol's group with a limit is the same."""
    causes: defaultdict[tuple[str, str], Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    """(theirs, ours) of actions -> the symbols whose scores differ there."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Symbol -> its group, for groups with a limit."""
    seen: set[str] = field(default_factory=set)
    """Every symbol Rspamd fired."""
    examples: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def recall(self) -> float:
        """Of the symbols with a score that Rspamd fired, those that fire here."""
        return self.hits / max(1, self.hits + self.missing.total())

    @property
    def precision(self) -> float:
        """Of the symbols with a score that fire here, those that Rspamd fired."""
        return self.hits / max(1, self.hits + self.extra.total())

    @property
    def action_share(self) -> float:
        """Messages with the same action."""
        return self.same_action / max(1, self.messages)

    @property
    def close_share(self) -> float:
        """Messages whose scores differ by at most ``CLOSE``."""
        return self.close_score / max(1, self.messages)

    def differences(self) -> dict[str, int]:
        """Symbol -> messages on which it differs in being there or in its score."""
        found: Counter[str] = Counter()
        for counted in (
            *(self.missing, self.extra, self.missing_unweighted, self.extra_unweighted),
            self.other_score,
        ):
            found.update(counted)
        return dict(found.most_common())

    def add(self, sample: Sample, theirs: Reply, ours: Reply) -> None:
        """Count one message."""
        self.messages += 1
        self.seen |= theirs.symbols.keys()
        self.close_score += abs(theirs.score - ours.score) <= CLOSE + 1e-9
        if theirs.action == ours.action:
            self.same_action += 1
        else:
            self.actions[theirs.action, ours.action] += 1
            self.causes[theirs.action, ours.action].update(_differing(theirs, ours))
            self._note(f"{theirs.action} -> {ours.action}", sample)
        self._balance(theirs, ours)
        for name, score in theirs.symbols.items():
            if name in ours.symbols:
                self._both(name, sample, theirs, ours)
            else:
                (self.missing if score else self.missing_unweighted)[name] += 1
                self._note(name, sample)
        for name in ours.symbols.keys() - theirs.symbols.keys():
            (self.extra if ours.symbols[name] else self.extra_unweighted)[name] += 1
            self._note(name, sample)

    def _balance(self, theirs: Reply, ours: Reply) -> None:
        names = set(_differing(theirs, ours))
        for group in {self.groups[name] for name in names if name in self.groups}:
            sums = [
                sum(
                    score for name, score in reply.symbols.items() if self.groups.get(name) == group
                )
                for reply in (theirs, ours)
            ]
            if abs(sums[0] - sums[1]) <= BALANCED + 1e-4:
                names -= {name for name in names if self.groups.get(name) == group}
        self.unbalanced.update(names)

    def _both(self, name: str, sample: Sample, theirs: Reply, ours: Reply) -> None:
        if theirs.symbols[name]:
            self.hits += 1
        if abs(theirs.symbols[name] - ours.symbols[name]) > _SAME:
            self.other_score[name] += 1
            self._note(name, sample)
        if sorted(theirs.options.get(name, ())) != sorted(ours.options.get(name, ())):
            self.other_options[name] += 1

    def _note(self, what: str, sample: Sample) -> None:
        if len(self.examples[what]) < EXAMPLES:
            self.examples[what].append(sample.path)


def _differing(theirs: Reply, ours: Reply) -> Iterator[str]:
    """The symbols that add something else."""
    for name in theirs.symbols.keys() | ours.symbols.keys():
        if abs(theirs.symbols.get(name, 0.0) - ours.symbols.get(name, 0.0)) > _SAME:
            yield name


def compare(
    replies: Iterable[tuple[Sample, Reply, Reply]], groups: Mapping[str, str] | None = None
) -> Comparison:
    """Count (sample, theirs, ours) of every message; ``groups``: symbol -> group with a limit."""
    found = Comparison(groups=groups or {})
    for sample, theirs, ours in replies:
        found.add(sample, theirs, ours)
    return found
