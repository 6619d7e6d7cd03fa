"""The account of numbered mail: what it calls lost, doubled, refused, and a pause."""

from __future__ import annotations

from collections import Counter

import pytest

from mailflow.numbered import Account, Attempt


def attempt(
    n: int, code: int = 250, at: float = 0.0, host: str = "a", *, sent: bool = False
) -> Attempt:
    return Attempt(n, at, 0.1, host, code, "said", sent)


def arrived(*numbers: int) -> Counter[int]:
    return Counter(numbers)


def test_mail_that_was_accepted_and_arrived_once_is_no_problem() -> None:
    tries = [attempt(1, 451), attempt(1, at=1.0), attempt(2)]
    account = Account(tries, arrived(1, 2))
    assert account.problems() == []
    assert account.accepted_by("a") == 2


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (Account(), "no mail was accepted at all"),
        (Account([attempt(1), attempt(2, 451)], arrived(1)), "never accepted: 1 (2)"),
        (Account([attempt(1), attempt(2)], arrived(1), queued=1), "lost: 1 (2); 1 in queues"),
        (Account([attempt(1)], arrived(1, 1)), "more than once: 1 (1)"),
        (Account([attempt(1)], arrived(1), unfiltered=[1]), "without a verdict: 1 (1)"),
        (Account([attempt(1, 550), attempt(2)], arrived(2)), "mail 1 at a: 550 said"),
    ],
)
def test_whatever_else_became_of_it_is_said(account: Account, words: str) -> None:
    assert any(words in problem for problem in account.problems()), account.problems()


def test_a_sender_without_a_reply_may_have_sent_it_twice_and_no_more() -> None:
    tries = [attempt(1, 0, sent=True), attempt(1, at=1.0)]
    assert Account(tries, arrived(1, 1)).doubled == set()
    assert Account(tries, arrived(1, 1, 1)).doubled == {1}


def test_a_host_that_crashed_may_have_delivered_what_it_did_not_write_down() -> None:
    account = Account([attempt(1), attempt(2)], arrived(1, 1, 2, 2))
    assert account.problems(2) == []
    assert account.problems(1)


def test_the_longest_pause_is_of_all_and_of_the_one_that_paused_longest() -> None:
    tries = [attempt(n, at=float(n)) for n in range(5)]
    tries += [attempt(5, at=0.0, host="b"), attempt(6, at=4.0, host="b"), attempt(7, 451, at=2.0)]
    account = Account(tries)
    assert account.longest_pause == pytest.approx(1.0)
    assert account.longest_pause_of_one == pytest.approx(4.0)
