"""Digests and shingles are those of Rspamd 3.4, octet by octet."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.fuzzy.hashes import MAX_HASHES, Kind, PartHash, Policy, Texts, hashes_of
from filter_engine.fuzzy.lanes import COUNT, Mum
from filter_engine.fuzzy.shingles import Hashing
from filter_engine.message import Message

from . import mails, recorded

_ALL = Policy(min_bytes=0, min_length=0, mime_types=re.compile(".*"))


def _hashes(raw: bytes, policy: Policy = _ALL, algorithm: str = "mumhash") -> list[PartHash]:
    return hashes_of(Texts(Message(raw)), policy, Hashing(algorithm))


@pytest.mark.parametrize("algorithm", recorded.GERMAN_SHINGLES)
def test_shingles_of_a_text(algorithm: str) -> None:
    (found,) = _hashes(mails.mail(mails.GERMAN), algorithm=algorithm)
    assert found.kind is Kind.TEXT
    assert found.digest.hex() == recorded.GERMAN_DIGEST
    assert found.shingles == recorded.GERMAN_SHINGLES[algorithm]


def test_links_are_no_words_of_a_digest() -> None:
    (found,) = _hashes(mails.mail(mails.ENGLISH))
    assert found.digest.hex() == recorded.ENGLISH_DIGEST


def test_short_texts_with_their_subject_and_attachments_as_they_are() -> None:
    found = _hashes(mails.parts_mail())
    assert sorted(made.digest.hex() for made in found) == sorted(recorded.PARTS_DIGESTS)
    assert {made.shingles for made in found} == {()}


def _mum(word: bytes, seed: int) -> int:
    """The hash as its author wrote it, one seed at a time."""
    mask = (1 << 64) - 1
    primes = (0x9EBDCAE10D981691, 0x32B9B9B97A27AC7D, 0x29B5584D83D35BBD, 0x4B04E0E61401255F)

    def mum(value: int, prime: int) -> int:
        product = value * prime
        return ((product >> 64) + (product & mask)) & mask

    state = mum((seed + len(word)) & mask, 0xC42B5E2E6480B23B)
    while len(word) > 32:
        for at, prime in enumerate(primes):
            state ^= mum(int.from_bytes(word[8 * at : 8 * at + 8], "little"), prime)
        word = word[32:]
        state = mum(state, 0x7B51EC3D22F7096F)
    whole = len(word) // 8
    for at, prime in zip(range(whole), primes, strict=False):
        state ^= mum(int.from_bytes(word[8 * at : 8 * at + 8], "little"), prime)
    if rest := word[8 * whole :]:
        state ^= mum(int.from_bytes(rest, "little"), 0xAF47D47C99B1461B)
    state ^= mum(state, 0xA9A7AE7CEFF79F3F)
    return state ^ mum(state, 0xAF47D47C99B1461B)


@given(
    st.binary(min_size=1, max_size=90),
    st.lists(st.integers(0, (1 << 64) - 1), min_size=COUNT, max_size=COUNT),
)
def test_32_seeds_at_once_are_as_one_after_the_other(word: bytes, seeds: list[int]) -> None:
    found = Mum(seeds).hashes(word).to_bytes(16 * COUNT, "little")
    for place, seed in enumerate(seeds):
        assert int.from_bytes(found[16 * place : 16 * place + 16], "little") == _mum(word, seed)


def test_a_few_changed_words_leave_most_shingles() -> None:
    (one,) = _hashes(mails.mail(mails.ENGLISH))
    changed = mails.ENGLISH.replace("wonderful", "splendid").replace("customer", "friend")
    changed = changed.replace("lifetime guarantee", "promise").replace("sleeps", "waits")
    (other,) = _hashes(mails.mail(changed))
    same = sum(a == b for a, b in zip(one.shingles, other.shingles, strict=True))
    assert one.digest != other.digest
    assert COUNT / 2 < same < COUNT


def test_keys_make_other_hashes() -> None:
    texts = Texts(mails.message(mails.GERMAN))
    (plain,) = hashes_of(texts, _ALL, Hashing())
    (keyed,) = hashes_of(texts, _ALL, Hashing("mumhash", "secret", "other"))
    assert plain.digest != keyed.digest
    assert not set(plain.shingles) & set(keyed.shingles)


def test_the_defaults_pass_small_parts_over() -> None:
    stock = Policy(mime_types=re.compile("application/.*"))
    assert _hashes(mails.parts_mail(), stock) == []
    (found,) = _hashes(mails.mail(mails.ENGLISH), stock)
    assert found.kind is Kind.TEXT
    short = Policy(min_length=1000, short_text_direct_hash=False)
    assert _hashes(mails.mail(mails.ENGLISH), short) == []


def test_attachments_count_by_their_type() -> None:
    pictures = Policy(min_bytes=0, mime_types=re.compile("image/.*"), short_text_direct_hash=False)
    assert _hashes(mails.parts_mail(), pictures) == []
    octets = Policy(
        min_bytes=0, mime_types=re.compile("application/.*"), short_text_direct_hash=False
    )
    (found,) = _hashes(mails.parts_mail(), octets)
    assert found.size == 16


def test_a_mail_of_many_parts_has_few_hashes() -> None:
    part = b"--x\nContent-Type: application/x-a; name=a\n\nnumber %d\n"
    raw = b"Content-Type: multipart/mixed; boundary=x\n\n" + b"".join(
        part % number for number in range(500)
    )
    assert len(_hashes(raw + b"--x--\n")) == MAX_HASHES


@given(st.text(string.printable + "äß€\u200b\U0001f600", max_size=400))
def test_whatever_a_text_is_nothing_raises(text: str) -> None:
    for made in _hashes(mails.mail(text)):
        assert len(made.digest) == 64
        assert len(made.shingles) in (0, COUNT)


def test_of_a_long_text_ever_fewer_words_count() -> None:
    text = " ".join(f"{a}{b}word" for a in string.ascii_lowercase for b in string.ascii_lowercase)
    message = Message(f"Subject: x\n\n{text} {text}\n".encode())
    (part,) = message.text_parts
    total, kept = Texts(message).words(part)
    assert total == 2 * 26 * 26
    assert 600 < len(kept) < total


def test_a_text_of_no_known_charset_has_hashes_of_its_octets() -> None:
    """Its octet above 127 is where Rspamd does not look for a charset (``raw_words``)."""
    words = [b"alpha%d" % number for number in range(220)]
    words.insert(79, b"caf\xe9")
    head = b"From: a@b.c\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/plain\n\n"
    (found,) = _hashes(head + b" ".join(words) + b"\n")
    assert found.kind is Kind.TEXT
    assert found.digest.hex() == recorded.RAW_DIGEST
    (near,) = _hashes(head + b" ".join(words).replace(b"alpha150", b"other") + b"\n")
    assert len(set(found.shingles) & set(near.shingles)) > COUNT // 2
