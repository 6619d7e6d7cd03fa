"""Datagrams: what is read, what is refused, what is sealed."""

from __future__ import annotations

import os
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as sodium

from filter_engine.config.worker_keys import read_key
from filter_engine.fuzzy.box import OpenError, SharedKey, keypair, new_keypair, write_key
from filter_engine.fuzzy.bucket import TELL_EVERY, Buckets, Losses
from filter_engine.fuzzy.protocol import (
    REPLY_SIZE,
    Command,
    ProtocolError,
    ReplyTo,
    Request,
    decode_reply,
    decode_request,
    extensions,
    open_reply,
    replies_in,
    seal_reply,
    seal_request,
    sealed_request,
)

_DIGEST = bytes(range(64))
_SHINGLES = tuple(range(1 << 63, (1 << 63) + 32))


@pytest.mark.parametrize("shingles", [(), _SHINGLES])
def test_a_request_comes_as_it_was_sent(shingles: tuple[int, ...]) -> None:
    told = extensions("example.com", ip_address("192.0.2.1")) + extensions("", ip_address("::1"))
    request = Request(Command.WRITE, _DIGEST, 0xDEADBEEF, shingles, 7, -3, told)
    data = request.encode()
    assert len(data) == 76 + 8 * len(shingles) + len(told)
    assert data[:4] == bytes((4, 1, len(shingles), 7))
    assert decode_request(data) == request


def test_a_reply_comes_as_it_was_sent() -> None:
    reply = ReplyTo(20, 1, 5, 0.75, _DIGEST, 1_700_000_000)
    assert len(reply.encode()) == REPLY_SIZE == 96
    assert decode_reply(reply.encode()) == reply
    assert reply.found
    assert not reply._replace(probability=0.5).found


@given(st.binary(max_size=1100))
def test_any_octets_are_a_request_or_none(data: bytes) -> None:
    try:
        request = decode_request(data)
    except ProtocolError:
        return
    assert request.encode()[1:] == data[1:]  # four bits of the version are free


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes((4, 0)) + bytes(73),  # cut off
        bytes((3, 0)) + bytes(74),  # another version
        bytes((4, 9)) + bytes(74),  # another command
        bytes((4, 0, 32)) + bytes(73),  # shingles that are not there
        bytes((4, 0, 5)) + bytes(400),  # five of them
        bytes((4, 0)) + bytes(74) + b"d\x40short",
        bytes((4, 0)) + bytes(74) + b"4\x01",
        bytes((4, 0)) + bytes(74) + b"x",
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_request(data)


def test_no_reply_is_much_longer_than_the_request() -> None:
    plain = Request(Command.CHECK, _DIGEST, 1).encode()
    ours, theirs = new_keypair(), new_keypair()
    shared = SharedKey.of(ours.private, theirs.public)
    sealed = seal_request(plain, shared, theirs.id[:8], ours.public)
    reply = ReplyTo(0, 0, 1, 0.0, _DIGEST).encode()
    assert len(reply) - len(plain) == 20
    assert len(seal_reply(reply, shared)) < len(sealed)


def test_what_is_sealed_opens_for_the_other_alone() -> None:
    client, storage, stranger = new_keypair(), new_keypair(), new_keypair()
    plain = Request(Command.CHECK, _DIGEST, 1, _SHINGLES).encode()
    there = SharedKey.of(client.private, storage.public)
    sealed = sealed_request(seal_request(plain, there, storage.id[:8], client.public))
    assert sealed is not None
    assert sealed.key_id == storage.id[:8]
    here = SharedKey.of(storage.private, sealed.public)
    assert sealed.open(here) == plain
    with pytest.raises(ProtocolError, match="another key"):
        sealed.open(SharedKey.of(stranger.private, sealed.public))
    changed = sealed._replace(content=bytes((sealed.content[0] ^ 1,)) + sealed.content[1:])
    with pytest.raises(ProtocolError):
        changed.open(here)
    reply = ReplyTo(1, 1, 1, 1.0, _DIGEST).encode()
    assert open_reply(seal_reply(reply, here), there) == reply
    assert sealed_request(plain) is None


def test_the_stream_is_libsodiums() -> None:
    key, nonce, text = os.urandom(32), os.urandom(24), b"some octets" * 20
    _, _, content = SharedKey(key).seal(text, nonce)
    assert content == sodium(text, b"", nonce, key)[:-16]


def test_keys_are_written_as_rspamd_writes_them() -> None:
    # of Rspamd's functional tests
    pair = keypair(read_key("ekd3x36tfa5gd76t6pa8hqif3ott7n1siuux68exbkk7ukscte9y"))
    assert write_key(pair.public) == "m8kneubpcjsb8sbsoj7jy7azj9fdd3xmj63txni86a8ye9ncomny"
    assert read_key(pair.public.hex()) == pair.public
    for text in ("", "short", "y" * 51, "0" * 64 + "0"):
        with pytest.raises(ValueError, match=r"octets|character|hexadecimal"):
            read_key(text)


def test_a_public_key_that_is_none() -> None:
    with pytest.raises(OpenError):
        SharedKey.of(new_keypair().private, bytes(32))


def test_replies_are_told_apart_by_their_tags() -> None:
    replies = [ReplyTo(value, 1, tag, 1.0, _DIGEST) for value, tag in ((1, 5), (2, 6), (3, 5))]
    data = b"".join(reply.encode() for reply in replies)
    assert replies_in(data + b"rest", None, (5, 6, 7)) == {5: replies[0], 6: replies[1]}
    assert replies_in(data, None, (9,)) == {}
    assert replies_in(data, SharedKey(bytes(32)), (5,)) == {}


def test_a_network_over_the_limit_is_refused_for_a_while() -> None:
    limits = Buckets(1.0, 3.0, mask=24, ttl=60.0, most=100)
    one, same, other = map(ip_address, ("192.0.2.1", "192.0.2.99", "198.51.100.1"))
    assert [limits.takes(one, 0.0) for _ in range(5)] == [True, True, True, False, False]
    assert not limits.first_refusal
    assert not limits.takes(same, 59.0)
    assert limits.takes(other, 0.0)
    assert limits.takes(one, 61.0)


def test_requests_that_come_slowly_enough_are_taken() -> None:
    limits = Buckets(1.0, 2.0, mask=24, ttl=60.0, most=100)
    assert all(limits.takes(ip_address("192.0.2.1"), float(second)) for second in range(100))


def test_counting_networks_takes_constant_memory() -> None:
    limits = Buckets(1.0, 3.0, mask=32, ttl=60.0, most=50)
    for number in range(1000):
        limits.takes(ip_address(number), 0.0)
        limits.takes(ip_address((0x20010DB8 << 96) + (number << 64)), 0.0)
    assert len(limits) == 50


def test_losses_are_told_once_a_minute() -> None:
    lost = Losses()
    assert [lost.add(0.0) for _ in range(4)] == [1, 0, 0, 0]
    assert lost.add(TELL_EVERY - 1) == 0
    assert lost.add(TELL_EVERY) == 5
    assert lost.add(TELL_EVERY) == 0
    assert lost.add(3 * TELL_EVERY) == 2
