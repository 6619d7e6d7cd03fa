"""A real lab: its hosts, its Internet, breaking and mending (as root, about half a minute)."""

import json
import shutil
import subprocess
import sys
import time

import dkim
import pytest

from lab import mail, sink
from lab.errors import LabError
from lab.internet import load_internet
from lab.lab import Lab
from lab.namespace import Namespace
from lab.paths import PROJECT, RUNTIME, LabPaths
from lab.programs import run
from lab.publish import publish_records

NAME = "livetest"
ROOT = load_internet().root_server.address
MESSAGE = (
    b"From: carol@goodcorp.example\nTo: frank@remote.example\nSubject: lab\n"
    b"Date: Sat, 21 Nov 2026 01:00:00 +0000\nMessage-ID: <lab@goodcorp.example>\n\n"
    b".a line that begins with a dot\nend\n"
)


@pytest.fixture(scope="module")
def lab():
    lab = Lab(NAME)
    lab.down()
    lab.up()
    yield lab
    lab.down()


def traces(name):
    """Everything a lab of this name would leave behind."""
    paths = LabPaths(name)
    found = [
        str(path) for path in (paths.state, paths.sockets, paths.lock, paths.owner) if path.exists()
    ]
    found += run(
        ["podman", "ps", "-a", f"--filter=label=mailfleet.lab={name}", "--format={{.Names}}"]
    ).stdout.split()
    found += [name for name in (Namespace(name).name,) if Namespace(name).exists()]
    found += [
        line
        for line in run(["ps", "-eo", "args"]).stdout.split(b"\n")
        if paths.name.encode() in line and b"pytest" not in line
    ]
    return found


def dig(lab, *question, host="dolores"):
    return lab.ssh.run(host, ["dig", "+short", *question]).stdout.decode().split("\n")[:-1]


# -- the hosts -----------------------------------------------------------------------------------


def test_a_fresh_host_listens_on_ssh_only(lab):
    """Baked-in packages must not start by themselves: roles enable what they configured."""
    for host in lab.record.hosts[1:]:
        sockets = lab.ssh.run(host.name, ["ss", "-Hltnu"]).stdout.decode().splitlines()
        assert {line.split()[4].rpartition(":")[2] for line in sockets} == {"22"}, host.name


def test_hosts_reach_each_other_and_the_internet_in_both_families(lab):
    for address in ("203.0.113.47", "2001:db8:48d1::47", ROOT, "2001:db8:51a::10", "192.0.2.66"):
        lab.ssh.run("dolores", ["ping", "-c1", "-W2", address])


def test_up_again_changes_nothing(lab):
    assert lab.up() is False
    with pytest.raises(LabError, match="is up for"):
        lab.up(PROJECT / "inventories" / "single_host")


def test_ansible_reaches_every_host(lab):
    listing = lab.run(
        [
            str(PROJECT / ".venv/bin/ansible"),
            "-i",
            str(lab.paths.inventory),
            "lab",
            "-m",
            "ansible.builtin.ping",
            "--one-line",
        ]
    ).stdout.decode()
    assert listing.count("SUCCESS") == len(lab.record.hosts)


# -- its Internet --------------------------------------------------------------------------------


def test_dns_answers_for_the_site_and_the_world(lab):
    assert dig(lab, "MX", "goodcorp.example") == ["10 mail.goodcorp.example."]
    for host in lab.record.hosts:
        for address in (host.ipv4, host.ipv6):
            assert dig(lab, "-x", address) == [f"{host.fqdn}."]
    assert dig(lab, "NS", ".") == [lab.internet.root_server.name]
    assert dig(lab, "A", "no.such.name.invalid") == []


def test_a_published_record_is_there_at_once_and_can_be_replaced(lab):
    name = "mail._domainkey.example.net"
    for value in ("v=DKIM1; p=" + "A" * 400, "v=DKIM1; p=short"):
        publish_records(lab, "example.net", [{"name": name, "type": "TXT", "value": value}])
        (answer,) = dig(lab, "TXT", name)
        assert answer.replace('" "', "").strip('"') == value


def test_a_record_for_a_zone_that_is_not_served_is_refused(lab):
    record = {"name": "x.unserved.example", "type": "TXT", "value": "v"}
    with pytest.raises(LabError, match="NOTAUTH"):
        publish_records(lab, "unserved.example", [record])


def test_nobody_but_the_internet_host_itself_may_change_the_dns(lab):
    script = f"server {ROOT}\nzone example.net\nadd evil.example.net 60 TXT evil\nsend\n"
    attempt = lab.ssh.run("dolores", ["knsupdate"], stdin=script, check=False)
    assert b"NOTAUTH" in attempt.stdout + attempt.stderr
    assert dig(lab, "TXT", "evil.example.net") == []


def test_mail_comes_from_the_senders_own_address_signed_and_is_kept_as_sent(lab):
    sink.clear(lab)
    session = mail.send(
        lab,
        "goodcorp",
        "198.51.100.25",
        MESSAGE,
        mail_from="carol@goodcorp.example",
        rcpt_to=["frank@remote.example"],
        dkim_domain="goodcorp.example",
        tls="starttls",
    )
    assert session.verdict().code == 250
    kept = sink.wait_for(lab, lambda one: one.mail_from == "carol@goodcorp.example")
    assert (kept.peer, kept.helo, kept.tls) == ("198.51.100.10", "mail.goodcorp.example", True)
    assert b"\r\n.a line that begins with a dot\r\nend\r\n" in kept.content

    def lookup(name, timeout=5):
        answers = dig(lab, "TXT", name.decode())
        return answers[0].replace('" "', "").strip('"').encode() if answers else None

    assert dkim.verify(kept.content, dnsfunc=lookup)
    assert not dkim.verify(kept.content.replace(b"end", b"END"), dnsfunc=lookup)
    assert sink.clear(lab, kept.id) == 1
    assert sink.kept(lab) == []


@pytest.mark.parametrize("sender", sorted(load_internet().senders))
def test_every_sender_can_send_from_every_address(lab, sender):
    for address in lab.internet.senders[sender].addresses:
        ipv6 = ":" in address
        receiver = next(a for a in lab.internet.receiver.addresses if (":" in a) == ipv6)
        outcome = mail.send(
            lab, sender, receiver, MESSAGE, mail_from="", rcpt_to=["x@remote.example"], ipv6=ipv6
        )
        assert outcome.verdict().code == 250
        assert sink.kept(lab)[-1].peer == address


def test_several_messages_go_over_one_connection_with_a_verdict_each(lab):
    good = mail.Message("a@plain.example", ["b@remote.example"], MESSAGE)
    bad = mail.Message("a@plain.example", ["b@elsewhere.example"], MESSAGE)
    outcome = mail.session(lab, "plain", "198.51.100.25", [good, bad, good])
    assert [outcome.verdict(number).code for number in range(3)] == [250, 554, 250]
    assert [reply.command for reply in outcome.replies].count("connect") == 1


def test_a_port_nobody_listens_on_is_an_error_not_a_verdict(lab):
    outcome = mail.send(lab, "plain", "maeve", MESSAGE, mail_from="", rcpt_to=["a@example.net"])
    with pytest.raises(LabError, match="ConnectionRefusedError"):
        outcome.verdict()


def test_waiting_for_mail_that_does_not_come_ends_and_says_so(lab):
    with pytest.raises(LabError, match=r"no such message at mx\.remote\.example within 0\.5 s"):
        sink.wait_for(lab, lambda _: False, timeout=0.5)


# -- breaking and mending ------------------------------------------------------------------------


def test_a_host_cut_off_runs_on_and_comes_back(lab):
    boot = lab.ssh.run("maeve", ["cat", "/proc/1/stat"]).stdout
    lab.cut("maeve")
    for address in ("203.0.113.47", "2001:db8:48d1::47"):
        alone = lab.ssh.run("dolores", ["ping", "-c1", "-W1", address], check=False)
        assert alone.returncode == 1
    assert lab.states()["maeve"] == "running"
    lab.heal("maeve")
    assert lab.ssh.run("maeve", ["cat", "/proc/1/stat"]).stdout.split()[21] == boot.split()[21]
    for address in (ROOT, "2001:db8:51a::10", "2001:db8:48d1::142"):
        lab.ssh.run("maeve", ["ping", "-c1", "-W2", address])


def test_a_killed_host_comes_back_with_its_disk_and_its_own_files(lab):
    lab.ssh.run("maeve", ["sh", "-c", "echo kept > /var/lib/x; echo mine > /etc/resolv.conf"])
    lab.kill("maeve")
    assert lab.states()["maeve"] == "exited"
    with pytest.raises(LabError, match="does not run"):
        lab.cut("maeve")
    lab.start("maeve")
    assert lab.ssh.run("maeve", ["cat", "/var/lib/x", "/etc/resolv.conf"]).stdout == b"kept\nmine\n"
    lab.ssh.run("maeve", ["ping", "-c1", "-W2", ROOT])
    lab.ssh.run("dolores", ["ping", "-c1", "-W2", "2001:db8:48d1::47"])


def test_the_internet_comes_back_with_its_addresses_and_records(lab):
    record = {"name": "kept.example.net", "type": "TXT", "value": "kept"}
    publish_records(lab, "example.net", [record])
    lab.kill("internet")
    lab.start("internet")
    assert dig(lab, "TXT", "kept.example.net") == ['"kept"']
    outcome = mail.send(
        lab, "plain", "198.51.100.25", MESSAGE, mail_from="", rcpt_to=["a@remote.example"]
    )
    assert outcome.verdict().code == 250


def test_up_starts_what_was_killed(lab):
    lab.kill("maeve")
    lab.up()
    assert set(lab.states().values()) == {"running"}


def test_a_host_that_is_not_there_is_named_with_those_that_are(lab):
    with pytest.raises(LabError, match="no host 'mavee' in lab livetest: internet, charlotte"):
        lab.cut("mavee")


# -- several labs, and the end -------------------------------------------------------------------


def test_two_labs_side_by_side_do_not_see_each_other(lab):
    other = Lab("livetest2")
    other.down()
    try:
        other.up(PROJECT / "inventories" / "single_host")
        # solo and charlotte have the same public address.
        assert other.host("solo").ipv4 == lab.host("charlotte").ipv4
        assert other.ssh.run("solo", ["hostname"]).stdout == b"solo\n"
        assert lab.ssh.run("charlotte", ["hostname"]).stdout == b"charlotte\n"
        other.kill("solo")
        lab.ssh.run("dolores", ["ping", "-c1", "-W2", lab.host("charlotte").ipv4])
    finally:
        other.down()
    assert traces("livetest2") == []
    assert lab.ssh.run("charlotte", ["hostname"]).stdout == b"charlotte\n"


def _cli(name, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        env={"PYTHONPATH": "molecule", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LAB_NAME": name},
        cwd=PROJECT,
        capture_output=True,
        check=False,
        **options,
    )


def test_a_command_can_make_and_remove_the_lab_it_runs_in():
    name = "livetest3"
    script = (
        "set -e; python -m lab up --inside --json; ssh -F .lab/livetest3/ssh_config solo hostname;"
        "python -m lab down --json; python -m lab up --json; python -m lab status --json;"
        "python -m lab down; ip -json link show"
    )
    done = _cli(name, "exec", "--", "env", "LAB_SITE=inventories/single_host", "sh", "-c", script)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0, done.stderr.decode()
    assert [json.loads(lines[0]), lines[1], json.loads(lines[2])] == [
        {"changed": True},
        "solo",
        {"changed": True},
    ]
    assert json.loads(lines[4])["complete"] is True
    assert [link["ifname"] for link in json.loads(lines[5])] == ["lo"]
    assert traces(name) == []


def test_a_commands_exit_status_is_passed_on():
    assert _cli("livetest3", "exec", "--", "sh", "-c", "exit 7").returncode == 7
    assert traces("livetest3") == []


def test_an_interrupted_up_leaves_nothing_that_down_or_up_cannot_clear():
    name = "livetest4"
    starting = subprocess.Popen(
        [sys.executable, "-m", "lab", "up", "--name", name],
        env={"PYTHONPATH": "molecule", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        cwd=PROJECT,
        stderr=subprocess.DEVNULL,
    )
    lab = Lab(name)
    deadline = time.monotonic() + 60
    while not lab.containers.leftovers():
        assert starting.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    starting.kill()
    starting.wait()
    assert lab.record.complete is False
    assert lab.down() is True
    assert traces(name) == []
    assert lab.down() is False
    assert traces(name) == []


def test_down_works_when_namespace_or_state_were_removed_by_hand():
    lab = Lab("livetest5")
    site = PROJECT / "inventories" / "single_host"
    try:
        lab.up(site)
        shutil.rmtree(lab.paths.state)
        assert lab.down() is True
        assert traces("livetest5") == []
        lab.up(site)  # the addresses are free again
        lab.namespace.delete()
        assert lab.down() is True
        assert traces("livetest5") == []
        lab.up(site)
    finally:
        lab.down()
    assert traces("livetest5") == []


def test_two_ups_at_once_make_one_lab():
    name = "livetest6"
    try:
        both = [
            subprocess.Popen(
                [sys.executable, "-m", "lab", "up", "--json"],
                env={
                    "PYTHONPATH": "molecule",
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                    "LAB_NAME": name,
                    "LAB_SITE": "inventories/single_host",
                },
                cwd=PROJECT,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            for _ in range(2)
        ]
        answers = [json.loads(one.communicate(timeout=60)[0]) for one in both]
        assert sorted(answer["changed"] for answer in answers) == [False, True]
    finally:
        Lab(name).down()
    assert traces(name) == []
    assert not (RUNTIME / name).exists()
