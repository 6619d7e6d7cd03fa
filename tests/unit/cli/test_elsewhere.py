"""Commands that have another host do their work (``--host``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.ports import free_port
from unit.workers.engine import COMMAND, MESSAGE, SPAM, Engine

from filter_engine.cli.envelope import request_headers
from filter_engine.cli.main import group
from filter_engine.scan.envelope import Envelope
from filter_engine.wire.request import parse_envelope

TEXT = (
    b"Our warehouse offers cheap replica watches for every gentleman who desires to impress his "
    b"colleagues without spending a fortune; order before midnight and receive a second one free "
    b"of charge together with a handsome leather strap, shipped discreetly to any country.\r\n"
) * 2


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A filter with a storage of fuzzy hashes of its own."""
    directory = tmp_path_factory.mktemp("elsewhere")
    (directory / "db").mkdir()
    running, port = Engine(directory / "e"), free_port()
    running.command = (*COMMAND, f"--var=DBDIR={directory / 'db'}")
    running.write(
        "worker-fuzzy.inc",
        f'count = 1; bind_socket = "127.0.0.1:{port}"; backend = "sqlite";\n'
        'allow_update = ["127.0.0.1"];',
    )
    running.write(
        "fuzzy_check.conf",
        f'rule "local" {{ servers = "127.0.0.1:{port}"; algorithm = "mumhash"; timeout = 10s;\n'
        "  max_score = 5; fuzzy_map { FUZZY_DENIED { flag = 1; max_score = 5; } } }",
    )
    running.write("actions.conf", "reject = 14;")
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    file = tmp_path / "mail.eml"
    file.write_bytes(MESSAGE + TEXT)
    return file


def run(engine: Engine, *words: str, port: int = 0) -> Result:
    host = f"127.0.0.1:{port or engine.controller}"
    return CliRunner().invoke(group, [*words, "--host", host], prog_name="filter-engine")


def test_scan(engine: Engine, tmp_path: Path) -> None:
    spam = tmp_path / "spam.eml"
    spam.write_bytes(SPAM)
    done = run(engine, "scan", str(spam), "-i", "198.51.100.7", "-r", "a@home.example")
    assert done.exit_code == 0, done.output
    assert "spam.eml: reject, score 0.00 (reject at 14.00)" in " ".join(done.output.split())
    assert "GTUBE" in done.output
    said = json.loads(run(engine, "scan", "--json", str(spam), port=engine.normal).output)
    assert (said["action"], said["required_score"]) == ("reject", 14.0)
    refused = run(engine, "scan", str(spam), "--record", str(tmp_path / "r"))
    assert (refused.exit_code, "leave out --host" in refused.output) == (2, True)


def test_the_envelope_goes_along_with_every_recipient(engine: Engine, mail: Path) -> None:
    envelope = Envelope(
        ip="198.51.100.7", mail_from="ä@x.example", rcpt_to=("a@y.example", '"b, c"@y.example')
    )
    sent = request_headers(envelope)
    read = parse_envelope([(k.lower().encode(), v.encode()) for k, v in sent.items()])
    assert (read.ip, read.mail_from, read.rcpt_to) == (
        envelope.ip,
        envelope.mail_from,
        envelope.rcpt_to,
    )
    words = ("explain", "--json", str(mail), "-i", "198.51.100.7", "-F", "a@x.example", "-r", "b@y")
    said = json.loads(run(engine, *words).output)
    local = (f"--var=LOCAL_CONFDIR={engine.directory}", f"--var=DBDIR={engine.directory.parent}/db")
    here = json.loads(CliRunner().invoke(group, [*words, *local]).output)
    names = [{symbol["name"] for symbol in each["symbols"]} for each in (said, here)]
    assert names[0] == names[1]


def test_explain_for_people(engine: Engine, mail: Path) -> None:
    done = run(engine, "explain", str(mail), "-i", "198.51.100.7")
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"{mail}: no action, score ")
    assert f"{engine.local_d}/actions.conf:1" in done.output.replace("\n", "")
    wrong = run(engine, "explain", "--header", "default: False [1 / 15]")
    assert (wrong.exit_code, "with --host message FILES" in wrong.output) == (2, True)


def test_fuzzy(engine: Engine, mail: Path) -> None:
    assert "not known" in run(engine, "fuzzy", "check", str(mail)).output
    done = run(engine, "fuzzy", "add", "-f", "1", "-w", "7", str(mail))
    assert (done.exit_code, ": done, list 1" in done.output) == (0, True), done.output
    known = run(engine, "fuzzy", "check", "--json", str(mail))
    (row,) = json.loads(known.output)
    assert (row["found"], row["flag"], row["weight"], row["rule"]) == (True, 1, 7, "local")
    shown = run(engine, "fuzzy", "check", str(mail))
    assert "local: part " in shown.output
    assert "known, list 1, weight 7" in shown.output
    assert run(engine, "fuzzy", "del", "-f", "1", str(mail)).exit_code == 0
    gone = run(engine, "fuzzy", "check", str(mail))
    assert (gone.exit_code, "not known" in gone.output) == (1, True)
    wrong = run(engine, "fuzzy", "add", "-f", "9", str(mail))
    assert (wrong.exit_code, "no rule of fuzzy_check may be taught flag 9" in wrong.output) == (
        1,
        1,
    )
    missing = run(engine, "fuzzy", "check", str(mail.with_name("none")))
    assert (missing.exit_code, "cannot be read" in missing.output) == (1, True)


def test_the_configuration_of_another_host(engine: Engine) -> None:
    assert (
        json.loads(run(engine, "configdump", "actions", "--json").output)["actions"]["reject"] == 14
    )
    done = run(engine, "config", "explain", "actions.reject")
    assert done.output.startswith("actions.reject = 14")
    assert f"{engine.local_d}/actions.conf:1" in done.output
    (said,) = json.loads(run(engine, "config", "explain", "actions.reject", "--json").output)
    assert said["key"] == "actions.reject"
    wrong = run(engine, "config", "explain", "actions.rejekt")
    assert (wrong.exit_code, "actions.rejekt" in wrong.output) == (1, True)
    secret = run(engine, "configdump", "--show-secrets")
    assert secret.exit_code == 2


def test_its_files_are_tested_there(engine: Engine) -> None:
    done = run(engine, "configtest")
    assert done.exit_code == 0, done.output
    assert done.output.endswith("syntax OK\n")
    report = json.loads(run(engine, "configtest", "--json").output)
    _, _, body = engine.http(engine.controller, "/ready")
    assert (report["ok"], report["config_id"]) == (True, json.loads(body)["config_id"])
    engine.write("greylist.conf", "timeout = often;")
    try:
        refused = run(engine, "configtest")
    finally:
        (engine.local_d / "greylist.conf").unlink()
    assert refused.exit_code == 1
    assert f"{engine.local_d}/greylist.conf:1" in refused.output
    assert "the configuration is refused: 1 error" in refused.output


def test_top_for_programs(engine: Engine) -> None:
    done = run(engine, "top", "--json", "--times", "2", "--interval", "0.2")
    looks = [json.loads(line) for line in done.output.splitlines()]
    assert [look["stat"]["scanned"] for look in looks]
    assert looks[0]["time"] < looks[1]["time"]
    assert len(looks[0]["counters"]) > 100


def test_a_password_file_alone_is_not_taken_for_a_host(tmp_path: Path, mail: Path) -> None:
    done = CliRunner().invoke(group, ["scan", str(mail), "--password-file", str(tmp_path / "p")])
    assert (done.exit_code, "say which, --host HOST" in done.output) == (2, True)
