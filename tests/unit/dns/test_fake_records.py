"""Answers that are written in the configuration."""

from __future__ import annotations

from pathlib import Path

from filter_engine.config import load
from filter_engine.dns.fake_records import FakeRecords
from filter_engine.dns.table import TableResolver
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus

_SITE = """
options { dns { fake_records = [
  { name = "example.com", type = a, replies = ["192.0.2.1", "192.0.2.2"]; },
  { name = "Example.com.", type = mx; replies = ["10 MX.example.com."]; },
  { name = "example.com", type = "txt", replies = ["v=spf1 -all"]; },
  { name = "gone.example", type = a, rcode = 'nxdomain'; },
  { name = "empty.example", type = a, rcode = 'norec'; },
  { name = "slow.example", type = a, rcode = 'timeout'; },
] } }
"""


def _ask(fake: FakeRecords, name: str, rdtype: str) -> DnsAnswer:
    answers: list[DnsAnswer] = []
    fake.ask(DnsQuestion(name, rdtype), answers.append)
    (answer,) = answers
    return answer


def test_answers_of_the_configuration_come_before_those_of_dns(tmp_path: Path) -> None:
    main = tmp_path / "site.conf"
    main.write_text(_SITE)
    records = load(main, {}, {}).options.dns.fake_records
    table = TableResolver({"example.com": {"AAAA": ["2001:db8::1"]}})
    fake = FakeRecords(records, table)
    assert _ask(fake, "example.com", "A").records == ("192.0.2.1", "192.0.2.2")
    assert _ask(fake, "example.com", "MX").records == ((10, "mx.example.com"),)
    assert _ask(fake, "example.com", "TXT").records == (b"v=spf1 -all",)
    assert _ask(fake, "gone.example", "A").status is DnsStatus.NXDOMAIN
    assert _ask(fake, "empty.example", "A").status is DnsStatus.NODATA
    assert _ask(fake, "slow.example", "A").status is DnsStatus.TEMPFAIL
    assert table.asked == []
    # a type that is not written is asked as always
    assert _ask(fake, "example.com", "AAAA").records == ("2001:db8::1",)
    assert table.asked == [DnsQuestion("example.com", "AAAA")]
