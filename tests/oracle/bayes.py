"""Bayes of this engine beside Rspamd's: both learn one half of a corpus and judge the other.

``python -m oracle.bayes`` (``make bench-bayes``). The corpus is not part of this project:
``CORPUS_DIR``, default ``../shared/corpus``, holds ``spamassassin-public.tar.xz`` and its index
(path, class, ...). Mails are dealt out by turns within each of its folders. Each filter learns by
its own means and is judged by its own training, in a Redis that is emptied in between.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .both import ONLY_BAYES, Both, Said
from .recording import PROJECT

CORPUS = Path(os.environ.get("CORPUS_DIR") or PROJECT.parent / "shared" / "corpus")
_NAME = "spamassassin-public"
_TRIES = 5


class Mail(NamedTuple):
    """One message and what people say it is."""

    path: str
    raw: bytes
    spam: bool


@dataclass(frozen=True)
class Result:
    """How one filter judged the mails."""

    name: str
    learning: float
    """Seconds."""
    judging: float
    judged: tuple[tuple[Mail, Said | None], ...]

    def counts(self, *, spam: bool) -> tuple[int, int, int]:
        """Of the mails of one class: called spam, called ham, neither."""
        said = [found.symbol if found else "" for mail, found in self.judged if mail.spam is spam]
        called_spam, called_ham = said.count("BAYES_SPAM"), said.count("BAYES_HAM")
        return called_spam, called_ham, len(said) - called_spam - called_ham

    @property
    def auc(self) -> float:
        """The chance that a spam is given a higher probability than a ham (ties count half)."""
        return area(
            [probability(said) for mail, said in self.judged if mail.spam],
            [probability(said) for mail, said in self.judged if not mail.spam],
        )


def probability(said: Said | None) -> float:
    """Of spam, by the symbol and the percentage shown, which is cut off at a hundredth."""
    if said is None:
        return 0.5
    certainty = float(said.percentage.rstrip("%")) / 200.0
    return 0.5 + certainty if said.symbol == "BAYES_SPAM" else 0.5 - certainty


def area(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The area under the ROC curve, by ranks (Mann and Whitney)."""
    marked = sorted([(value, True) for value in positive] + [(value, False) for value in negative])
    below = wins = 0.0
    at = 0
    while at < len(marked):
        end = at
        while end < len(marked) and marked[end][0] == marked[at][0]:
            end += 1
        ups = sum(1 for _, up in marked[at:end] if up)
        downs = end - at - ups
        wins += ups * (below + downs / 2.0)
        below += downs
        at = end
    return wins / (len(positive) * len(negative))


def corpus() -> Iterator[Mail]:
    """Every mail, in the order of the index."""
    lines = (CORPUS / f"{_NAME}.index.tsv").read_text().splitlines()
    classes = {path: kind for path, kind, *_ in (line.split("\t") for line in lines)}
    found: dict[str, bytes] = {}
    with tarfile.open(CORPUS / f"{_NAME}.tar.xz") as archive:
        for entry in archive:
            path = "/".join(entry.name.split("/")[-2:])
            file = archive.extractfile(entry) if path in classes else None
            if file is not None:
                found[path] = file.read()
    for path, kind in classes.items():
        yield Mail(path, found[path], kind == "spam")


def halves(mails: Sequence[Mail]) -> tuple[list[Mail], list[Mail]]:
    """What is learnt and what is judged: by turns within each folder."""
    sides: tuple[list[Mail], list[Mail]] = ([], [])
    seen: dict[str, int] = {}
    for mail in mails:
        folder = mail.path.partition("/")[0]
        turn = seen[folder] = seen.get(folder, -1) + 1
        sides[turn % 2].append(mail)
    return sides


def compare(learnt: Sequence[Mail], judged: Sequence[Mail]) -> tuple[Result, Result]:
    """This engine's result, and Rspamd's."""
    lessons = [(mail.raw, mail.spam) for mail in learnt]
    raws = [mail.raw for mail in judged]
    with tempfile.TemporaryDirectory() as folder:
        both = Both(Path(folder))
        try:
            began = time.monotonic()
            both.learn(lessons)
            taught = time.monotonic()
            said = both.say(raws)
            ended = time.monotonic()
            ours = Result(
                "this engine", taught - began, ended - taught, tuple(zip(judged, said, strict=True))
            )
            both.forget()
            began = time.monotonic()
            for raw, spam in lessons:
                _patiently(both.rspamd_learns, raw, spam)
            taught = time.monotonic()
            said = [_patiently(both.rspamd_says, raw, ONLY_BAYES) for raw in raws]
            ended = time.monotonic()
        finally:
            both.close()
    return ours, Result(
        "Rspamd 3.4", taught - began, ended - taught, tuple(zip(judged, said, strict=True))
    )


def _patiently(ask: Callable[..., Any], *what: Any) -> Any:
    """On a busy machine one of six thousand requests may time out; twice learnt counts once."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(TimeoutError):
            return ask(*what)
    return ask(*what)


def table(results: Sequence[Result]) -> str:
    """The confusion matrices, as they stand in docs/statistics.md."""
    rows = ["| | spam: called spam / ham / neither | ham: called ham / spam / neither | AUC |"]
    rows.append("| --- | --- | --- | --- |")
    for result in results:
        spam, missed, open_spam = result.counts(spam=True)
        wrong, ham, open_ham = result.counts(spam=False)
        rows.append(
            f"| {result.name} | {spam} / {missed} / {open_spam} | {ham} / {wrong} / {open_ham} "
            f"| {result.auc:.5f} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Print both results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take each n-th mail only")
    said = parser.parse_args()
    learnt, judged = halves(list(corpus())[:: said.every])
    spam = sum(1 for mail in learnt if mail.spam)
    print(f"learnt: {spam} spam, {len(learnt) - spam} ham; judged: {len(judged)}")
    results = compare(learnt, judged)
    print(table(results))
    for result in results:
        took = f"learning {result.learning:.1f} s, judging {result.judging:.1f} s"
        print(f"{result.name}: {took}")
    for (mail, ours), (_, theirs) in zip(results[0].judged, results[1].judged, strict=True):
        wrong = "BAYES_HAM" if mail.spam else "BAYES_SPAM"
        if any(one is not None and one.symbol == wrong for one in (ours, theirs)):
            print(mail.path, ours, theirs, sep="\t")


if __name__ == "__main__":
    main()
