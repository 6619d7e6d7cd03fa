"""``filter-engine dmarc report``, with a real Redis and a real SMTP server."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope, Session
from click.testing import CliRunner, Result
from support.ports import free_port

from filter_engine.auth.dmarc_report_store import ReportStore, day_of, period
from filter_engine.auth.dmarc_row import decode_row
from filter_engine.cli import dmarc_reports
from filter_engine.cli.dmarc import dmarc
from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import Rotation, parse_upstreams
from filter_engine.dns.table import TableResolver
from filter_engine.scan.store import Place, Store
from filter_engine.store.client import StoreClient
from redis_server import PROGRAM, RedisServer

needs_redis = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
DAY = "20261120"
ROWS = (
    "192.0.2.1,pass,pass,none,,example.com,example.com,,,,example.com,pass",
    "203.0.113.5,fail,fail,reject,,example.com,,x.example,,,x.example,fail",
)
RUA = "mailto:r@example.com,mailto:r@foreign.example"
SITE = f"""
options {{ dns {{ nameserver = "127.0.0.1:9"; fake_records = [
  {{ name = "_dmarc.example.com"; type = txt; replies = ["v=DMARC1; p=reject; rua={RUA}"]; }},
  {{ name = "example.com._report._dmarc.foreign.example"; type = txt; replies = ["v=DMARC1"]; }},
  {{ name = "_dmarc.gone.example"; type = txt; rcode = nxdomain; }}
]; }} }}
"""


class Inbox:
    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.refuse = False

    async def handle_DATA(self, _server: Any, _session: Session, envelope: Envelope) -> str:
        if self.refuse:
            return "451 later"
        self.mails.append(envelope)
        return "250 taken"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, str]]:
    handler = Inbox()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield handler, f"127.0.0.1:{controller.port}"
    controller.stop()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


def keep(where: RedisConfig | Place, *rows: tuple[str, str]) -> None:
    """Count (domain, row) as a scan does."""

    async def add() -> None:
        client = StoreClient(TableResolver({}))
        client.open(asyncio.get_running_loop())
        kept = ReportStore(Store("dmarc", where))
        for domain, row in rows:
            question = kept.add(
                period(DAY)[0],
                domain,
                "mailto:r@example.com",
                decode_row(row),
                most=10,
                seconds=9e6,
            )
            assert (await client.answer(question)).ok
        client.close()

    asyncio.run(add())


def redis_at(server: RedisServer) -> RedisConfig:
    servers = parse_upstreams(server.name, 6379, Rotation.MASTER_SLAVE)
    return RedisConfig(servers=servers, timeout=20.0)


@pytest.fixture
def run(tmp_path: Path, redis: RedisServer) -> Any:
    local = tmp_path / "local.d"
    local.mkdir()
    (local / "redis.conf").write_text(f'servers = "{redis.name}"; timeout = 20s;')
    (local / "dmarc.conf").write_text(
        'reporting { enabled = true; email = "dmarc@mx.example"; domain = "mx.example"; }'
    )
    (tmp_path / "main.conf").write_text('.include "$CONFDIR/filter_engine.conf"\n' + SITE)

    def call(*args: str) -> Result:
        given = ["report", "-c", str(tmp_path / "main.conf"), "--var", f"LOCAL_CONFDIR={tmp_path}"]
        return CliRunner().invoke(dmarc, [*given, *args])

    return call


@needs_redis
def test_a_day_is_reported_and_forgotten(
    run: Any, redis: RedisServer, inbox: tuple[Inbox, str]
) -> None:
    handler, server = inbox
    keep(redis_at(redis), *(("example.com", row) for row in (*ROWS, ROWS[0])))
    result = run(DAY, "--server", server)
    assert result.exit_code == 0, result.output
    assert "2 rows to r@example.com, r@foreign.example" in result.output
    (envelope,) = handler.mails
    assert envelope.mail_from == "dmarc@mx.example"
    assert envelope.rcpt_tos == ["r@example.com", "r@foreign.example"]
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=policy.default)
    (attached,) = mail.iter_attachments()
    document = gzip.decompress(attached.get_content()).decode()
    assert "<count>2</count>" in document
    assert "<disposition>reject</disposition>" in document
    assert run(DAY, "--server", server).output == "nothing to report\n"


@needs_redis
@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("enabled = false;\nreporting { enabled = true; %s }", "the module dmarc is off"),
        ("reporting { %s }", "dmarc.reporting is off; write reporting { enabled = true; }"),
    ],
)
def test_that_nothing_is_counted_is_said(
    run: Any,
    redis: RedisServer,
    inbox: tuple[Inbox, str],
    tmp_path: Path,
    written: str,
    why: str,
) -> None:
    keep(redis_at(redis), ("example.com", ROWS[0]))
    who = 'email = "dmarc@mx.example"; domain = "mx.example";'
    (tmp_path / "local.d" / "dmarc.conf").write_text(written % who)
    result = run(DAY, "--server", inbox[1])
    assert result.exit_code == 0, result.output
    assert f"no mail is being counted: {why}" in result.output
    assert "1 rows to r@example.com" in result.output  # what was counted before


def test_whoever_names_no_reporter_is_told_that_nothing_is_counted(tmp_path: Path) -> None:
    result = CliRunner().invoke(dmarc, ["report", "--var", f"LOCAL_CONFDIR={tmp_path}"])
    assert result.exit_code == 1
    assert "email and domain say who reports" in result.output
    assert "no mail is being counted: dmarc.reporting is off" in result.output


@needs_redis
def test_what_could_not_be_sent_is_kept(
    run: Any, redis: RedisServer, inbox: tuple[Inbox, str]
) -> None:
    handler, server = inbox
    handler.refuse = True
    keep(redis_at(redis), ("example.com", ROWS[0]))
    result = run(DAY, "--server", server)
    assert result.exit_code == 1
    assert "later" in result.output
    handler.refuse = False
    assert run(DAY, "--server", server).exit_code == 0
    assert len(handler.mails) == 1


@needs_redis
def test_a_domain_that_wants_none_any_more_is_forgotten(
    run: Any, redis: RedisServer, inbox: tuple[Inbox, str]
) -> None:
    keep(redis_at(redis), ("gone.example", ROWS[0]))
    assert "no DMARC record" in run(DAY, "--server", inbox[1]).output
    assert run(DAY, "--server", inbox[1]).output == "nothing to report\n"
    assert not inbox[0].mails


@needs_redis
def test_a_slow_domain_does_not_end_the_run(
    run: Any,
    redis: RedisServer,
    inbox: tuple[Inbox, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is kept for the next run; those that come after it are reported."""
    monkeypatch.setattr(dmarc_reports, "_DNS_TIMEOUT", 1.0)
    keep(redis_at(redis), ("a-slow.example", ROWS[0]), ("example.com", ROWS[0]))
    main = tmp_path / "main.conf"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        name = f"127.0.0.1:{silent.getsockname()[1]}"
        main.write_text(main.read_text().replace("127.0.0.1:9", name))
        result = run(DAY, "--server", inbox[1])
        assert result.exit_code == 1
        assert f"a-slow.example {DAY}: no report: DNS took more than 1 s" in result.output
        assert f"example.com {DAY}: 1 rows to " in result.output
        assert len(inbox[0].mails) == 1
        again = run(DAY, "--server", inbox[1])
        assert "a-slow.example" in again.output
        assert "rows to" not in again.output


@needs_redis
def test_reports_can_be_written_instead(run: Any, redis: RedisServer, tmp_path: Path) -> None:
    keep(redis_at(redis), ("example.com", ROWS[0]))
    for _ in range(2):  # nothing is forgotten
        assert run(DAY, "--output", str(tmp_path / "out")).exit_code == 0
    (written,) = (tmp_path / "out").iterdir()
    assert written.name == f"mx.example!example.com!{period(DAY)[0]}!{period(DAY)[1]}.xml.gz.eml"


@needs_redis
def test_a_store_that_is_gone_is_told(run: Any, redis: RedisServer) -> None:
    redis.stop()
    result = run(DAY)
    assert result.exit_code == 1
    assert "the store does not answer" in result.output


@pytest.mark.parametrize("args", [["2026"], ["--server", "x"], ["--server", "x:y"]])
def test_wrong_usage(args: list[str]) -> None:
    assert CliRunner().invoke(dmarc, ["report", *args]).exit_code == 2


def test_a_site_has_to_say_who_it_is(tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    result = CliRunner().invoke(dmarc, ["report", "--var", f"LOCAL_CONFDIR={tmp_path}"])
    assert result.exit_code == 1
    assert "say who reports" in result.output


def test_the_embedded_store_gives_the_same(tmp_path: Path) -> None:
    place = Place(str(tmp_path / "store.sqlite"))
    keep(place, *(("example.com", row) for row in (*ROWS, ROWS[0])))

    async def read() -> tuple[list[str], dict[str, int]]:
        from filter_engine.auth.dmarc_report_store import read_rows

        client = StoreClient(TableResolver({}))
        client.open(asyncio.get_running_loop())
        kept = ReportStore(Store("dmarc", place))
        found = list(kept.collections((await client.answer(kept.names(DAY))).value))
        rows = (await client.answer(kept.rows(found[0]))).value
        counts = {row.ip: count for row, count in read_rows(rows)}
        assert (await client.answer(kept.remove(DAY, found[0]))).ok
        assert not (await client.answer(kept.names(DAY))).value
        client.close()
        return [one.domain for one in found], counts

    assert asyncio.run(read()) == (["example.com"], {"192.0.2.1": 2, "203.0.113.5": 1})
    assert day_of(period(DAY)[0]) == DAY
