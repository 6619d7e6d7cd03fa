"""Three Valkeys that speak TLS and nothing else to other hosts, and a promotion among them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.lab import Lab
from mailflow import lessons
from mailflow.faults import kill_unit
from mailflow.redis_hosts import until, vpn_hosts

AUTHORITY = "/etc/ssl/mailfleet-redis.pem"
FILTER_HOST = "maeve"
BAYES, SENTINEL = 6382, 26379
ENGINE = "/opt/filter_engine/current/bin/filter-engine"

LISTEN = Path(__file__).with_name("listen.py").read_text()
"""Shows what passes the tunnel while a key is written."""


def said(lab: Lab, host: str, script: str) -> str:
    done = lab.ssh.run(host, ["bash", "-c", script], check=False)
    return (done.stdout + done.stderr).decode().replace("\r", "").strip()


def ask(lab: Lab, host: str, *words: str, instance: str = "bayes") -> str:
    """What an instance says to its administrator on its own socket."""
    return said(
        lab,
        host,
        "REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /etc/valkey/auth.conf) valkey-cli"
        f" -s /run/valkey-{instance}/valkey-server.sock {shlex.join(words)}",
    )


def ask_sentinel(lab: Lab, host: str, *words: str, authority: str = AUTHORITY) -> str:
    return said(
        lab,
        host,
        "REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /etc/valkey/sentinel.conf)"
        f" timeout 10 valkey-cli --tls --cacert {authority} -p {SENTINEL} {shlex.join(words)}",
    )


def address(lab: Lab, host: str) -> str:
    (found,) = (one for one, name in vpn_hosts(lab).items() if name == host and "." in one)
    return found


def replication(lab: Lab, host: str) -> dict[str, str]:
    lines = ask(lab, host, "info", "replication").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def follows(lab: Lab, host: str, primary: str) -> bool:
    told = replication(lab, host)
    there = told.get("role") == "slave" and told.get("master_link_status") == "up"
    return there and told["master_host"] == address(lab, primary)


def primary(lab: Lab, asked: str) -> str:
    told = ask_sentinel(lab, asked, "sentinel", "get-master-addr-by-name", "bayes")
    return vpn_hosts(lab).get(told.split("\n")[0], "")


@pytest.fixture(scope="module")
def names(lab: Lab) -> list[str]:
    return [host.name for host in lab.site().hosts]


@pytest.fixture(scope="module")
def first(lab: Lab, names: list[str]) -> str:
    (found,) = (name for name in names if replication(lab, name).get("role") == "master")
    return found


@contextmanager
def not_started_again(lab: Lab, host: str) -> Iterator[None]:
    """A killed instance stays away until the end, as with a host that burnt down."""
    folder = "/run/systemd/system/valkey-server@bayes.service.d"
    drop_in = f"mkdir -p {folder}; printf '[Service]\\nRestart=no\\n' > {folder}/away.conf"
    assert said(lab, host, f"{drop_in}; systemctl daemon-reload") == ""
    try:
        yield
    finally:
        unit = "valkey-server@bayes.service"
        back = f"rm -r {folder}; systemctl daemon-reload; systemctl start {unit}"
        assert said(lab, host, back) == ""


def test_it_is_valkey_from_backports_and_nothing_else_comes_from_there(
    lab: Lab, names: list[str]
) -> None:
    assert "valkey_version:8." in ask(lab, names[0], "info", "server")
    source = said(lab, names[0], "cat /etc/apt/sources.list.d/mailfleet-valkey.sources")
    assert "Suites: bookworm-backports" in source
    assert "URIs: http" in source
    policy = said(lab, names[0], "cat /etc/apt/preferences.d/mailfleet-valkey")
    assert policy.index("Pin-Priority: -1") < policy.index("Package: valkey-server valkey-tools")


def test_what_redis_kept_is_there_and_redis_is_gone(lab: Lab, names: list[str]) -> None:
    for name in names:
        assert ask(lab, name, "get", "RS_of_redis") == "1", name
        units = "systemctl list-units --plain --no-legend 'redis-server*'"
        assert said(lab, name, f"{units}; ls -A /var/lib/redis; ls /etc/redis") == "redis.conf"


def test_replicas_follow_over_tls_and_all_sentinels_know_one_another(
    lab: Lab, names: list[str], first: str
) -> None:
    for name in names:
        if name != first:
            until(f"{name} follows", lambda name=name: follows(lab, name, first))  # type: ignore[misc]
        assert ask(lab, name, "config", "get", "tls-replication").split() == [
            "tls-replication",
            "yes",
        ]

        def counted(name: str = name) -> bool:
            return "num-other-sentinels\n2" in ask_sentinel(
                lab, name, "sentinel", "master", "bayes"
            )

        until(f"the Sentinel of {name} knows both others", counted)


@pytest.mark.parametrize("port", [BAYES, 6383, SENTINEL])
def test_who_speaks_plainly_is_not_answered(lab: Lab, names: list[str], port: int) -> None:
    for host, to in ((names[1], address(lab, names[0])), (names[0], "127.0.0.1")):
        script = (
            f"import socket; s = socket.create_connection(('{to}', {port}), 5);"
            " s.sendall(b'PING\\r\\n'); print(s.recv(100))"
        )
        answer = said(lab, host, f"python3 -c {shlex.quote(script)}")
        # An alert of TLS (RFC 8446, section 5.1), or nothing.
        assert answer.startswith(("b''", "b'\\x15\\x03")) or "reset" in answer, (port, answer)


def test_what_a_host_keeps_for_itself_is_on_loopback_alone_without_tls(
    lab: Lab, names: list[str]
) -> None:
    listening = said(lab, names[0], "ss -Hltn 'sport = :6381' | awk '{print $4}'").split()
    assert sorted(listening) == ["127.0.0.1:6381", "[::1]:6381"]


def test_what_is_learned_passes_the_tunnel_as_records_of_tls(
    lab: Lab, names: list[str], first: str
) -> None:
    marker = "RS_marker_that_no_packet_shows"
    (other, *_) = (name for name in names if name != first)
    command = (
        "REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /etc/valkey/auth.conf)"
        f" valkey-cli -s /run/valkey-bayes/valkey-server.sock set {marker} 1"
    )
    script = f"python3 -c {shlex.quote(LISTEN)} {BAYES} {marker} {shlex.quote(command)}"
    seen = json.loads(said(lab, first, script))
    until("the replica has it", lambda: ask(lab, other, "get", marker) == "1")
    ask(lab, first, "del", marker)
    assert seen["segments"] > 0
    assert seen["records"] > 0, "beginnings of application data"
    assert not seen["marker"]


def test_an_authority_that_is_not_the_sites_is_refused_by_clients_and_replicas(
    lab: Lab, names: list[str], first: str
) -> None:
    (other, *_) = (name for name in names if name != first)
    wrong = "/etc/valkey/wrong.pem"
    made = (
        "openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=wrong -keyout /dev/null"
        f" -out {wrong} 2>/dev/null; chmod 0644 {wrong}"
    )
    said(lab, other, made)
    try:
        refused = ask_sentinel(lab, other, "ping", authority=wrong)
        assert "certificate verify failed" in refused
        assert ask_sentinel(lab, other, "ping") == "PONG"
        ask(lab, other, "config", "set", "tls-ca-cert-file", wrong)
        ask(lab, other, "client", "kill", "type", "master")
        down = "master_link_status:down"
        until("the link is down", lambda: down in ask(lab, other, "info", "replication"))
        log = "journalctl -u valkey-server@bayes --since -1min -o cat"
        until("why", lambda: "certificate verify failed" in said(lab, other, log))
    finally:
        # As the role does when a new year brings new certificates.
        assert said(lab, other, "systemctl reload valkey-server@bayes") == ""
        said(lab, other, f"rm {wrong}")
    until("it follows again", lambda: follows(lab, other, first))


def learn(lab: Lab, number: int) -> str:
    """Have the filter learn one mail into its store; what it said, empty when it did."""
    words = [ENGINE, "learn", "spam", "--var", "LOCAL_CONFDIR=/etc/filter_engine", "-"]
    mail = lessons.mail("valkey", number)
    done = lab.ssh.run(FILTER_HOST, words, stdin=mail, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).decode()


def learned(lab: Lab, host: str) -> int:
    """Mails of class spam that an instance counts."""
    return int(ask(lab, host, "hget", "RS", "learns_spam") or 0)


def test_the_filter_follows_a_promotion_after_kill_9(
    lab: Lab, names: list[str], first: str
) -> None:
    before = learned(lab, first)
    assert learn(lab, before + 1) == ""
    until("it came to all", lambda: {learned(lab, name) for name in names} == {before + 1})
    survivors = [name for name in names if name != first]
    with not_started_again(lab, first):
        kill_unit(lab, first, "valkey-server@bayes.service")
        until(
            "one of the others is primary",
            lambda: all(primary(lab, name) in survivors for name in survivors),
            60.0,
        )
        until("the filter learns", lambda: learn(lab, before + 2) == "", 60.0)
        until("it came to both", lambda: {learned(lab, name) for name in survivors} == {before + 2})
    second = primary(lab, survivors[0])
    until(f"{first} follows", lambda: follows(lab, first, second), 60.0)
    until("it caught up", lambda: learned(lab, first) == before + 2)
    revision = f'rspamd_statfiles_revision{{symbol="BAYES_SPAM",type="redis"}} {before + 2}'
    metrics = "curl -s http://127.0.0.1:11334/metrics"
    until("the controller reads it", lambda: revision in said(lab, FILTER_HOST, metrics))
