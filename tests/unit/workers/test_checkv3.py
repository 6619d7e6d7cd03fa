"""``/checkv3``: a form asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgpack
import orjson
import pytest

from filter_engine.config.model import Config
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action, Verdict
from filter_engine.scanner import Scanner
from filter_engine.wire.budget import Budget
from filter_engine.wire.compression import compress, decompress
from filter_engine.wire.form import boundary_of, read_form
from filter_engine.wire.http.message import Request, Response
from filter_engine.wire.metadata import MAX_METADATA
from filter_engine.wire.request import envelope_headers
from filter_engine.workers.scan_service import ScanService
from filter_engine.workers.self_scan import Judged
from filter_engine.workers.service import Context
from filter_engine.workers.statistics import Statistics

from .engine import MESSAGE, SPAM, Engine

KIND = {"Content-Type": "multipart/form-data; boundary=xyz"}


def form(
    metadata: bytes | Mapping[str, Any], message: bytes = MESSAGE, encoding: str = ""
) -> bytes:
    data = metadata if isinstance(metadata, bytes) else orjson.dumps(metadata)
    packed = f"Content-Encoding: {encoding}\r\n" if encoding else ""
    return (
        b'--xyz\r\nContent-Disposition: form-data; name="metadata"\r\n'
        b"Content-Type: application/json\r\n" + packed.encode() + b"\r\n" + data + b"\r\n"
        b'--xyz\r\nContent-Disposition: form-data; name="message"\r\n'
        + packed.encode()
        + b"\r\n"
        + message
        + b"\r\n--xyz--\r\n"
    )


def result(body: bytes, content_type: str) -> dict[str, Any]:
    (part,) = read_form(body, boundary_of(content_type))
    assert (part.name, part.content_type) == ("result", "application/json")
    data = decompress(part.data, 1_000_000) if part.encoding == "zstd" else part.data
    said: dict[str, Any] = orjson.loads(data)
    return said


class Service:
    """A scan service whose judge remembers what it was given."""

    def __init__(self, budget: Budget | None = None, *, drops_shm: bool = False) -> None:
        self._budget = budget
        self._drops_shm = drops_shm
        self.seen: list[tuple[bytes, Envelope]] = []

    async def _judge(self, raw: bytes, envelope: Envelope) -> Judged:
        self.seen.append((raw, envelope))
        return Judged(Verdict(Action.NO_ACTION, 1.5, 15.0), "test")

    def ask(self, body: bytes, path: str = "/checkv3", **headers: str) -> Response:
        async def main() -> Response:
            statistics, config = Statistics(), Config()
            row = statistics.row(statistics.take())
            context = Context(config, Scanner(config), statistics, row, "normal")
            service = ScanService(
                context, self._judge, budget=self._budget, drops_shm=self._drops_shm
            )
            said = {**KIND, **{name.replace("_", "-"): value for name, value in headers.items()}}
            fields = tuple((n.lower().encode(), value.encode()) for n, value in said.items())
            return await service.handle(Request("POST", path, "", fields, body, "192.0.2.9"))

        return asyncio.run(main())


def test_the_message_and_the_envelope_come_out_of_the_form() -> None:
    service = Service()
    reply = service.ask(form({"from": "a@b.example", "ip": "192.0.2.1"}), Helo="h.example")
    ((raw, envelope),) = service.seen
    assert raw == MESSAGE
    assert (envelope.mail_from, envelope.ip, envelope.helo, envelope.peer) == (
        *("a@b.example", "192.0.2.1", "h.example"),
        "192.0.2.9",
    )
    assert reply.content_type.startswith("multipart/form-data; boundary=")
    assert result(reply.body, reply.content_type)["score"] == 1.5
    assert ("Vary", "Accept, Accept-Encoding") in reply.headers


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("multipart/mixed", "multipart/mixed"),
        ("message/rfc822", "multipart/mixed"),
        ("multipart/form-data", "multipart/form-data"),
        ("*/*", "multipart/form-data"),
    ],
)
@pytest.mark.parametrize("encoding", ["identity", "zstd"])
def test_a_reply_of_parts(accept: str, kind: str, encoding: str) -> None:
    reply = Service().ask(form({}), Accept=accept, Accept_Encoding=encoding)
    assert reply.content_type.partition(";")[0] == kind
    assert "Content-Encoding" not in dict(reply.headers)
    assert (b"Content-Encoding: zstd" in reply.body) is (encoding == "zstd")
    assert result(reply.body, reply.content_type)["action"] == "no action"


def test_a_plain_reply() -> None:
    reply = Service().ask(form({}), Accept="application/json")
    assert (reply.content_type, orjson.loads(reply.body)["score"]) == ("application/json", 1.5)
    reply = Service().ask(form({}), Accept="application/json", Accept_Encoding="zstd")
    assert dict(reply.headers)["Content-Encoding"] == "zstd"
    assert orjson.loads(decompress(reply.body, 100_000))["score"] == 1.5


def test_messagepack() -> None:
    reply = Service().ask(form({}), Accept="application/msgpack")
    assert reply.content_type == "application/msgpack"
    assert msgpack.unpackb(reply.body)["score"] == 1.5
    service = Service()
    body = form(msgpack.packb({"from": "a@b.example", "rcpt": ["c@d.example"]}))
    reply = service.ask(body.replace(b"application/json", b"application/msgpack"))
    assert service.seen[0][1].rcpt_to == ("c@d.example",)
    (part,) = read_form(reply.body, boundary_of(reply.content_type))
    assert part.content_type == "application/msgpack"
    assert msgpack.unpackb(part.data)["score"] == 1.5
    reply = service.ask(form(b"\xc1").replace(b"application/json", b"application/msgpack"))
    assert (reply.status, len(service.seen)) == (500, 1)
    assert "no MessagePack" in orjson.loads(reply.body)["error"]


def test_packed_parts_and_a_packed_body() -> None:
    service = Service()
    packed = form(compress(b'{"helo": "x"}'), compress(MESSAGE), "zstd")
    assert service.ask(packed).status == 200
    assert service.ask(compress(form({"helo": "x"})), Compression="zstd").status == 200
    assert [(raw, said.helo) for raw, said in service.seen] == [(MESSAGE, "x")] * 2


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 500, "closing boundary"),
        (form(b"", b"x"), 500, "missing 'metadata'"),
        (form({}, b""), 500, "missing 'message'"),
        (form({}).replace(b'"metadata"', b'"other"'), 500, "neither metadata nor message"),
        (form({}).replace(b'"metadata"', b'"message"'), 500, "two parts"),
        (form(b"{"), 500, "metadata is no JSON"),
        (form(b"[]"), 500, "not an object"),
        (form(b"[" * 200_000), 500, "metadata is no JSON"),
        (form({"x": "y" * MAX_METADATA}), 500, "metadata of more than"),
        (form(compress(b" " * 10_000_000), compress(b"x"), "zstd"), 500, "metadata of more than"),
        (form(compress(b"{}"), compress(b"\0" * 60_000_000), "zstd"), 413, "larger than"),
        (form(compress(b"{}"), b"junk", "zstd"), 400, "zstd"),
        (form(b"{}", b"x", "gzip"), 500, "Content-Encoding is not zstd"),
        (form({"file": "/etc/passwd"}), 400, "file and shm message sources are not allowed"),
        (form({"shm": "x", "shm_offset": 1}), 400, "not allowed"),
    ],
)
def test_refused(body: bytes, status: int, said: str) -> None:
    service = Service()
    reply = service.ask(body)
    assert (reply.status, service.seen) == (status, [])
    assert said in orjson.loads(reply.body)["error"]


def test_no_such_reply_is_said_before_anything_is_scanned() -> None:
    service = Service()
    assert service.ask(form({}), Accept="application/xml").status == 406
    assert service.seen == []


def test_what_is_copied_and_unpacked_is_within_the_budget() -> None:
    budget = Budget(len(MESSAGE) + 2)
    assert Service(budget).ask(form({})).status == 200
    assert Service(budget).ask(form({}, MESSAGE + b"x")).status == 503
    assert Service(budget).ask(form(compress(b"{}"), compress(b"\0" * 9999), "zstd")).status == 503
    assert budget.used == 0


def test_a_proxy_drops_the_name_of_shared_memory_beside_a_message() -> None:
    shared = {"Shm": "/x", "Shm-Offset": "0", "Shm-Length": "9", "X-Kept": "y"}
    service = Service(drops_shm=True)
    assert service.ask(MESSAGE, "/checkv2", **shared).status == 200
    ((raw, envelope),) = service.seen
    assert raw == MESSAGE
    sent = {name.lower() for name, _ in envelope_headers(envelope)}
    assert b"x-kept" in sent
    assert not any(name.startswith(b"shm") for name in sent)
    assert service.ask(b"", "/checkv2", **shared).status == 400
    assert service.ask(MESSAGE, "/checkv2", File="/etc/passwd").status == 400
    assert Service().ask(MESSAGE, "/checkv2", **shared).status == 400
    assert len(service.seen) == 1


def test_of_a_running_engine(engine: Engine) -> None:
    settings = {"settings": {"symbols_enabled": [], "symbols": ["MINE"]}, "rcpt": "b@home.example"}
    for port in (engine.normal, engine.controller):
        status, headers, body = engine.http(port, "/checkv3", form(settings, SPAM), KIND)
        assert status == 200, body
        said = result(body, headers["Content-Type"])
        assert {"GTUBE", "MINE"} <= said["symbols"].keys()
        assert headers["Vary"] == "Accept, Accept-Encoding"
        packed = {**KIND, "Accept-Encoding": "zstd"}
        status, headers, body = engine.http(port, "/checkv3", form({}, SPAM), packed)
        assert (status, headers.get("Content-Encoding")) == (200, None)
        assert result(body, headers["Content-Type"])["action"] == "reject"


def test_messagepack_of_a_running_engine(engine: Engine) -> None:
    wants = {"Accept": "application/msgpack"}
    for port in (engine.normal, engine.controller):
        status, headers, body = engine.http(port, "/checkv2", SPAM, wants)
        assert (status, headers["Content-Type"]) == (200, "application/msgpack")
        assert msgpack.unpackb(body)["action"] == "reject"
        packed = {**wants, "Compression": "zstd"}
        status, headers, body = engine.http(port, "/checkv2", compress(SPAM), packed)
        assert (headers["Content-Type"], headers["Compression"]) == ("application/msgpack", "zstd")
        assert msgpack.unpackb(decompress(body, 100_000))["action"] == "reject"
    for path in ("/stat", "/symbols", "/nothing"):
        status, headers, body = engine.http(engine.controller, path, None, wants)
        _, _, plain = engine.http(engine.controller, path)
        if path == "/nothing":
            assert (status, body) == (404, plain)
        else:
            assert headers["Content-Type"] == "application/msgpack"
            assert type(msgpack.unpackb(body)) is type(orjson.loads(plain))
    status, headers, body = engine.http(engine.controller, "/metrics", None, wants)
    assert headers["Content-Type"].startswith("application/openmetrics-text")
