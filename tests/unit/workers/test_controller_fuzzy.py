"""Teaching a storage of fuzzy hashes through the controller, also with Rspamd's client."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ports import free_port

from filter_engine.fuzzy.hashes import Policy, Texts, hashes_of
from filter_engine.fuzzy.shingles import Hashing
from filter_engine.message import Message

from .engine import COMMAND, MESSAGE, Engine, until

RSPAMC = shutil.which("rspamc")
TEXT = (
    b"Our warehouse offers cheap replica watches for every gentleman who desires to impress his "
    b"colleagues without spending a fortune; order before midnight and receive a second one free "
    b"of charge together with a handsome leather strap, shipped discreetly to any country.\r\n"
) * 2
#: Nothing like it: one other word in forty leaves a near-duplicate.
FOOTER = (
    b"This message and its attachments are meant for the addressee alone and may be privileged. "
    b"Whoever got it by mistake is asked to tell the sender and to delete every copy at once, as "
    b"reading, forwarding or printing what it says is not permitted by the law of this country.\r\n"
)
LOTTERY = (
    b"Congratulations, your number was drawn from a drum of nine hundred thousand in the spring "
    b"round of our international promotion; to claim the prize contact the fiduciary agent below "
    b"with your full name, occupation and telephone before the committee meets again in June.\r\n"
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A filter with a storage of its own in SQLite."""
    directory = tmp_path_factory.mktemp("fuzzy")
    (directory / "skip.map").write_text("")
    (directory / "db").mkdir()
    running, port = Engine(directory / "e"), free_port()
    running.command = (*COMMAND, f"--var=DBDIR={directory / 'db'}")
    running.write(
        "worker-fuzzy.inc",
        f'count = 1; bind_socket = "127.0.0.1:{port}"; backend = "sqlite";\n'
        f'allow_update = ["127.0.0.1"]; skip_hashes = "{directory}/skip.map";',
    )
    options = (running.local_d / "options.inc").read_text()
    running.write("options.inc", f"{options}\nmap_watch_interval = 0.1s;")
    running.write(
        "fuzzy_check.conf",
        f'rule "local" {{ servers = "127.0.0.1:{port}"; algorithm = "mumhash"; timeout = 10s;\n'
        "  max_score = 20; fuzzy_map { FUZZY_DENIED { flag = 1; }\n"
        "    LEARNT { flag = 4; symbol = FUZZY_DENIED; learn = spam; } } }",
    )
    running.write("classifier-bayes.conf", 'backend = "sqlite";')
    running.write(
        "spamtrap.conf",
        "enabled = true; map = ['/^trap@/']; learn_spam = true; learn_fuzzy = true;",
    )
    try:
        yield running.start()
    finally:
        running.close()


def post(engine: Engine, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, object]]:
    status, _, content = engine.http(engine.controller, path, body, headers)
    return status, json.loads(content)


def is_known(engine: Engine, mail: bytes) -> bool:
    symbols = engine.scan(mail)["symbols"]
    assert isinstance(symbols, dict)
    return "FUZZY_DENIED" in symbols


def test_a_mail_is_taught_known_and_forgotten(engine: Engine) -> None:
    mail = MESSAGE + TEXT
    assert not is_known(engine, mail)
    status, said = post(engine, "/fuzzyadd", mail, Flag="1", Weight="10")
    assert (status, said["success"]) == (200, True)
    hashes = said["hashes"]
    assert isinstance(hashes, list)
    assert is_known(engine, mail)
    assert engine.stat()["fuzzy_hashes"] == {"local": 1}
    assert post(engine, "/fuzzydel", mail, Flag="1")[0] == 200
    assert not is_known(engine, mail)
    assert post(engine, "/fuzzyadd", mail, Flag="1", Weight="10")[0] == 200
    assert post(engine, "/fuzzydelhash", b"", Flag="1", Hash=",".join(hashes))[0] == 200
    assert not is_known(engine, mail)


def test_a_storage_learns_with_the_classifier(engine: Engine) -> None:
    mail = MESSAGE + TEXT.replace(b"watches", b"carpets")
    assert post(engine, "/learnspam", mail) == (200, {"success": True})
    assert is_known(engine, mail)
    assert post(engine, "/learnspam", mail)[0] == 208
    assert post(engine, "/learnham", mail) == (200, {"success": True})
    assert not is_known(engine, mail)


def test_one_lesson_decides_nothing_and_what_fuzzy_add_put_in_stays(engine: Engine) -> None:
    """Also of a mail whose text stands in it twice, in two ways."""
    other = TEXT.replace(b"cheap", b"dear").replace(b"midnight", b"noon tomorrow")
    head = MESSAGE.partition(b"\r\n\r\n")[0].replace(b"1@client", b"2@client")
    mail = (
        head + b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n"
        b"--x\r\nContent-Type: text/plain\r\n\r\n"
        + other.replace(b"watches", b"boats")
        + b"--x\r\nContent-Type: text/html\r\n\r\n<p>"
        + other.replace(
            b"watches", b"boats and <b>more</b> of these <a href='http://a.example'>x</a>"
        )
        + b"--x--\r\n"
    )
    assert post(engine, "/learnspam", mail) == (200, {"success": True})
    symbols = engine.scan(mail)["symbols"]
    assert isinstance(symbols, dict)
    assert 2.0 < symbols["FUZZY_DENIED"]["score"] < 4.0  # greylist, the first action
    again = MESSAGE.replace(b"1@client", b"3@client") + TEXT.replace(b"watches", b"lamps")
    assert post(engine, "/fuzzyadd", again, Flag="1", Weight="100")[0] == 200
    assert post(engine, "/learnspam", again)[0] == 200
    assert post(engine, "/learnham", again)[0] == 200
    symbols = engine.scan(again)["symbols"]
    assert isinstance(symbols, dict)
    assert symbols["FUZZY_DENIED"]["score"] > 10.0


def test_a_hash_that_is_skipped_is_not_taught(engine: Engine) -> None:
    """The file is read again while the storage runs."""
    mail = MESSAGE + FOOTER
    (found,) = hashes_of(Texts(Message(mail)), Policy(), Hashing())
    (engine.directory.parent / "skip.map").write_text(f"{found.digest.hex()}\n")
    until(lambda: post(engine, "/fuzzyadd", mail, Flag="1")[0] == 401, "the map")
    post(engine, "/fuzzydel", mail, Flag="1")
    assert post(engine, "/fuzzyadd", mail, Flag="1")[1]["error"] == "fuzzy hash is skipped"
    status, said = post(engine, "/learnspam", mail)
    assert (status, "hashes_not_learnt" in said) == (200, False)
    assert not is_known(engine, mail)


def test_mail_to_a_trap_is_learnt(engine: Engine) -> None:
    mail = MESSAGE + LOTTERY
    before = engine.stat()["learned"]
    engine.scan(mail, Rcpt="bob@home.example")
    assert not is_known(engine, mail)
    symbols = engine.scan(mail, Rcpt="trap@home.example")["symbols"]
    assert isinstance(symbols, dict)
    assert "SPAMTRAP" in symbols
    until(lambda: is_known(engine, mail), "its hash")
    until(lambda: engine.stat()["learned"] == before + 1, "its words")


def test_a_storage_that_refuses_fails_no_lesson(tmp_path: Path) -> None:
    running, port = Engine(tmp_path / "e"), free_port()
    (tmp_path / "db").mkdir()
    running.command = (*COMMAND, f"--var=DBDIR={tmp_path / 'db'}")
    running.write(
        "worker-fuzzy.inc",
        f'count = 1; bind_socket = "127.0.0.1:{port}"; backend = "sqlite"; allow_update = [];',
    )
    running.write(
        "fuzzy_check.conf",
        f'rule "local" {{ servers = "127.0.0.1:{port}"; algorithm = "mumhash"; timeout = 10s;\n'
        "  fuzzy_map { FUZZY_DENIED { flag = 1; learn = spam; } } }",
    )
    running.write("classifier-bayes.conf", 'backend = "sqlite";')
    try:
        running.start()
        status, said = post(running, "/learnspam", MESSAGE + TEXT)
        assert (status, said["success"]) == (200, True)
        assert "takes no changes from this host" in str(said["hashes_not_learnt"])
        metrics = running.http(running.controller, "/metrics", b"", {})[2].decode()
        assert "filter_engine_hashes_untaught_total 1" in metrics
    finally:
        running.close()


def test_what_is_refused(engine: Engine) -> None:
    mail = MESSAGE + TEXT
    assert post(engine, "/fuzzyadd", mail)[0] == 400
    assert post(engine, "/fuzzyadd", mail, Flag="x")[0] == 400
    assert post(engine, "/fuzzyadd", mail, Flag="7")[0] == 404
    for weight in ("-1", "2147483648", "99999999999", "9" * 30, "x"):
        assert post(engine, "/fuzzyadd", mail, Flag="1", Weight=weight)[0] == 400
    assert post(engine, "/fuzzyadd", mail, Flag="1", Weight="2147483647")[0] == 200
    assert post(engine, "/fuzzydel", mail, Flag="1", Weight="0")[0] == 200
    assert post(engine, "/fuzzydelhash", b"", Flag="1", Hash="12")[0] == 400


@pytest.mark.skipif(RSPAMC is None, reason="no rspamc (Debian's package rspamd)")
def test_rspamc_teaches(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "mail"
    file.write_bytes(MESSAGE + TEXT[::-1].replace(b"\n\r", b"\r\n"))

    def rspamc(*words: str) -> str:
        command = [str(RSPAMC), "-h", f"127.0.0.1:{engine.controller}", "-f", "1", "-w", "10"]
        done = subprocess.run([*command, *words], capture_output=True, timeout=30, check=False)
        return (done.stdout + done.stderr).decode()

    assert "success = true" in rspamc("fuzzy_add", str(file))
    assert is_known(engine, file.read_bytes())
    assert "success = true" in rspamc("fuzzy_del", str(file))
    assert not is_known(engine, file.read_bytes())
