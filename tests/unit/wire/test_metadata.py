"""The envelope as ``/checkv3`` brings it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filter_engine.scan.envelope import Envelope
from filter_engine.wire.form import FormError
from filter_engine.wire.limits import MAX_RCPTS
from filter_engine.wire.metadata import FileSourceError, with_metadata
from filter_engine.wire.request import envelope_headers


def test_every_field() -> None:
    said = {
        "from": "<alice@client.example>",
        "rcpt": ["bob@home.example", "<\u00e9mile@home.example>"],
        "ip": "198.51.100.7",
        "helo": "client.example",
        "hostname": "mail.client.example",
        "user": "alice",
        "queue_id": "4Q",
        "deliver_to": "bob",
        "settings_id": "short",
        "tls": {"cipher": "TLS_AES_256_GCM_SHA384", "version": "TLSv1.3"},
        "mta": {"name": "mx1.home.example", "tag": "mx"},
        "flags": ["groups", "No_Log"],
        "log_tag": "left out",
    }
    assert with_metadata(Envelope(flags=frozenset({"milter"})), said) == Envelope(
        ip="198.51.100.7",
        helo="client.example",
        hostname="mail.client.example",
        mail_from="alice@client.example",
        rcpt_to=("bob@home.example", "\u00e9mile@home.example"),
        user="alice",
        queue_id="4Q",
        mta_name="mx1.home.example",
        mta_tag="mx",
        deliver_to="bob",
        tls_cipher="TLS_AES_256_GCM_SHA384",
        tls_version="TLSv1.3",
        settings_id="short",
        flags=frozenset({"groups", "no_log", "milter"}),
    )


def test_they_win_over_headers_and_null_says_nothing() -> None:
    asked = Envelope(ip="192.0.2.1", helo="x", mail_from="a@b.example", rcpt_to=("c@d.example",))
    said = {"ip": "192.0.2.2", "helo": None, "from": "<>", "rcpt": "e@f.example, g"}
    found = with_metadata(asked, said)
    assert (found.ip, found.helo, found.mail_from) == ("192.0.2.2", "x", "")
    assert found.rcpt_to == ("e@f.example, g",)  # a text is one address
    assert with_metadata(Envelope(hostname="x"), {"hostname": "Unknown"}).hostname is None


def test_settings_and_headers_are_request_headers() -> None:
    said = {
        "settings": {"symbols_enabled": ["A"]},
        "headers": {"X-Tenant": "4\r\n2", "X-Many": ["a", "b"], "Shm": "/x", "Host": "y"},
    }
    asked = Envelope(request_headers=((b"settings", b"{}"), (b"x-tenant", b"7")))
    found = with_metadata(asked, said)
    assert orjson.loads(found.request_header("Settings") or "") == {"symbols_enabled": ["A"]}
    assert found.request_header("x-tenant") == "4??2"
    assert [value for name, value in found.request_headers if name == b"x-many"] == [b"a", b"b"]
    assert not {b"shm", b"host"} & {name for name, _ in found.request_headers}
    sent = tuple(envelope_headers(found))
    assert all(b"\n" not in name + value for name, value in sent)


@pytest.mark.parametrize("name", ["file", "path", "shm", "shm_offset", "shm_length"])
def test_no_file_of_this_host_is_read(name: str) -> None:
    with pytest.raises(FileSourceError, match="not allowed"):
        with_metadata(Envelope(), {name: 0})


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"from": 1}, "from is not a text"),
        ({"rcpt": {}}, "rcpt is neither"),
        ({"rcpt": ["a", 1]}, "rcpt is not a text"),
        ({"tls": "x"}, "tls is not an object"),
        ({"mta": {"name": []}}, "mta.name is not a text"),
        ({"settings": "{}"}, "settings is not an object"),
        ({"headers": []}, "headers is not an object"),
        ({"headers": {"a b": "c"}}, "no field name"),
        ({"headers": {"a": 1}}, "headers.a is neither"),
        ({"headers": {"a": ["x"] * 100_000}}, "more than"),
        ({"flags": 7}, "flags is neither"),
    ],
)
def test_what_cannot_be_meant(said: dict[str, Any], fault: str) -> None:
    with pytest.raises(FormError, match=fault):
        with_metadata(Envelope(), said)


def test_recipients_are_bounded() -> None:
    found = with_metadata(Envelope(), {"rcpt": [f"u{n}@home.example" for n in range(10_000)]})
    assert len(found.rcpt_to) == MAX_RCPTS


KEYS = ("from", "rcpt", "ip", "tls", "mta", "settings", "headers", "flags", "cipher", "hostname")


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        st.recursive(
            st.none() | st.text(max_size=8) | st.integers() | st.floats(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=3)
            ),
            max_leaves=8,
        ),
    )
)
def test_nothing_else_is_raised(said: dict[str, Any]) -> None:
    try:
        found = with_metadata(Envelope(), said)
    except FormError:
        return
    assert all(b"\n" not in value for _, value in envelope_headers(found))
