"""The command dns: what should stand, for people and programs, and what the world answers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.zone
import pytest
from click.testing import CliRunner, Result

from filter_engine.cli.dns_records import dns as command
from update_server import UpdateServer

KEY = "v=DKIM1; k=rsa; p=" + "A" * 300
RECORDS: list[dict[str, Any]] = [
    {
        "name": "example.net",
        "type": "MX",
        "ttl": 60,
        "value": "10 mx.example.net.",
        "reason": "mx.example.net takes the mail",
        "domain": "example.net",
        "rivals": "",
    },
    {
        "name": "example.net",
        "type": "TXT",
        "ttl": 60,
        "value": "v=spf1 mx include:_spf.news.example -all",
        "reason": "SPF",
        "domain": "example.net",
        "rivals": "v=spf1",
    },
    {
        "name": "m._domainkey.example.org",
        "type": "TXT",
        "ttl": 60,
        "value": KEY,
        "reason": "DKIM",
        "domain": "example.org",
        "rivals": "",
    },
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "records.json"
    policies = {"example.net": "version: STSv1\r\nmode: testing\r\n"}
    path.write_text(json.dumps({"format": 1, "records": RECORDS, "mta_sts": policies}))
    return path


@pytest.fixture
def server() -> Iterator[UpdateServer]:
    soa = "@ 60 IN SOA ns hostmaster 1 3600 600 86400 2\n"
    zones = {
        "example.net.": soa + '@ 60 IN MX 10 mx\n@ 60 IN TXT "v=spf1 mx include:_spf.news.example"'
        ' " -all"\nmx 60 IN A 192.0.2.1\n',
        "example.org.": soa + f'm._domainkey 60 IN TXT "{KEY[:100]}" "{KEY[100:]}"\n',
        "news.example.": soa + '_spf 60 IN TXT "v=spf1 ip4:198.51.100.0/24 -all"\n',
    }
    with contextlib.closing(UpdateServer(zones, authoritative=False)) as running:
        yield running


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments])


def test_people_see_every_record_with_its_reason(path: Path) -> None:
    shown = run("show", "-f", path)
    assert shown.exit_code == 0
    assert "  MX    example.net  (60 s)\n        10 mx.example.net.\n" in shown.output
    assert "-- mx.example.net takes the mail\n" in shown.output
    assert "-- 2 of 10 lookups, and what the included ones ask" in shown.output
    assert "https://mta-sts.example.net/.well-known/mta-sts.txt\n        version: STSv1" in (
        shown.output
    )


def test_a_name_server_reads_what_zone_prints(path: Path) -> None:
    shown = run("show", "-f", path, "--zone")
    zone = dns.zone.from_text(shown.output, ".", relativize=False, check_origin=False)
    assert len(list(zone.iterate_rdatas())) == len(RECORDS)
    (key,) = zone.find_rdataset("m._domainkey.example.org.", "TXT")
    assert b"".join(key.strings).decode() == KEY


def test_show_for_programs_and_of_one_domain(path: Path) -> None:
    shown = json.loads(run("show", "-f", path, "-d", "example.org", "--json").output)
    assert [one["name"] for one in shown["records"]] == ["m._domainkey.example.org"]
    assert shown["records"][0]["value"] == KEY
    assert shown["mta_sts"] == {}
    assert run("show", "-f", path, "--zone", "--json").exit_code == 2


def test_check_is_content(path: Path, server: UpdateServer) -> None:
    done = run("check", "-f", path, "-s", f"127.0.0.1:{server.port}", "--only", "resolver")
    assert done.output == f"3 answers of 127.0.0.1 port {server.port}: no difference\n"
    assert done.exit_code == 0


def test_check_tells_people_what_differs_and_why_it_should_be(
    path: Path, server: UpdateServer
) -> None:
    zone = server.zones[dns.name.from_text("example.net.")]
    zone.delete_rdataset("example.net.", "MX")
    arguments = ("check", "-f", path, "-s", f"127.0.0.1:{server.port}", "--only", "resolver")
    done = run(*arguments)
    assert done.exit_code == 1
    assert done.output.startswith(
        f"missing: example.net MX at 127.0.0.1 port {server.port}: 10 mx.example.net. is not there"
        "\n    publish: example.net. 60 IN MX 10 mx.example.net.\n"
        "    it is there because: mx.example.net takes the mail\n"
    )
    told = json.loads(run(*arguments, "--json").output)
    assert told["status"] == 1
    (finding,) = told["findings"]
    assert (finding["fault"], finding["name"], finding["type"]) == ("missing", "example.net", "MX")
    assert run(*arguments, "-d", "example.org").exit_code == 0


def test_nobody_to_ask(path: Path) -> None:
    done = run("check", "-f", path, "-s", "127.0.0.1:9", "--timeout", "0.2")
    assert done.exit_code == 2
    who = "127.0.0.1 port 9"
    assert f"not asked: {who} " in done.output
    assert f"not asked: the authoritative servers cannot be found: {who} " in done.output
    assert f"not asked: SPF record of _spf.news.example: {who} " in done.output
    assert done.output.endswith(f"no answer of {who}: nothing was compared, 3 could not be had\n")


def test_nobody_to_ask_for_programs(path: Path) -> None:
    arguments = ("-f", path, "-s", "127.0.0.1:9", "--timeout", "0.2", "--only", "authoritative")
    told = json.loads(run("check", *arguments, "--json").output)
    assert (told["status"], told["asked"], told["servers"]) == (2, 0, [])
    assert {one["server"] for one in told["findings"]} == {None}
    assert run("check", *arguments).output.endswith(
        "no answer of any server: nothing was compared, 2 could not be had\n"
    )


@pytest.mark.parametrize("verb", ["show", "check"])
def test_a_file_that_cannot_be_read(verb: str, tmp_path: Path) -> None:
    done = run(verb, "-f", tmp_path / "none.json")
    assert done.exit_code == 2
    assert done.output == f"filter-engine: {tmp_path}/none.json: No such file or directory\n"


def test_a_name_is_no_server(path: Path) -> None:
    done = run("check", "-f", path, "-s", "ns.example.net")
    assert done.exit_code == 2
    assert "is not ADDRESS" in done.output
