from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.config.base32 import decode_base32, encode_base32
from filter_engine.workers.password import MAX_PASSWORD, PasswordHashError, matches

# What "rspamadm pw" of Rspamd 3.4 made of the password "q1".
PBKDF2 = "$1$drua9nyp7qioy9grek3u9ct1huaaizj7$qxzxm95yr4717wj1itreiwppk88sb1i6t874ygotrjh41k8y5xfb"
CATENA = "$2$7ay9je5jyur84juwyaxfyh5jz99gokdg$jmttyo7p3p33txzmmzon95ge6m7k9zr8aenz1b6yeua14y6qejry"


@pytest.mark.parametrize("configured", [PBKDF2, CATENA])
def test_hashes_of_rspamd(configured: str) -> None:
    assert matches(b"q1", configured)
    assert not matches(b"q2", configured)
    assert not matches(b"", configured)


def test_a_password_in_clear() -> None:
    assert matches("grün".encode(), "grün")
    assert not matches(b"green", "grün")


def test_an_endless_password_is_not_hashed() -> None:
    assert not matches(b"x" * (MAX_PASSWORD + 1), "x" * (MAX_PASSWORD + 1))


SALT, KEY = PBKDF2.split("$")[2:]


@pytest.mark.parametrize("kind", ["1", "2"])
@pytest.mark.parametrize(
    ("salt", "key", "complaint"),
    [
        ("y" * 10, "y", "salt has 10 characters instead of 32"),
        (SALT, "y", "key has 1 characters instead of 52"),
        (SALT, "", "key has 0"),
        (SALT, KEY[:-1], "key has 51"),
        (SALT, KEY + "y", "key has 53"),
        ("", KEY, "salt has 0"),
        (SALT, "!" + KEY[1:], "none of base32"),
        (SALT, KEY + "$", "expected"),
    ],
)
def test_a_cut_hash_matches_no_password(kind: str, salt: str, key: str, complaint: str) -> None:
    """A key of one character has no octet: every password would match it."""
    with pytest.raises(PasswordHashError, match=complaint) as caught:
        matches(b"anything", f"${kind}${salt}${key}")
    assert KEY[:10] not in str(caught.value)


@pytest.mark.parametrize(
    ("configured", "complaint"),
    [("$1$abc", "expected"), (f"$3${SALT}${KEY}", "unknown hash"), ("$", "expected")],
)
def test_broken_hashes_are_named(configured: str, complaint: str) -> None:
    with pytest.raises(PasswordHashError, match=complaint):
        matches(b"x", configured)


def test_a_password_in_clear_may_hold_any_octets() -> None:
    written = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert matches(b"caf\xe9", written)
    assert not matches("café".encode(), written)


@given(st.binary(min_size=1, max_size=64))
def test_base32_there_and_back(data: bytes) -> None:
    assert decode_base32(encode_base32(data)) == data
