"""mail_probe as a host runs it, against real servers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ports import free_port

from .mail_peers import imap_server, make_certificate, smtp_server

Module = Callable[..., dict[str, Any]]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path)


def probe(run_module: Module, port: int, **more: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "helo": "probe.example.net",
        "mail_from": "a@example.net",
        "rcpt_to": ["b@example.org"],
        "timeout": 60,
    }
    if "message" not in more:
        defaults["body"] = "hello"
    return run_module("mail_probe", **{**defaults, **more})


def test_a_message_is_taken(run_module: Module) -> None:
    with smtp_server() as (port, mails):
        result = probe(
            run_module,
            port,
            source_address="127.0.0.7",
            headers={"Subject": "probe", "To": "Bob <b@example.org>"},
            body="line\n.dot\n..two\n",
        )
    assert (result["code"], result["text"]) == (250, "2.0.0 Ok: queued as 4cDfGh1jKl")
    assert (result["enhanced_code"], result["queue_id"]) == ("2.0.0", "4cDfGh1jKl")
    assert (result["accepted"], result["refused_at"], result["changed"]) == (True, None, False)
    assert result["recipients"] == {"b@example.org": {"code": 250, "text": "2.1.5 Ok"}}
    envelope, session = mails.taken[0]
    assert session.peer[0] == "127.0.0.7"
    assert session.host_name == "probe.example.net"
    assert (envelope.mail_from, envelope.rcpt_tos) == ("a@example.net", ["b@example.org"])
    header, _, body = envelope.content.partition(b"\r\n\r\n")
    assert body == b"line\r\n.dot\r\n..two\r\n"
    assert header.count(b"To: ") == 1
    for wanted in (b"From: <a@example.net>", b"Date: ", b"Subject: probe", b"Message-ID: "):
        assert wanted in header
    assert result["message_id"].encode() in header


def test_a_whole_message_goes_out_as_it_is(run_module: Module) -> None:
    message = "From: x\nMessage-ID: <1@x>\n\n\n.\nbare\rreturn\r\nend"
    with smtp_server() as (port, mails):
        result = probe(run_module, port, message=message, mail_from="")
    assert result["message_id"] == "<1@x>"
    assert mails.taken[0][0].content == (
        b"From: x\r\nMessage-ID: <1@x>\r\n\r\n\r\n.\r\nbare\r\nreturn\r\nend\r\n"
    )
    assert mails.taken[0][0].mail_from == "<>"


@pytest.mark.parametrize(
    ("more", "stage", "code", "text"),
    [
        ({"body": "GTUBE"}, "message", 554, "5.7.1 Gtube pattern"),
        ({"mail_from": "refused@x.example"}, "mail", 550, "5.7.1 Sender refused"),
        ({"rcpt_to": ["unknown@example.org"]}, "rcpt", 550, "5.1.1 User unknown"),
    ],
)
def test_a_refusal_is_a_result_with_its_stage(
    run_module: Module, more: dict[str, Any], stage: str, code: int, text: str
) -> None:
    with smtp_server() as (port, mails):
        result = probe(run_module, port, expect_code=[code], **more)
        assert (result["refused_at"], result["code"], result["text"]) == (stage, code, text)
        assert (result["accepted"], result["queue_id"]) == (False, None)
        unexpected = probe(run_module, port, expect_code=[250], **more)
    assert unexpected["failed"] is True
    assert unexpected["msg"] == f"expected 250, got at {stage}: {code} {text}"
    assert mails.taken == []


def test_some_recipients_refused(run_module: Module) -> None:
    with smtp_server() as (port, mails):
        names = ["unknown@example.org", "b@example.org"]
        result = probe(run_module, port, rcpt_to=names)
    assert result["accepted"] is True
    assert {name: one["code"] for name, one in result["recipients"].items()} == {
        "unknown@example.org": 550,
        "b@example.org": 250,
    }
    assert mails.taken[0][0].rcpt_tos == ["b@example.org"]


def test_starttls_and_a_user(run_module: Module, certificate: Path) -> None:
    user = {"tls": "starttls", "username": "alice", "password": "pass word"}
    with smtp_server(certificate, auth_required=True, require_starttls=True) as (port, mails):
        plain = probe(run_module, port)
        assert (plain["refused_at"], plain["code"]) == ("mail", 530)
        trusted = {"host": "localhost", "ca_path": str(certificate)}
        result = probe(run_module, port, **user, **trusted)
        assert result["accepted"] is True, result
        wrong = probe(run_module, port, **{**user, "password": "no"}, **trusted)
        assert (wrong["refused_at"], wrong["code"]) == ("auth", 535)
        distrusted = probe(run_module, port, **user)
        assert distrusted["refused_at"] == "starttls"
        assert "certificate verify failed" in distrusted["msg"]
        assert probe(run_module, port, **user, validate_certs=False)["accepted"] is True
    assert len(mails.taken) == 2
    assert mails.failed_logins == 1
    assert mails.taken[0][1].ssl is not None
    assert "pass word" not in str(result)


def test_tls_for_another_name_is_refused(run_module: Module, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "mail.example.org")
    with smtp_server(other) as (port, _):
        more = {"host": "localhost", "ca_path": str(other), "tls": "starttls"}
        result = probe(run_module, port, **more)
    assert "Hostname mismatch" in result["msg"]


def test_implicit_tls(run_module: Module, certificate: Path) -> None:
    with smtp_server(certificate, implicit_tls=True) as (port, mails):
        more = {"tls": "implicit", "host": "localhost", "ca_path": str(certificate)}
        assert probe(run_module, port, **more)["accepted"] is True
    assert len(mails.taken) == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"username": "a", "password": "b"}, "the password would travel in clear"),
        ({"rcpt_to": []}, "rcpt_to is empty"),
        ({"rcpt_to": ["b@x> SIZE=1"]}, "is not an envelope address"),
        ({"mail_from": "a@x\r\nRCPT TO:<c@y>"}, "is not an envelope address"),
        ({"headers": {"Subject": "x\nBcc: c@y"}}, "is not a field"),
        ({"headers": {"Bad Name": "x"}}, "is not a field"),
        ({"username": "a"}, "password"),
        ({"message": "x", "headers": {"A": "b"}}, "mutually exclusive"),
    ],
)
def test_bad_options_send_nothing(run_module: Module, more: dict[str, Any], words: str) -> None:
    with smtp_server() as (port, mails):
        result = probe(run_module, port, **more)
    assert result["failed"] is True
    assert words in result["msg"]
    assert mails.taken == []


def test_check_mode_sends_nothing(run_module: Module) -> None:
    with smtp_server() as (port, mails):
        result = probe(run_module, port, check_mode=True)
    assert result["skipped"] is True
    assert mails.taken == []


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Serve one connection with a function; gives the port."""
    threads: list[threading.Thread] = []
    listeners: list[socket.socket] = []

    def serve(talk: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    talk(connection)
                except OSError:
                    return

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield serve
    for listener in listeners:
        listener.close()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_a_greeting_that_refuses(
    run_module: Module, raw_server: Callable[[Callable[[socket.socket], None]], int]
) -> None:
    port = raw_server(lambda c: c.sendall(b"554 5.7.1 Go away\r\n"))
    result = probe(run_module, port)
    assert (result["refused_at"], result["code"], result["text"]) == (
        "connect",
        554,
        "5.7.1 Go away",
    )


def test_a_closed_port(run_module: Module) -> None:
    result = probe(run_module, free_port())
    assert result["failed"] is True
    assert result["refused_at"] == "connect"
    assert "refused" in result["msg"]


def test_a_server_that_hangs_up_in_the_middle(
    run_module: Module, raw_server: Callable[[Callable[[socket.socket], None]], int]
) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")
        connection.recv(1000)
        connection.sendall(b"250 hello\r\n")
        connection.recv(1000)

    result = probe(run_module, raw_server(talk))
    assert result["failed"] is True
    assert result["refused_at"] == "mail"


@pytest.mark.parametrize("drip", [False, True], ids=["silent", "dripping"])
def test_a_slow_server_costs_no_more_than_the_time(
    run_module: Module, raw_server: Callable[[Callable[[socket.socket], None]], int], drip: bool
) -> None:
    def talk(connection: socket.socket) -> None:
        connection.settimeout(0.1)
        while True:
            try:
                if not connection.recv(1000):
                    return
            except TimeoutError:
                if drip:
                    connection.sendall(b"2")

    began = time.monotonic()
    result = probe(run_module, raw_server(talk), timeout=1)
    assert result["failed"] is True
    assert "time" in result["msg"] or "longer than 1 s" in result["msg"]
    assert time.monotonic() - began < 60  # else it lasts for ever


MAIL = (
    b"X-Spamd-Result: default: False [-1.00 / 15.00];\r\n\tR_SPF_ALLOW(-0.20)[]\r\n"
    b"Message-ID: %s\r\nSubject: probe\r\n\r\nhello\r\n"
)


def wait(port: int, **more: Any) -> dict[str, Any]:
    return {
        "imap_host": "localhost",
        "imap_port": port,
        "username": "bob",
        "password": "pass word",
        "timeout": 60,
        **more,
    }


@pytest.mark.parametrize("size_first", [True, False])
def test_delivery_is_waited_for(run_module: Module, certificate: Path, size_first: bool) -> None:
    message = "From: x\nMessage-ID: <77@x>\n\nhello\n"
    with smtp_server() as (port, _), imap_server(certificate, size_first=size_first) as imap:
        imap.mails.append(MAIL % b"<other@x>")

        def deliver() -> None:
            # Only once it has been looked for in vain, so that waiting is what finds it.
            assert imap.searches.wait(60)
            with imap.lock:
                imap.mails.append(MAIL % b"<77@x>")

        thread = threading.Thread(target=deliver)
        thread.start()
        result = probe(
            run_module,
            port,
            message=message,
            ca_path=str(certificate),
            wait_for_delivery=wait(imap.port),
        )
        thread.join()
    delivery = result["delivery"]
    headers = dict(delivery["headers"])
    assert headers["Message-ID"] == "<77@x>"
    assert headers["X-Spamd-Result"].replace("\r", "") == (
        "default: False [-1.00 / 15.00];\n\tR_SPF_ALLOW(-0.20)[]"
    )
    assert delivery["size"] == len(MAIL % b"<77@x>")
    assert delivery["body_size"] == len(b"hello\r\n")
    assert "pass word" not in str(result)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"timeout": 3}, "was not in INBOX of bob within 3 s"),
        ({"password": "wrong"}, "AUTHENTICATIONFAILED"),
        ({"mailbox": "Junk"}, "no such mailbox"),
        ({"imap_host": "127.0.0.1"}, "IP address mismatch"),
    ],
)
def test_delivery_that_does_not_come(
    run_module: Module, certificate: Path, more: dict[str, Any], words: str
) -> None:
    began = time.monotonic()
    with smtp_server() as (port, _), imap_server(certificate) as imap:
        result = probe(
            run_module, port, ca_path=str(certificate), wait_for_delivery=wait(imap.port, **more)
        )
    assert result["failed"] is True
    assert words in result["msg"]
    assert result["accepted"] is True
    assert time.monotonic() - began < 60  # else it lasts for ever


def test_a_refused_message_is_not_waited_for(run_module: Module, certificate: Path) -> None:
    with smtp_server() as (port, _), imap_server(certificate) as imap:
        result = probe(run_module, port, body="GTUBE", wait_for_delivery=wait(imap.port))
        assert not imap.searches.is_set()
    assert (result["code"], "delivery" in result) == (554, False)
