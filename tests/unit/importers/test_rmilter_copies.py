"""rmilter's section beanstalk: rows C32 to C36 and the recipe of C62."""

from __future__ import annotations

from filter_engine.importers.outcome import Outcome
from filter_engine.importers.rmilter import import_rmilter
from filter_engine.ucl import parse, to_python


def data(outcome: Outcome, name: str) -> object:
    return to_python(parse(outcome.files[f"local.d/{name}"]))


def lost(outcome: Outcome) -> dict[str, int]:
    return {remark.subject: remark.line for remark in outcome.remarks if remark.lost}


def test_recipe_mirror() -> None:
    found = import_rmilter(
        """\
beanstalk {
  copy_server = localhost:11300;
  send_beanstalk_copy = yes;
  # Please note that copy probability is floating point number from 0.0 to 1.0
  copy_probability = 0.1;
}
""",
        "r.conf",
    )
    assert lost(found) == {}
    assert data(found, "metadata_exporter.conf") == {
        "rules": {
            "RMILTER_COPY": {
                "backend": "beanstalk",
                "host": "localhost",
                "port": 11300,
                "formatter": "default",
                "selector": "default",
                "probability": 0.1,
            }
        }
    }


def test_headers_and_spam_go_to_their_queues() -> None:
    found = import_rmilter(
        """\
beanstalk {
  servers = bot01.example.com:3132, bot02.example.com;
  spam_server = localhost;
  copy_server = localhost;
  id_regexp = "/^ticket-[0-9]+/";
  send_beanstalk_headers = yes;
  send_beanstalk_spam = yes;
  connect_timeout = 1s;
  lifetime = 172800;
}
""",
        "r.conf",
    )
    written = data(found, "metadata_exporter.conf")
    assert isinstance(written, dict)
    headers, spam = (written["rules"][f"RMILTER_{name}"] for name in ("HEADERS", "SPAM"))
    assert len(written["rules"]) == 2
    assert (headers["host"], headers["port"]) == ("bot01.example.com", 3132)
    assert (headers["formatter"], headers["id_regexp"]) == ("headers", "/^ticket-[0-9]+/")
    assert (spam["selector"], spam["port"]) == ("is_spam", 11300)
    assert {rule["ttr"] for rule in (headers, spam)} == {172800}
    told = {remark.subject: remark.reason for remark in found.remarks}
    assert "only the first" in told["servers"]
    assert "send_beanstalk_copy is not yes" in told["copy_server"]


def test_a_copy_without_a_server_is_told() -> None:
    found = import_rmilter("beanstalk { send_beanstalk_copy = yes; };", "r.conf")
    assert lost(found) == {"send_beanstalk_copy": 1}
