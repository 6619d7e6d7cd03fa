"""To whom a notice goes, and how: HTTP, SMTP, beanstalkd.

Sources: RFC 9112; RFC 5321; beanstalkd's doc/protocol.txt.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from filter_engine.checks.export.metadata import as_json, metadata
from filter_engine.checks.export.options import ExportRule
from filter_engine.config.upstreams import Upstream, UpstreamList
from filter_engine.scan.exchange import Exchange, Step, Tls, Until

if TYPE_CHECKING:
    from filter_engine.scan.task import Task

_MAX_REPLY: Final = 64 * 1024
_MAX_HEADER: Final = 8192
"""Octets of a header that tells of the mail."""
_ADDRESS: Final = re.compile(r"[^\s<>\x00-\x1f\x7f]{1,320}\Z")
_REPLY_ENDS: Final = rb"\d{3}(?: |$)"
_TUBE: Final = re.compile(r"[^A-Za-z0-9+/;.$_()-]")


def http(task: Task, rule: ExportRule, body: bytes, content_type: str = "") -> Exchange:
    """A POST, of the rule's type unless ``content_type`` is; a status other than 2xx fails."""
    url = urlsplit(rule.url)
    lines = [
        f"POST {url.path or '/'}{f'?{url.query}' if url.query else ''} HTTP/1.1",
        f"Host: {url.netloc}",
        f"Content-Type: {_one_line(content_type or rule.mime_type)}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if rule.user:
        login = base64.b64encode(f"{rule.user}:{rule.password}".encode()).decode()
        lines.append(f"Authorization: Basic {login}")
    if rule.meta_headers:
        for name, value in metadata(task, content=False).items():
            text = value if isinstance(value, str) else as_json(value).decode()
            lines.append(f"{_one_line(rule.meta_header_prefix)}{name}: {_one_line(text)}")
    secure = url.scheme == "https"
    verified = Tls.UNVERIFIED if rule.no_ssl_verify else Tls.VERIFIED
    head = "\r\n".join(lines).encode("utf-8", "replace")
    return Exchange(
        _server(url.hostname or "", url.port or (443 if secure else 80)),
        head + b"\r\n\r\n" + body,
        Until.LINE,
        wanted=rb"HTTP/1\.\d 2\d\d",
        timeout=rule.timeout,
        limit=_MAX_REPLY,
        tls=verified if secure else Tls.NONE,
        service="metadata_exporter",
    )


def send_mail(rule: ExportRule, mail: bytes, targets: tuple[str, ...]) -> Exchange | None:
    """A mail to the targets that are addresses; None when there is none."""
    recipients = [target for target in targets if _ADDRESS.match(target)]
    if not recipients or (rule.mail_from and not _ADDRESS.match(rule.mail_from)):
        return None
    said = [b"", b"EHLO " + _ascii(rule.helo), b"MAIL FROM:<" + _ascii(rule.mail_from) + b">"]
    said += [b"RCPT TO:<" + _ascii(target) + b">" for target in recipients]
    steps = [Step(line + b"\r\n" if line else b"", _REPLY_ENDS, rb"2") for line in said]
    steps.append(Step(b"DATA\r\n", _REPLY_ENDS, rb"354"))
    text = re.sub(rb"\r\n|\r|\n", b"\r\n", mail)
    dotted = re.sub(rb"(?m)^\.", b"..", text)
    return Exchange(
        _server(rule.smtp, rule.smtp_port),
        dotted + (b".\r\n" if dotted.endswith(b"\r\n") else b"\r\n.\r\n"),
        Until.LINE,
        _REPLY_ENDS,
        wanted=rb"2",
        farewell=b"QUIT\r\n",
        timeout=rule.timeout,
        limit=_MAX_REPLY,
        steps=tuple(steps),
    )


def beanstalk(rule: ExportRule, body: bytes) -> Exchange:
    """A job in the rule's tube."""
    tube = _TUBE.sub("_", rule.tube)[:200].lstrip("-") or "default"
    put = f"put {rule.priority} {rule.delay:.0f} {rule.ttr:.0f} {len(body)}\r\n"
    return Exchange(
        _server(rule.host, rule.port),
        put.encode() + body + b"\r\n",
        Until.LINE,
        wanted=rb"INSERTED",
        farewell=b"quit\r\n",
        timeout=rule.timeout,
        limit=_MAX_REPLY,
        steps=(Step(f"use {tube}\r\n".encode(), b"", rb"USING"),),
    )


def _server(host: str, port: int) -> UpstreamList:
    return UpstreamList((Upstream(host, 0 if host.startswith("/") else port),))


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)[:_MAX_HEADER]


def _ascii(text: str) -> bytes:
    return re.sub(r"[\x00-\x20\x7f]", "", text).encode("utf-8", "replace")
