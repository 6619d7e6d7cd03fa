"""Rspamd and this engine share scores through Redis: each uses what the other's WebUI saved."""

from __future__ import annotations

import http.client
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.ports import free_port
from support.redis_server import PROGRAM, RedisServer
from unit.workers.engine import COMMAND, Engine

from filter_engine.config.dynamic_conf import Kept, Shared, read_kept

from .live import Rspamd

if shutil.which("rspamd") is None or PROGRAM is None:
    pytest.skip("no rspamd or no redis-server", allow_module_level=True)

_MAIL = b"From: a@client.example\r\nTo: b@home.example\r\nSubject: x\r\n\r\nhello\r\n"
_MAIN = """
lua = "{folder}/rule.lua";
modules {{ path = "/usr/share/rspamd/plugins/dynamic_conf.lua"; }}
redis {{ servers = "{redis}"; timeout = 20s; prefix = "other"; }}
dynamic_conf {{ redis_watch_interval = 0.2; }}
options {{ dynamic_conf = "{folder}/rspamd_dynamic"; filters = "";
  dns {{ nameserver = "127.0.0.1:9"; timeout = 0.1s; }} }}
logging {{ type = "console"; level = "info"; }}
actions {{ reject = 15; add_header = 6; greylist = 4; rewrite_subject = null; }}
worker {{ type = normal; bind_socket = "127.0.0.1:{normal}"; count = 1; }}
worker {{ type = controller; bind_socket = "127.0.0.1:{controller}"; count = 1;
  secure_ip = ["127.0.0.1"]; }}
"""
_RULE = """
rspamd_config:register_symbol{name = 'MISSING_DATE', score = 1.0, group = 'headers',
  callback = function(task) return true end}
"""


def _post(port: int, path: str, said: object) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, json.dumps(said))
        reply = connection.getresponse()
        assert json.loads(reply.read())["success"] is True
    finally:
        connection.close()


def _get(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def _until(holds: Callable[[], object], what: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, what()
        time.sleep(0.2)


def test_each_uses_what_the_other_saved(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "rule.lua").write_text(_RULE)
    controller, theirs = free_port(), Rspamd(main=tmp_path / "rspamd.conf")
    ours = Engine(tmp_path / "e")
    ours.command = (*COMMAND, f"--var=DBDIR={tmp_path}/db")
    with RedisServer(tmp_path / "redis") as redis:
        (tmp_path / "rspamd_dynamic").write_text("[]")
        text = _MAIN.format(
            folder=tmp_path, redis=redis.name, normal=theirs.port, controller=controller
        )
        (tmp_path / "rspamd.conf").write_text(text)
        ours.write("redis.conf", f'servers = "{redis.name}"; timeout = 20s; prefix = "other";')
        ours.write("dynamic_conf.conf", "redis_watch_interval = 0.2s;")
        ours.write("greylist.conf", "enabled = false;")

        def shared() -> bytes:
            return redis.say("HGETALL", "dynamic_conf")

        def kept() -> Shared:
            return (read_kept(f"{tmp_path}/db") or Kept(0, Shared())).shared

        def their_score() -> object:
            return json.loads(theirs.ask(_MAIL, {}))["symbols"]["MISSING_DATE"]["score"]

        def controllers_score() -> object:
            groups = _get(controller, "/symbols")
            rules = (rule for group in groups for rule in group["rules"])
            return next(rule["weight"] for rule in rules if rule["symbol"] == "MISSING_DATE")

        def our_score() -> object:
            symbols = ours.scan(_MAIL)["symbols"]
            assert isinstance(symbols, dict)
            return symbols["MISSING_DATE"]["score"]

        try:
            with theirs:
                ours.start()
                _post(controller, "/savesymbols", [{"name": "MISSING_DATE", "value": 2.5}])
                _until(lambda: our_score() == 2.5, shared)
                _post(controller, "/saveactions", [16, None, 7, 3])
                _until(lambda: kept().actions.get("reject") == 16.0, shared)
                assert kept().actions["rewrite_subject"] is None
                _post(ours.controller, "/savesymbols", [{"name": "MISSING_DATE", "value": 3.25}])
                _until(lambda: their_score() == 3.25, shared)
                # Rspamd's controller polls by itself: a score saved before it has read ours is lost
                _until(lambda: controllers_score() == 3.25, shared)
                # what it had saved is still there, and it goes on saving
                _post(controller, "/savesymbols", [{"name": "MISSING_DATE", "value": 1.75}])
                _until(lambda: our_score() == 1.75, shared)
                assert kept().actions["reject"] == 16.0
        finally:
            ours.close()
