"""Role filter_engine has DMARC reports counted, and sent by a timer of its own."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rendered_tree
from filter_engine.checks.dmarc import DmarcOptions
from filter_engine.config import load

UNITS = rendered_tree.ROLES / "filter_engine/templates/report_units"
SERVICE, TIMER = "mailfleet-dmarc-report.service", "mailfleet-dmarc-report.timer"
REPORTING = {"email": "dmarc@example.net", "domain": "mx.example.net"}


class Host:
    """The tree and the units of one host."""

    def __init__(self, directory: Path, **variables: object) -> None:
        units = directory / "units"
        units.mkdir(parents=True)
        write = [
            {
                "ansible.builtin.template": {
                    "src": str(UNITS / f"{name}.j2"),
                    "dest": str(units / name),
                    "mode": "0600",
                }
            }
            for name in (SERVICE, TIMER)
        ]
        sends = {
            "ansible.builtin.copy": {
                "content": "{{ __filter_engine_sends_reports }}",
                "dest": str(directory / "sends"),
                "mode": "0600",
            }
        }
        trees = rendered_tree.render(
            directory / "x", site="single_host", tasks=[*write, sends], **variables
        )
        self.tree = trees / "solo"
        self.units = units
        self.sends = (directory / "sends").read_text() == "True"

    @property
    def dmarc(self) -> DmarcOptions:
        found = load(
            variables={"LOCAL_CONFDIR": str(self.tree)}, environ={}, modules={"dmarc": DmarcOptions}
        ).modules["dmarc"]
        assert isinstance(found, DmarcOptions)
        return found

    def said(self, unit: str, key: str) -> str:
        (line,) = (
            line for line in (self.units / unit).read_text().splitlines() if line.startswith(key)
        )
        return line.partition("=")[2]


@pytest.fixture(scope="module")
def reporter(tmp_path_factory: pytest.TempPathFactory) -> Host:
    # Without Redis: what is counted is kept in a file.
    directory = tmp_path_factory.mktemp("reporter")
    return Host(directory, filter_engine_dmarc_reporting=REPORTING, filter_engine_redis={})


def test_reports_are_off_by_default(tmp_path: Path) -> None:
    host = Host(tmp_path)
    assert not host.sends
    assert not host.dmarc.reporting.enabled


def test_what_is_counted_is_sent(reporter: Host) -> None:
    assert reporter.sends
    assert reporter.dmarc.reporting.enabled
    assert reporter.dmarc.reporting.email == REPORTING["email"]
    assert reporter.dmarc.reporting.domain == REPORTING["domain"]


def test_actions_stay_beside_reports(tmp_path: Path) -> None:
    host = Host(
        tmp_path,
        filter_engine_dmarc_reporting=REPORTING,
        filter_engine_dmarc_actions={"reject": "reject"},
    )
    assert host.dmarc.reporting.enabled
    assert host.dmarc.actions.reject == "reject"


def test_a_host_without_a_time_counts_and_does_not_send(tmp_path: Path) -> None:
    host = Host(
        tmp_path,
        filter_engine_dmarc_reporting=REPORTING,
        filter_engine_dmarc_report_calendar="",
    )
    assert host.dmarc.reporting.enabled
    assert not host.sends


def test_the_service_s_command_is_one_of_the_engine(reporter: Host, tmp_path: Path) -> None:
    program, *arguments = shlex.split(reporter.said(SERVICE, "ExecStart"))
    assert program.endswith("/bin/filter-engine")
    own = {"LOCAL_CONFDIR": reporter.tree, "DBDIR": tmp_path}
    told = [
        f"{name}={own[name]}" if (name := word.partition("=")[0]) in own else word
        for word in arguments
    ]
    assert told != arguments
    done = subprocess.run(
        [sys.executable, "-m", "filter_engine.cli.main", *told],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "nothing to report\n"), done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_units(reporter: Host, tmp_path: Path) -> None:
    service, timer = (tmp_path / name for name in (SERVICE, TIMER))
    program = reporter.said(SERVICE, "ExecStart").split()[0]
    # The release is not here; systemd wants a program that is.
    service.write_text((reporter.units / SERVICE).read_text().replace(program, sys.executable))
    timer.write_text((reporter.units / TIMER).read_text())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", service, timer],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert TIMER not in done.stderr
    assert SERVICE not in done.stderr
