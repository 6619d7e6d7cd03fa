"""Hosts stand in for each other: a scanner stopped, a host killed, all scanners gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from lab.errors import LabError
from lab.lab import Lab
from mailflow.catalogue import Mail
from mailflow.trial import Site, Trial, attempt, send

Mails = dict[str, Mail]
OFF = "/etc/filter_engine/override.d/worker-normal.inc"
READY = 30.0
"""Seconds a host or scanner may take to serve again."""


def until(what: str, holds: Callable[[], bool], seconds: float = READY) -> None:
    """Wait for a condition; fail with what was waited for."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.2)


def answers(lab: Lab, host: str, port: int) -> bool:
    """Whether a worker of the engine answers on its host's loopback."""
    probe = f"curl -s -m 2 http://127.0.0.1:{port}/ping"
    return b"pong" in lab.ssh.run(host, ["sh", "-c", probe], check=False).stdout


def reload(lab: Lab, host: str) -> None:
    lab.ssh.run(host, ["systemctl", "reload", "filter-engine"])


@contextmanager
def scanners_off(lab: Lab, hosts: list[str]) -> Iterator[None]:
    """Switch the scanners of these hosts off, as an operator does; all else runs on."""
    try:
        for host in hosts:
            lab.ssh.run(host, ["sh", "-c", f"echo 'enabled = false;' > {OFF}"])
            reload(lab, host)
            until(f"scanner of {host} off", lambda host=host: not answers(lab, host, 11333))
        yield
    finally:
        for host in hosts:
            lab.ssh.run(host, ["rm", "-f", OFF])
            reload(lab, host)
        for host in hosts:
            until(f"scanner of {host} on", lambda host=host: answers(lab, host, 11333))


def test_a_peer_scans_when_the_local_scanner_is_stopped(mails: Mails, site: Site) -> None:
    mail = mails["clean"]
    host = site.host(mail.via)
    assert attempt(site, mail).header["X-Rspamd-Server"] == host
    with scanners_off(site.lab, [host]):
        trial = attempt(site, mail)
        assert trial.problems == []
        assert trial.header["X-Rspamd-Server"] != host
    until(
        "the own scanner is used again",
        lambda: attempt(site, mail).header["X-Rspamd-Server"] == host,
        90.0,
    )


def test_mail_flows_through_the_other_exchanger_when_one_is_killed(
    mails: Mails, site: Site
) -> None:
    mail = mails["clean"]
    killed, *others = site.exchangers
    site.lab.kill(killed)
    try:
        with pytest.raises(LabError):
            send(site, replace(mail, via=killed), mail.fill()[1])
        for other in others:
            assert attempt(site, replace(mail, via=other)).problems == []
    finally:
        site.lab.start(killed)
    until(f"{killed} filters again", lambda: _fares_well(site, replace(mail, via=killed)), 60.0)


def test_with_all_scanners_down_mail_waits_and_arrives_once(mails: Mails, site: Site) -> None:
    mail = mails["clean"]
    message_id, content = mail.fill()
    everyone = [host.name for host in site.lab.site().hosts]
    with scanners_off(site.lab, everyone):
        for _ in range(2):
            assert send(site, mail, content).code == 451
        assert site.delivered(mail.rcpt_to, message_id, 0) == []
    # The sender's queue tries again, with the very same message.
    until("a scanner takes the mail", lambda: send(site, mail, content).code == 250, 90.0)
    assert len(site.delivered(mail.rcpt_to, message_id, READY)) == 1
    # Nothing else of it is on its way.
    for host in everyone:
        queue = site.lab.ssh.run(host, ["postqueue", "-j"])
        assert queue.stdout.strip() == b"", host


def _fares_well(site: Site, mail: Mail) -> bool:
    trial: Trial = attempt(site, mail, patience=5.0)
    return trial.problems == []
