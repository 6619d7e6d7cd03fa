from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.scan.envelope import Envelope
from filter_engine.wire.http.message import HttpLimits, request_head
from filter_engine.wire.limits import MAX_ADDRESS, MAX_RCPTS
from filter_engine.wire.request import envelope_headers, parse_envelope
from filter_engine.wire.request_faults import RequestFaults


def parse(*headers: tuple[str, str]) -> Envelope:
    return parse_envelope((name.lower().encode(), value.encode()) for name, value in headers)


def test_the_headers_of_a_client() -> None:
    envelope = parse(
        ("IP", "198.51.100.7"),
        ("Helo", "client.example"),
        ("Hostname", "mail.client.example"),
        ("From", "<a@client.example>"),
        ("Rcpt", "b@home.example"),
        ("Rcpt", "<c@home.example>"),
        ("User", "a"),
        ("Queue-ID", "ABC"),
        ("Deliver-To", "b"),
        ("Settings-ID", "out"),
        ("MTA-Name", "mx.example"),
        ("MTA-Tag", "edge"),
        ("TLS-Cipher", "AES"),
        ("TLS-Version", "TLSv1.3"),
        ("User-Agent", "rspamc"),
        ("Flags", "ext_urls, No_Stat"),
        ("Pass", "all"),
        ("Log", "no"),
        ("Milter", "Yes"),
        ("X-Unknown", "1"),
    )
    assert envelope == Envelope(
        ip="198.51.100.7",
        helo="client.example",
        hostname="mail.client.example",
        mail_from="a@client.example",
        rcpt_to=("b@home.example", "c@home.example"),
        user="a",
        queue_id="ABC",
        deliver_to="b",
        settings_id="out",
        mta_name="mx.example",
        mta_tag="edge",
        tls_cipher="AES",
        tls_version="TLSv1.3",
        user_agent="rspamc",
        flags=frozenset({"ext_urls", "no_stat", "pass_all", "no_log", "milter"}),
    )


def test_no_headers_at_all() -> None:
    assert parse() == Envelope()


@pytest.mark.parametrize("value", ["", "<>", " <> "])
def test_the_null_sender_is_not_an_unknown_one(value: str) -> None:
    assert parse(("From", value)).mail_from == ""
    assert parse().mail_from is None


@pytest.mark.parametrize("value", ["unknown", "Unknown"])
def test_an_unknown_host_name_is_none(value: str) -> None:
    assert parse(("Hostname", value)).hostname is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@x", ("a@x",)),
        ("a@x, <b@y>,c@z", ("a@x", "b@y", "c@z")),
        ('<"a,b"@x>, c@y', ('"a,b"@x', "c@y")),
        (r'"a\",b"@x,c@y', (r'"a\",b"@x', "c@y")),
        ("<a,b@x>", ("a,b@x",)),
        (", ,", ()),
        ("", ()),
        ('"never closed, a@x', ('"never closed, a@x',)),
    ],
)
def test_recipients_in_one_header(value: str, expected: tuple[str, ...]) -> None:
    assert parse(("Rcpt", value)).rcpt_to == expected


def test_recipients_are_bounded() -> None:
    headers = [("Rcpt", "a@x,b@x")] * MAX_RCPTS
    assert len(parse(*headers).rcpt_to) == MAX_RCPTS


# An address of SMTP has no control characters (RFC 5321, section 4.1.2); brackets are its frame.
words = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Z"], exclude_characters='<>",\\')
).map(str.strip)
set_words = words.filter(bool)
optional = st.none() | set_words


@given(
    st.builds(
        Envelope,
        ip=optional,
        helo=optional,
        hostname=st.none() | set_words.filter(lambda name: name.lower() != "unknown"),
        mail_from=st.none() | words,
        rcpt_to=st.lists(set_words, max_size=4).map(tuple),
        user=optional,
        queue_id=optional,
        mta_name=optional,
        mta_tag=optional,
        deliver_to=optional,
        tls_cipher=optional,
        tls_version=optional,
        user_agent=optional,
        settings_id=optional,
        flags=st.sets(st.sampled_from(["milter", "pass_all", "no_log"])).map(frozenset),
    )
)
def test_an_envelope_survives_the_way(envelope: Envelope) -> None:
    headers = [(name.lower(), value) for name, value in envelope_headers(envelope)]
    assert parse_envelope(headers) == envelope


@given(st.text())
def test_no_value_ends_its_header(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    envelope = Envelope(helo=text, mail_from=text, rcpt_to=(text,), user=text)
    for _, value in envelope_headers(envelope):
        assert not any(octet < 32 or octet == 127 for octet in value)


def test_octets_that_are_no_text_survive() -> None:
    envelope = parse_envelope([(b"from", b"caf\xe9@x")])
    assert dict(envelope_headers(envelope))[b"From"] == b"<caf\xe9@x>"


def test_the_longest_envelope_a_milter_takes_fits_into_a_request() -> None:
    address = "x" * MAX_ADDRESS
    macros = dict.fromkeys(
        ("user", "queue_id", "mta_name", "tls_cipher", "user_agent"), "x" * 65_536
    )
    envelope = Envelope(helo=address, mail_from=address, rcpt_to=(address,) * MAX_RCPTS, **macros)
    headers = list(envelope_headers(envelope))
    assert len(request_head("POST", "/checkv2", headers, 10**9)) < HttpLimits(1).max_head
    assert len(headers) < HttpLimits(1).max_fields


@pytest.mark.parametrize(
    ("name", "value"),
    [("IP", "999.1.1.1"), ("Flags", "pass_al"), ("MaxScore", "abc"), ("SoftScore", "nan")],
)
def test_one_fault_alone_is_told(name: str, value: str, caplog: pytest.LogCaptureFixture) -> None:
    RequestFaults().tell(parse(("Helo", "client.example"), (name, value)))
    (told,) = caplog.messages
    assert told.startswith(f"request header {name}: '{value}' cannot be used: ")


def test_values_that_mean_nothing_are_told_once_a_kind(caplog: pytest.LogCaptureFixture) -> None:
    told = RequestFaults()
    told.tell(parse(("IP", "192.0.2.1"), ("Flags", "pass_all,groups"), ("MaxScore", "12.5")))
    assert caplog.messages == []
    for number in range(3):
        told.tell(
            parse(
                ("IP", "999.1.1.1"),
                ("Flags", f"pass_al{number}"),
                ("MaxScore", "abc" * 1000),
                ("SoftScore", "nan"),
            )
        )
    assert [message.split(": ")[0] for message in caplog.messages] == [
        f"request header {name}" for name in ("IP", "Flags", "MaxScore", "SoftScore")
    ]
    assert "'999.1.1.1'" in caplog.messages[0]
    assert "'pass_al0'" in caplog.messages[1]
    assert max(map(len, caplog.messages)) < 250
