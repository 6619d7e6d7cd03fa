"""What a running engine answers to HTTP clients and MTAs."""

from __future__ import annotations

import contextlib
import socket
import time

import orjson
import pytest

from filter_engine.wire.compression import compress, decompress

from .conftest import MakeEngine
from .engine import GTUBE, MESSAGE, SPAM, Engine, Mta, until


def test_ping(engine: Engine) -> None:
    for port in (engine.normal, engine.controller):
        status, headers, body = engine.http(port, "/ping")
        assert (status, body) == (200, b"pong\r\n")
        assert headers["Content-Type"] == "text/plain"


def test_a_scan(engine: Engine) -> None:
    reply = engine.scan(Rcpt="bob@home.example", From="<alice@client.example>")
    assert reply["is_skipped"] is False
    assert reply["required_score"] == 15.0
    assert reply["message-id"] == "1@client.example"
    assert isinstance(reply["symbols"], dict)
    assert reply["symbols"]
    scores = [symbol["score"] for symbol in reply["symbols"].values()]
    assert reply["score"] == pytest.approx(sum(scores))


def test_gtube(engine: Engine) -> None:
    reply = engine.scan(SPAM)
    assert reply["action"] == "reject"
    assert reply["messages"] == {"smtp_message": "Gtube pattern"}


@pytest.mark.parametrize("path", ["/check", "/symbols"])
def test_version_one(engine: Engine, path: str) -> None:
    status, _, body = engine.http(engine.normal, path, SPAM)
    reply = orjson.loads(body)
    assert status == 200
    assert reply["default"]["is_spam"] is True
    assert "GTUBE" in reply["default"]


def test_compressed_both_ways(engine: Engine) -> None:
    status, headers, body = engine.http(
        engine.normal, "/checkv2", compress(SPAM), {"Compression": "zstd"}
    )
    assert (status, headers["Compression"]) == (200, "zstd")
    assert orjson.loads(decompress(body, 100_000))["action"] == "reject"
    status, _, body = engine.http(engine.normal, "/checkv2", b"junk", {"Compression": "zstd"})
    assert status == 400
    assert "zstd" in orjson.loads(body)["error"]


def test_nothing_to_scan(engine: Engine) -> None:
    for body in (None, b""):
        status, _, answer = engine.http(engine.normal, "/checkv2", body)
        reply = orjson.loads(answer)
        assert (status, reply["symbols"], reply["action"]) == (200, {}, "no action")


def test_asked_to_skip(engine: Engine) -> None:
    reply = engine.scan(SPAM, Flags="skip")
    assert (reply["is_skipped"], reply["action"]) == (True, "no action")


@pytest.mark.parametrize("path", ["/", "/nonsense", "/checkv2/x"])
def test_unknown_commands(engine: Engine, path: str) -> None:
    status, _, body = engine.http(engine.normal, path, MESSAGE)
    assert status == 500
    assert orjson.loads(body) == {"error": "invalid command", "error_domain": "protocol-error"}


def test_no_files_are_read_for_clients(engine: Engine) -> None:
    status, _, body = engine.http(engine.normal, "/checkv2", b"", {"File": "/etc/passwd"})
    assert status == 400
    assert b"root:" not in body


def test_milter_accepts_and_edits(make_engine: MakeEngine) -> None:
    engine = make_engine(
        {"milter_headers.conf": 'use = ["x-spamd-bar", "authentication-results"];'}
    ).start()
    forged = b"X-Spam: Yes\r\nX-Spamd-Bar: -----\r\nX-Spam: Yes\r\n" + MESSAGE
    with Mta(engine.proxy) as mta:
        replies = mta.send(forged)
        assert [command for command, _ in replies[:3]] == ["m", "m", "m"]
        assert (("m", b"\0\0\0\2X-Spam\0\0")) in replies
        assert (("m", b"\0\0\0\1X-Spam\0\0")) in replies
        assert (("m", b"\0\0\0\1X-Spamd-Bar\0\0")) in replies
        assert any(c == "h" and p.startswith(b"X-Spamd-Bar\0") for c, p in replies)
        results = [p for c, p in replies if c == "i" and b"Authentication-Results\0" in p]
        assert results[0].startswith(b"\0\0\0\1Authentication-Results\0mx1.home.example")
        assert replies[-1] == ("a", b"")


def test_milter_refuses(engine: Engine) -> None:
    with Mta(engine.proxy) as mta:
        assert mta.send(SPAM)[-1] == ("y", b"554 5.7.1 Gtube pattern\0")


def test_several_messages_and_an_abort(engine: Engine) -> None:
    before = engine.stat()
    with Mta(engine.proxy) as mta:
        assert mta.send(MESSAGE)[-1] == ("a", b"")
        mta.begin()
        mta.content(SPAM)
        mta.say("A")
        assert mta.send(SPAM)[-1][0] == "y"
        assert mta.send(MESSAGE)[-1] == ("a", b"")
        mta.quit()
    after = engine.stat()
    assert after["scanned"] - before["scanned"] == 3
    assert after["actions"]["reject"] - before["actions"]["reject"] == 1  # type: ignore[index]


def test_an_mta_that_writes_packet_by_packet_does_not_wait(engine: Engine) -> None:
    """Without early ACKs each message would take 40 ms (Nagle's algorithm, delayed ACK)."""
    took: list[float] = []
    with Mta(engine.proxy) as mta:
        while len(took) < 100 and min(took, default=1.0) > 0.03:
            began = time.monotonic()
            assert mta.send(SPAM)[-1][0] == "y"
            took.append(time.monotonic() - began)
    assert min(took) < 0.035, "the quickest; a busy machine is slow at times, not always"


def test_a_connection_that_does_not_speak_milter_is_closed_and_counted(engine: Engine) -> None:
    before = engine.stat()["protocol_errors"]
    with socket.create_connection(("127.0.0.1", engine.proxy), timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(100) == b""
    assert engine.stat()["protocol_errors"] == before + 1
    assert "packet of 1195725856 octets" in engine.log.read_text()


def test_a_message_above_the_limit_passes_with_a_header(make_engine: MakeEngine) -> None:
    engine = make_engine()
    options = (engine.local_d / "options.inc").read_text()
    engine.write("options.inc", options + "\nmax_message = 100kb;")
    engine.write("milter_headers.conf", "extended_spam_headers = true;")
    engine.start()
    big = b"X-Spamd-Result: default: False [-99.00 / 15.00]\r\n" + SPAM + b"x" * 200_000
    with Mta(engine.proxy) as mta:
        replies = mta.send(big)
        assert replies[-1] == ("a", b"")
        assert ("m", b"\0\0\0\1X-Spamd-Result\0\0") in replies
        note = b"X-Spam-Status\0No, not scanned (message larger than 102400 bytes)\0"
        assert [p for c, p in replies if c in "hi"] == [note]
        assert mta.send(SPAM)[-1][0] == "y"
    assert engine.stat()["oversize"] == 1
    status, _, body = engine.http(engine.normal, "/checkv2", big)
    assert status == 413
    assert orjson.loads(body)["error"] == "Message larger than 102400 bytes"


def test_a_scanner_with_a_smaller_limit_does_not_stop_mail(make_engine: MakeEngine) -> None:
    small, engine = make_engine(), make_engine()
    small.write("options.inc", "max_message = 10kb;")
    small.start()
    engine.write("worker-proxy.inc", engine.proxy_inc(f"127.0.0.1:{small.normal}"))
    engine.start()
    with Mta(engine.proxy) as mta:
        replies = mta.send(SPAM + b"x" * 20_000)
        assert replies[-1] == ("a", b"")
        assert any(b"not scanned" in payload for _, payload in replies)


def test_a_proxy_that_scans_itself(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.write(
        "worker-proxy.inc",
        f'bind_socket = "127.0.0.1:{engine.proxy}";\n'
        'upstream "local" { default = yes; self_scan = yes; }',
    )
    engine.write("worker-normal.inc", "enabled = false;")
    engine.start()
    with Mta(engine.proxy) as mta:
        assert mta.send(SPAM)[-1][0] == "y"
    assert engine.stat()["scanned"] == 1
    assert "normal" not in engine.workers()


def test_a_proxy_that_speaks_http(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.write("worker-proxy.inc", engine.proxy_inc(more="milter = no;"))
    engine.start()
    status, _, body = engine.http(engine.proxy, "/checkv2", SPAM)
    assert (status, orjson.loads(body)["action"]) == (200, "reject")


def test_a_unix_socket_with_its_mode(make_engine: MakeEngine) -> None:
    engine = make_engine()
    path = engine.directory / "milter.sock"
    engine.write("worker-proxy.inc", engine.proxy_inc(more=f'bind_socket = "{path} mode=0666";'))
    engine.start()
    assert path.stat().st_mode & 0o777 == 0o666
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(b"\0\0\0\rO\0\0\0\6\0\0\1\xff\0\x1f\xff\xff")
        assert sock.recv(100)[:5] == b"\0\0\0\rO"
    assert engine.stop() == 0
    assert not path.exists()


def test_statistics_add_up(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    for number in range(10):
        engine.scan(SPAM if number < 3 else MESSAGE)
    stat = engine.stat()
    assert stat["scanned"] == 10
    assert stat["actions"]["reject"] == 3  # type: ignore[index]
    assert stat["spam_count"] == 3
    assert stat["ham_count"] == 7
    assert len(stat["scan_times"]) == 10  # type: ignore[arg-type]
    assert stat["bytes_scanned"] == 3 * len(SPAM) + 7 * len(MESSAGE)
    assert GTUBE.decode() not in engine.log.read_text()
    lines = [
        line for line in engine.log.read_text().splitlines() if "rspamd_task_write_log" in line
    ]
    assert len(lines) == 10
    until(lambda: engine.stat()["connections"] >= 10, "connections are counted")


def test_twenty_thousand_header_fields_do_not_pass_unscanned(engine: Engine) -> None:
    oversize = engine.stat()["oversize"]
    with Mta(engine.proxy) as mta:
        mta.begin()
        for _ in range(20_001):
            mta.say("L", b"A\0\0")
        mta.content(SPAM)
        assert mta.finish()[-1] == ("y", b"554 5.7.1 Gtube pattern\0")
    assert engine.stat()["oversize"] == oversize


def test_a_subject_of_half_a_character_is_rewritten(make_engine: MakeEngine) -> None:
    """UTF-7 can say U+D800, which no UTF-8 can."""
    engine = make_engine({"actions.conf": "rewrite_subject = -50;"}).start()
    odd = MESSAGE.replace(b"Subject: hello", b"Subject: =?utf-7?B?KzJBQS0=?=")
    assert engine.scan(odd)["action"] == "rewrite subject"
    with Mta(engine.proxy) as mta:
        replies = mta.send(odd)
    assert replies[-1] == ("a", b"")
    (subject,) = [payload for command, payload in replies if b"Subject\0" in payload]
    assert subject.startswith(b"\0\0\0\1Subject\0***SPAM*** ")
