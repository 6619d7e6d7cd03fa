"""Hashes that the fleet writes are those that the engine, and Rspamd, check."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mailfleet.filter.plugins.filter.controller_hash import controller_hash
from hypothesis import given, settings
from hypothesis import strategies as st

from filter_engine.config.base32 import decode_base32
from filter_engine.workers.password import matches, pbkdf2_blake2b

PASSWORD = "0123456789abcdefABCDEF+/"


def test_the_engine_takes_the_password_and_no_other() -> None:
    hashed = controller_hash(PASSWORD, "dolores/password")
    assert matches(PASSWORD.encode(), hashed)
    assert not matches(b"another", hashed)
    assert PASSWORD not in hashed


def test_it_has_the_shape_of_rspamds() -> None:
    _, kind, salt, key = controller_hash(PASSWORD, "dolores/password").split("$")
    # As `rspamadm pw -e -t pbkdf2` of 3.4 prints: 20 and 32 octets in base32.
    assert (kind, len(salt), len(key)) == ("1", 32, 52)


@settings(max_examples=20, deadline=None)
@given(st.text(min_size=1, max_size=200).filter(lambda text: not text.startswith("$")), st.text())
def test_any_password(password: str, salt: str) -> None:
    assert matches(password.encode(), controller_hash(password, salt))


def test_the_same_again_is_no_change_and_another_host_is_another_hash() -> None:
    first = controller_hash(PASSWORD, "dolores/password")
    assert controller_hash(PASSWORD, "dolores/password") == first
    assert controller_hash(PASSWORD, "maeve/password") != first


def test_the_salt_tells_nothing_of_the_password() -> None:
    salts = {controller_hash(word, "dolores/password").split("$")[2] for word in ("one", "two")}
    assert len(salts) == 1


def test_a_hash_and_nothing_stay_as_they_are() -> None:
    hashed = controller_hash(PASSWORD, "x")
    assert controller_hash(hashed, "y") == hashed
    assert controller_hash("", "y") == ""


def test_the_refusal_of_what_is_no_text_does_not_show_it() -> None:
    with pytest.raises(AnsibleFilterError, match="is a int: quote it") as caught:
        controller_hash(123456789, "x")
    assert "123456789" not in str(caught.value)


def test_rounds_are_rspamds() -> None:
    _, _, salt, key = controller_hash("pw", "x").split("$")
    wanted = pbkdf2_blake2b(b"pw", decode_base32(salt), 16_000, 32)
    assert decode_base32(key) == wanted
