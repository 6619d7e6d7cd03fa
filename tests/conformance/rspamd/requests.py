"""Sends a case's request and reads the reply."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgpack
import pytest
import zstandard

from .adaptations import BEFORE, FOUND_BEFORE, SECOND
from .cases import Case
from .clamd import finding_clamd
from .engine import Engine

TIMEOUT = 30.0
_READ_ONLY = ("/stat", "/uptime", "/counters", "/statreset")


@dataclass
class Reply:
    """Status, headers (lower-case) and body; ``data`` is the JSON of the body or of its part."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def prepare(case: Case, engine: Engine) -> None:
    """Do what the suite does before the request; what it does once, before each."""
    for step in (*case.said["suite_setup"], *case.said["pre"]):
        if "copyfile" in step:
            source, target = (engine.filled(word) for word in step["copyfile"])
            if Path(target).is_relative_to(engine.directory):
                shutil.copyfile(source, target)
        if "sleep" in step:
            time.sleep(float(step["sleep"].rstrip("s")))
        if "redis_hset" in step:
            engine.redis_command("HSET", *(engine.filled(word) for word in step["redis_hset"]))
        if "redis_set" in step:
            engine.redis_command("SET", *(engine.filled(word) for word in step["redis_set"]))
    name = case.id.partition("::")[2]
    if name in FOUND_BEFORE:
        with finding_clamd(engine.port("CLAM")):
            _scan_before(name, engine)
            engine.redis_until_kept(FOUND_BEFORE[name])
    else:
        _scan_before(name, engine)


def _scan_before(name: str, engine: Engine) -> None:
    for message, headers in BEFORE.get(name, ()):
        body = (engine.tests / "messages" / message).read_bytes()
        connection = _connection(engine.port("NORMAL"), secure=False)
        try:
            connection.request("POST", "/checkv2", body, headers)
            assert connection.getresponse().status == 200
        finally:
            connection.close()


def send(case: Case, engine: Engine) -> Reply:
    """Send the request of a case."""
    said = case.said
    endpoint, method = said["endpoint"], "POST"
    if " " in endpoint:
        method, endpoint = endpoint.split(" ", 1)
    elif endpoint in _READ_ONLY:
        method = "GET"
    headers = {
        name: _header(value, engine) for name, value in (said["request_headers"] or {}).items()
    }
    headers.setdefault("Queue-Id", "conformance")
    body = _body(case, engine)
    if endpoint == "/checkv3":
        body, headers = _form(case, body, headers)
    secure = said["via"] == "https"
    connection = _connection(engine.port(_target(case, secure)), secure)
    try:
        connection.request(
            method,
            endpoint,
            None if method == "GET" else body,
            {name: value.encode() for name, value in headers.items()},
        )
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        reply = Reply(answer.status, found, answer.read())
    finally:
        connection.close()
    reply.data = _data(reply)
    return reply


def _connection(port: int, secure: bool) -> http.client.HTTPConnection:
    if not secure:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT, context=context)


def _target(case: Case, secure: bool) -> str:
    target = str(case.said.get("port") or case.said.get("target") or case.said["via"]).lower()
    if "proxy" in target or case.configuration in SECOND:
        return "PROXY"
    worker = "CONTROLLER" if "controller" in target else "NORMAL"
    return f"{worker}_SSL" if secure else worker


def _header(value: object, engine: Engine) -> str:
    text = "" if value is None else str(value)
    if text.startswith("URLENCODED:"):
        return quote(engine.filled(text.removeprefix("URLENCODED:")))
    return engine.filled(text)


def _body(case: Case, engine: Engine) -> bytes:
    said = case.said
    if said.get("data") is not None:
        return str(said["data"]).encode()
    name = said.get("message")
    if not name or name == "/dev/null":
        return b""
    path = Path(engine.filled(name) if name.startswith(("/", "{")) else engine.tests / name)
    if not path.exists():
        pytest.skip(f"no message {name} in the data")
    return path.read_bytes()


def _form(case: Case, body: bytes, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """The body of ``/checkv3``: a form with the metadata and the message."""
    said = case.said
    metadata = said.get("v3_metadata") or said.get("metadata") or {}
    if isinstance(metadata, str):
        metadata = json.loads(metadata)
    kind = "application/json"
    raw = json.dumps(metadata).encode()
    if headers.pop("metadata_format", "") == "msgpack":
        kind, raw = "application/msgpack", msgpack.packb(metadata)
    parts = [("metadata", kind, raw), ("message", "", body)]
    if said.get("v3_single_part"):
        name, text, *kinds = said["v3_single_part"]
        parts = [(name, kinds[0] if kinds else "", text.encode())]
    boundary = uuid.uuid4().hex
    lines = b""
    for name, kind, content in parts:
        lines += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n'.encode()
        if kind:
            lines += f"Content-Type: {kind}\r\n".encode()
        lines += b"\r\n" + content + b"\r\n"
    headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
    if said.get("v3_accept"):
        headers["Accept"] = said["v3_accept"]
    if said.get("v3_accept_encoding"):
        headers["Accept-Encoding"] = said["v3_accept_encoding"]
    return lines + f"--{boundary}--\r\n".encode(), headers


def _data(reply: Reply) -> dict[str, Any]:
    body = reply.body
    kind = reply.headers.get("content-type", "")
    if kind.startswith("multipart/"):
        kind, body = _result(body, kind)
    if reply.headers.get("content-encoding") == "zstd":
        body = zstandard.decompress(body)
    try:
        found = msgpack.unpackb(body) if "msgpack" in kind else json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _result(body: bytes, kind: str) -> tuple[str, bytes]:
    """Type and content of the part ``result`` of a reply of several, unpacked."""
    boundary = kind.partition('boundary="')[2].partition('"')[0]
    (part,) = [p for p in body.split(f"--{boundary}".encode()) if b'name="result"' in p]
    head, _, data = part.partition(b"\r\n\r\n")
    data = data.removesuffix(b"\r\n")
    if b"Content-Encoding: zstd" in head:
        data = zstandard.decompress(data)
    return "msgpack" if b"msgpack" in head else "json", data
