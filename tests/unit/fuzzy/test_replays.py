"""What is remembered of sealed changes."""

from __future__ import annotations

from ipaddress import ip_address

from filter_engine.fuzzy.protocol import ReplyTo
from filter_engine.fuzzy.replays import Changes

_HERE, _THERE = ip_address("192.0.2.1"), ip_address("192.0.2.2")
_REPLY = ReplyTo(0, 1, 7, 1.0, bytes(64))


def test_a_change_is_new_once() -> None:
    changes = Changes()
    assert changes.begins(b"a", _HERE)
    assert not changes.begins(b"a", _HERE)
    assert changes.reply(b"a", _HERE) is None  # it is under way
    changes.ends(b"a", _REPLY)
    assert not changes.begins(b"a", _THERE)
    assert changes.reply(b"a", _HERE) == _REPLY
    assert changes.reply(b"a", _THERE) is None
    assert changes.reply(b"b", _HERE) is None


def test_what_failed_may_be_tried_again() -> None:
    changes = Changes()
    assert changes.begins(b"a", _HERE)
    changes.ends(b"a", None)
    assert changes.begins(b"a", _THERE)


def test_a_bounded_number_is_remembered() -> None:
    changes = Changes(most=3)
    for n in range(5):
        assert changes.begins(bytes((n,)), _HERE)
    assert len(changes) == 3
    assert not changes.begins(bytes((4,)), _HERE)
    changes.ends(bytes((0,)), _REPLY)  # forgotten meanwhile
    assert len(changes) == 3
    assert changes.begins(bytes((0,)), _HERE)
