"""What is changed through the controller: dynamic layer, record, undo; and who may ask for it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from filter_engine.config.addresses import AddressSet
from filter_engine.config.workers import ControllerConfig
from filter_engine.workers.access import (
    PERIOD,
    WRONG_PASSWORDS,
    AccessControl,
    Caller,
    Right,
    TooManyError,
)
from filter_engine.workers.controller.changes import Changes
from filter_engine.workers.controller.counts import url_of
from filter_engine.workers.controller.desk import Route
from filter_engine.workers.controller.worker import by_path

from .engine import COMMAND, SPAM, Engine

NEIGHBOUR = "https://mx1.example"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a DBDIR, a map, a WebUI and a neighbour."""
    directory = tmp_path_factory.mktemp("changes")
    running = Engine(directory / "e")
    database, pages = directory / "db", directory / "www"
    database.mkdir()
    pages.mkdir()
    (pages / "index.html").write_text("<title>pages</title>")
    (pages / "main.js").write_text("1;")
    (directory / "secret").write_text("secret")
    (directory / "senders.map").write_text("one@example.org\n")
    running.command = (*COMMAND, f"--var=DBDIR={database}")
    running.write(
        "multimap.conf",
        f'SENDERS {{ type = "from"; map = "{directory}/senders.map"; description = "known"; }}',
    )
    controller = (running.local_d / "worker-controller.inc").read_text()
    running.write("worker-controller.inc", f'{controller}\nstatic_dir = "{pages}";')
    options = (running.local_d / "options.inc").read_text()
    running.write(
        "options.inc", f'{options}\nneighbours {{ mx1 {{ host = "{NEIGHBOUR}"; path = "/mx1"; }} }}'
    )
    (running.directory / "override.d").mkdir()
    (running.directory / "override.d" / "actions.conf").write_text("greylist = 3;")
    try:
        yield running.start()
    finally:
        running.close()


def ask(
    engine: Engine, path: str, body: object = None, **headers: str
) -> tuple[int, dict[str, str], Any]:
    """Status, headers and what the body says; ``body`` other than octets is sent as JSON."""
    raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    status, sent, content = engine.http(engine.controller, path, raw, named)
    kind = sent.get("Content-Type", "")
    return status, sent, json.loads(content) if kind == "application/json" else content


def actions(engine: Engine) -> dict[str, float | None]:
    return {row["action"]: row["value"] for row in ask(engine, "/actions")[2]}


def score(engine: Engine, name: str) -> float:
    rows = [row for group in ask(engine, "/symbols")[2] for row in group["rules"]]
    return float(next(row["weight"] for row in rows if row["symbol"] == name))


def test_thresholds_are_saved_used_and_taken_back(engine: Engine) -> None:
    with engine.replaced():
        assert ask(engine, "/saveactions", [14, None, 7, 3])[0] == 200
    assert (actions(engine)["reject"], actions(engine)["add header"]) == (14.0, 7.0)
    newest = ask(engine, "/changes")[2][0]
    assert newest["who"] == "127.0.0.1"
    assert newest["what"] == "actions"
    assert newest["before"] == {"reject": "unset", "add_header": "unset"}
    assert newest["after"] == {"reject": 14.0, "add_header": 7.0}
    with engine.replaced():
        assert ask(engine, "/undo", b"", Id=str(newest["id"]))[0] == 200
    assert actions(engine)["reject"] == 15.0
    assert ask(engine, "/changes")[2][0]["undoes"] == newest["id"]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/saveactions", [1, 2, 3, 4], "fall"),
        ("/saveactions", [15, None, 6], "expected"),
        ("/saveactions", ["a", None, 6, 3], "no score"),
        ("/saveactions", b"[1e999,null,6,3]", ""),
        ("/saveactions", b"no json", "parse"),
        ("/saveactions", [15, None, 6, 2], "override.d/actions.conf"),
        ("/savesymbols", [{"name": "NO_SUCH", "value": 1}], "no symbol"),
        ("/savesymbols", [{"name": "GTUBE", "value": True}], "no score"),
        ("/savesymbols", [1], "expected"),
        ("/savesymbols", [{"name": "GTUBE", "value": 1e9}], "over"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    engine: Engine, path: str, body: object, says: str
) -> None:
    before = ask(engine, "/changes")[2]
    status, _, said = ask(engine, path, body)
    assert status == 400
    assert says in said["error"]
    assert ask(engine, "/changes")[2] == before


def test_scores_are_saved(engine: Engine) -> None:
    name = "FROM_HAS_DN"
    assert score(engine, name) == 0.0
    with engine.replaced():
        assert ask(engine, "/savesymbols", [{"name": name, "value": 0.25}])[0] == 200
    assert score(engine, name) == 0.25
    symbols = engine.scan()["symbols"]
    assert isinstance(symbols, dict)
    assert symbols[name]["score"] == 0.25
    same = ask(engine, "/changes")[2]
    assert ask(engine, "/savesymbols", [{"name": name, "value": 0.25}])[0] == 200
    assert ask(engine, "/changes")[2] == same, "nothing changed, nothing written"
    assert ask(engine, "/savesymbols")[0] == 405


def test_counters_go_on_after_a_reload(engine: Engine) -> None:
    def hits(name: str) -> int:
        return next(int(r["hits"]) for r in ask(engine, "/counters")[2] if r["symbol"] == name)

    before = hits("FROM_HAS_DN")
    engine.scan()
    assert hits("FROM_HAS_DN") == before + 1
    engine.hup()
    assert hits("FROM_HAS_DN") == before + 1


def test_maps_are_shown_changed_and_taken_back(engine: Engine) -> None:
    rows = ask(engine, "/maps")[2]
    mine = next(row for row in rows if row["uri"].endswith("senders.map"))
    assert mine["editable"] is True
    assert "multimap" in mine["description"]
    number = str(mine["map"])
    assert ask(engine, "/getmap", Map=number)[2] == b"one@example.org\n"
    assert ask(engine, "/savemap", b"two@example.org\n", Map=number)[0] == 200
    assert Path(mine["uri"]).read_text() == "two@example.org\n"
    newest = ask(engine, "/changes")[2][0]
    assert (newest["what"], newest["before"]) == ("map", "one@example.org\n")
    assert ask(engine, "/undo", b"", Id=str(newest["id"]))[0] == 200
    assert Path(mine["uri"]).read_text() == "one@example.org\n"

    # What is no UTF-8 comes back octet by octet, and a file that was not there goes again.
    file = Path(mine["uri"])
    for old in (b"caf\xe9@example.org\n", None):
        if old is None:
            file.unlink()
        else:
            file.write_bytes(old)
        assert ask(engine, "/savemap", b"two@example.org\n", Map=number)[0] == 200
        newest = ask(engine, "/changes")[2][0]
        assert ask(engine, "/undo", b"", Id=str(newest["id"]))[0] == 200
        assert (file.read_bytes() if file.exists() else None) == old
        undone = ask(engine, "/changes")[2][0]
        assert ask(engine, "/undo", b"", Id=str(undone["id"]))[0] == 200
        assert file.read_bytes() == b"two@example.org\n"
    assert ask(engine, "/getmap")[0] == 400
    assert ask(engine, "/getmap", Map="1")[0] == 404
    assert ask(engine, "/savemap", b"\xff", Map=number)[0] == 400
    assert all(not row["editable"] for row in rows if "/conf/maps.d/" in row["uri"])


def test_metrics(engine: Engine) -> None:
    engine.scan(SPAM)
    status, headers, body = ask(engine, "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    lines = body.decode().splitlines()
    assert lines[-1] == "# EOF"
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(values['rspamd_actions_total{type="reject"}']) >= 1
    assert float(values["rspamd_scanned_total"]) >= 1
    count = float(values["filter_engine_scan_seconds_count"])
    assert count == float(values['filter_engine_scan_seconds_bucket{le="+Inf"}']) >= 1
    named = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {"filter_engine_dns_asked", "filter_engine_check_errors"} <= named
    for name in values:
        bare = name.partition("{")[0]
        assert any(bare.startswith(family) for family in named), name


def test_files_of_a_webui_and_nothing_beside_them(engine: Engine) -> None:
    status, headers, body = ask(engine, "/")
    assert (status, body) == (200, b"<title>pages</title>")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert ask(engine, "/main.js")[1]["Content-Type"].startswith("text/javascript")
    for path in ("/../secret", "/%2e%2e/secret", "/..%2fsecret", "//secret", "/.", "/main.js/"):
        assert ask(engine, path)[0] == 404, path


def test_only_neighbours_pages_may_ask_from_a_browser(engine: Engine) -> None:
    """The host is trusted, but not what any page makes its browser ask."""
    status, headers, _ = ask(engine, "/stat", Origin=NEIGHBOUR, Password="none")
    assert headers["Access-Control-Allow-Origin"] == NEIGHBOUR
    assert status == 200
    status, headers, _ = ask(engine, "/stat", Origin="https://evil.example")
    assert status == 401
    assert "Access-Control-Allow-Origin" not in headers
    assert ask(engine, "/statreset", Sec_Fetch_Site="cross-site")[0] == 401
    own = f"http://127.0.0.1:{engine.controller}"
    assert ask(engine, "/stat", Origin=own, Sec_Fetch_Site="same-origin")[0] == 200


def test_an_image_of_another_site_changes_nothing(engine: Engine) -> None:
    """Over plain HTTP to an address browsers say the page at most, and the languages."""
    own = f"http://127.0.0.1:{engine.controller}/"
    image = {"Accept_Language": "en"}
    for path in ("/statreset", "/historyreset", "/learnspam", "/undo"):
        assert ask(engine, path, Referer="http://evil.example/", **image)[0] == 401, path
        assert ask(engine, path, **image)[0] == 405, path
        assert ask(engine, path, Referer=own, **image)[0] == 405, path
    assert ask(engine, "/statreset", Referer=own, Password="any", **image)[0] == 200
    jquery = {"X_Requested_With": "XMLHttpRequest"} | image
    assert ask(engine, "/statreset", Referer=own, **jquery)[0] == 200
    assert ask(engine, "/statreset", b"", Referer=own, **image)[0] == 200
    assert ask(engine, "/statreset")[0] == 200, "no browser: rspamc stat_reset"
    assert ask(engine, "/stat", Referer=own, **image)[0] == 200
    assert ask(engine, "/stat", Referer=f"{NEIGHBOUR}/mx1/", **image)[0] == 200
    assert ask(engine, "/stat", Referer="http://[", **image)[0] == 401


def test_a_path_has_one_endpoint() -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response()

    routes = (Route("/a", answer, Right.READ), Route("/b", answer, Right.NONE))
    assert by_path(routes)["/a"].right is Right.READ
    with pytest.raises(ValueError, match="two endpoints /a"):
        by_path((*routes, Route("/a", answer, Right.NONE)))


def test_a_name_of_another_site_that_leads_here_opens_nothing(engine: Engine) -> None:
    """DNS rebinding: to a browser the page and this host are of one site."""
    evil = f"evil.example:{engine.controller}"
    for more in ({}, {"Origin": f"http://{evil}"}, {"Sec_Fetch_Site": "same-origin"}):
        assert ask(engine, "/stat", Host=evil, Accept_Language="en", **more)[0] == 401
    for own in ("127.0.0.1", "[::1]:1", "localhost:1", socket.gethostname(), "mx1.example"):
        assert ask(engine, "/stat", Host=own, Accept_Language="en")[0] == 200, own
    assert ask(engine, "/stat", Host="mx1.vpn")[0] == 200, "no browser: rspamc -h mx1.vpn"


def test_selectors(engine: Engine) -> None:
    assert ask(engine, "/plugins/selectors/check_selector?selector=from")[2] == {"success": True}
    assert ask(engine, "/plugins/selectors/check_selector?selector=fro(")[2]["success"] is False
    path = "/plugins/selectors/check_message?selector=from('mime'):addr"
    said = ask(engine, path, b"From: A <a@example.org>\r\n\r\nx\r\n")[2]
    assert said == {"success": True, "data": ["a@example.org"]}
    assert ask(engine, "/plugins/selectors/list_extractors")[2]["helo"]["description"]
    assert ask(engine, "/plugins/selectors/list_transforms")[2]["lower"]["description"]


def test_graph_errors_and_scanning(engine: Engine) -> None:
    series = ask(engine, "/graph?type=day")[2]
    assert len(series) == 6
    assert set(series[0][0]) == {"x", "y"}
    assert ask(engine, "/graph?type=hourly")[0] == 400
    assert isinstance(ask(engine, "/errors")[2], list)
    scanned = ask(engine, "/checkv2", SPAM, IP="198.51.100.7")[2]
    assert scanned["action"] == "reject"
    assert ask(engine, "/checkv2", SPAM, File="/etc/passwd")[0] == 400


def test_turns_outlive_a_record_that_is_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filter_engine.workers.controller.changes.LARGEST", 10)
    first, second = Changes(str(tmp_path)), Changes(str(tmp_path))
    entered = threading.Event()

    def other() -> None:
        with second.turn():
            entered.set()
            second.note("b", "map", "x", None, "2")

    with first.turn():
        first.note("a", "map", "x", None, "1" * 20)
        first.note("a", "map", "x", None, "1")  # which puts the file aside
        waiting = threading.Thread(target=other)
        waiting.start()
        assert not entered.wait(0.2)
    waiting.join(10)
    assert [entry["id"] for entry in first.entries()] == [3, 2, 1][: len(first.entries())]
    assert first.entries()[0]["who"] == "b"


# rights, without a server

REMOTE = "203.0.113.5"


def control(now: list[float], **options: Any) -> AccessControl:
    nobody = AddressSet()
    return AccessControl(ControllerConfig(secure_ip=nobody, **options), lambda: now[0])


def right(access: AccessControl, caller: Caller) -> Right:
    return asyncio.run(access.right(caller))


def test_whoever_guesses_too_often_waits_even_with_the_right_password() -> None:
    now = [0.0]
    access = control(now, password=("right",))
    for guess in range(WRONG_PASSWORDS):
        assert right(access, Caller(REMOTE, password=b"%d" % guess)) is Right.NONE
    with pytest.raises(TooManyError):
        right(access, Caller(REMOTE, password=b"right"))
    assert right(access, Caller("203.0.113.6", password=b"right")) is Right.CHANGE
    now[0] = PERIOD
    assert right(access, Caller(REMOTE, password=b"right")) is Right.CHANGE


def test_clients_of_one_ipv6_network_count_as_one() -> None:
    access = control([0.0], password=("right",))
    network = int(ip_address("2001:db8:1:2::"))
    for guess in range(WRONG_PASSWORDS):
        address = str(ip_address(network + guess + 1))
        assert right(access, Caller(address, password=b"wrong")) is Right.NONE
    with pytest.raises(TooManyError):
        right(access, Caller("2001:db8:1:2:ffff::", password=b"right"))


def test_the_password_of_the_documentation_is_for_this_host_alone() -> None:
    access = control([0.0], password=("q1",))
    assert right(access, Caller(REMOTE, password=b"q1")) is Right.NONE
    assert right(access, Caller("127.0.0.1", password=b"q1")) is Right.CHANGE
    assert right(access, Caller(None)) is Right.CHANGE, "a unix socket"


@pytest.mark.parametrize("said", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_client_on_another_hosts_loopback_is_none_of_this_host(said: str) -> None:
    """Its users ask through that host's proxy; they are not the users of this one."""
    proxies = AddressSet(["10.1.1.1/32"])
    config = ControllerConfig(trusted_ips=proxies, password=("q1",))
    access = AccessControl(config, lambda: 0.0)
    assert right(access, Caller("127.0.0.1", said)) is Right.CHANGE
    assert right(access, Caller("10.1.1.1", said)) is Right.NONE
    assert right(access, Caller("10.1.1.1", said, b"q1")) is Right.NONE
    assert access.address(Caller("10.1.1.1", said)) == "10.1.1.1"
    assert access.address(Caller("10.1.1.1", REMOTE)) == REMOTE


@pytest.mark.parametrize(
    ("host", "path", "url"),
    [
        ("mx1", "/", "http://mx1:11334/"),
        ("mx1:80", "/a", "http://mx1:80/a/"),
        ("https://mx1.example", "/rspamd/mx1/", "https://mx1.example/rspamd/mx1/"),
    ],
)
def test_the_url_of_a_neighbour(host: str, path: str, url: str) -> None:
    assert url_of(host, path) == url
