"""docker-mailserver's custom-commands.conf: its documentation's example, its own test file."""

from __future__ import annotations

import pytest

from conformance_data import DATA
from filter_engine.config.findings import Severity
from filter_engine.config.loader import inspect
from filter_engine.importers.custom_commands import import_custom_commands
from filter_engine.importers.outcome import ImportFaultError, Outcome
from filter_engine.importers.site_files import site_files
from filter_engine.importers.write import apply, plan

KNOWN = site_files()
DOCUMENTED = """\
# comment

set-option-for-controller secure_ip "0.0.0.0/0"
set-option-for-proxy reject_message "Rejected - Detected as spam"
add-line worker-proxy.inc reject_message = "Rejected - Detected as spam"
set-option-for-module classifier-bayes autolearn true
disable-module chartable
"""


def done(text: str, **existing: str) -> Outcome:
    files = {f"override.d/{name.replace('__', '.')}": text for name, text in existing.items()}
    return import_custom_commands(text, "custom-commands.conf", KNOWN, files)


def test_the_documented_example(tmp_path) -> None:
    found = done(DOCUMENTED)
    assert found.files == {
        "override.d/chartable.conf": "enabled = false;\n",
        "override.d/classifier-bayes.conf": "autolearn = true;\n",
        "override.d/worker-controller.inc": 'secure_ip = "0.0.0.0/0";\n',
        "override.d/worker-proxy.inc": 'reject_message = "Rejected - Detected as spam";\n'
        'reject_message = "Rejected - Detected as spam"\n',
    }
    apply(plan(found.files, tmp_path), tmp_path)
    findings = inspect(variables={"LOCAL_CONFDIR": str(tmp_path)}, environ={}).findings
    assert not [found for found in findings if found.severity is Severity.ERROR]


@pytest.mark.skipif(not DATA.is_dir(), reason="no conformance data")
def test_the_project_s_own_test_file() -> None:
    directory = DATA / "docker-mailserver"
    nested = (directory / "testmodule_complicated.conf").read_text()
    found = done(
        (directory / "custom-commands.conf").read_text(), testmodule_complicated__conf=nested
    )
    files = {path.partition("/")[2]: text for path, text in found.files.items()}
    assert files["testmodule1.conf"] == "enabled = false;\n"
    assert files["testmodule2.conf"].splitlines() == [
        "enabled = true;",
        "someoption = somevalue;",
        "anotheroption = whatAvaLue;",
    ]
    assert files["testmodule3.conf"] == "someoption = somevalue2;\n"
    assert files["testmodule4.something"].splitlines() == [
        'some very long line with "weird $charact"ers',
        "and! ano. ther &line",
        "# some comment",
    ]
    assert files["testmodule_complicated.conf"] == nested.replace("someValue", "anotherValue")
    assert files["worker-controller.inc"] == "someOption = someValue42;\n"
    assert files["worker-proxy.inc"] == "abcdefg71 = RAAAANdooM;\n"
    assert files["options.inc"] == 'OhMy = "PraiseBeLinters !";\n'
    assert files["rbl.conf"] == files["dkim_signing.conf"] == "enabled = false;\n"
    lost = {remark.subject for remark in found.remarks if remark.lost}
    assert lost == {name for name in files if name.startswith("testmodule")}


def test_the_value_is_the_rest_of_the_line() -> None:
    found = done("set-common-option\tsubject   a  b c ;\n")
    assert found.files == {"override.d/options.inc": "subject = a  b c;\n"}


def test_replacing_keeps_all_else() -> None:
    before = (
        "# timeout = 1s;\ndns {\n    timeout = 1s; # slow\n    nameserver = [\n      a,\n    ]\n}\n"
        "dns_timeout = 3s;\n"
    )
    found = done("set-common-option timeout 2s", options__inc=before)
    assert found.files["override.d/options.inc"] == before.replace(
        "    timeout = 1s;", "    timeout = 2s;"
    )
    assert "line 3" in found.remarks[0].reason


def test_a_value_of_several_lines_is_replaced_whole() -> None:
    found = done(
        'set-common-option local_networks "10.0.0.0/8"',
        options__inc='local_networks = [\n  "192.0.2.0/24", # old\n];\nmax_urls = 1;\n',
    )
    assert found.files == {
        "override.d/options.inc": 'local_networks = "10.0.0.0/8";\nmax_urls = 1;\n'
    }


def test_switching_overwrites_the_file() -> None:
    found = done("disable-module rbl", rbl__conf="timeout = 1s;\n")
    assert found.files == {"override.d/rbl.conf": "enabled = false;\n"}
    assert not found.remarks[0].lost


@pytest.mark.parametrize(
    "line",
    [
        "disable-module ../../etc/cron",
        "disable-module ..",
        "add-line ../x a = 1",
        "add-line /etc/passwd a",
        "add-line .hidden a = 1",
        "set-option-for-module a/b c d",
        "set-common-option a;b c",
        "set-common-option a",
        "set-common-option a ;",
        "disable-module a b",
        "enable-modul a",
        "add-line x.conf",
        'set-common-option a "unclosed',
    ],
)
def test_what_cannot_be_done_names_its_line(line: str) -> None:
    with pytest.raises(ImportFaultError) as caught:
        done(f"# first\n{line}\n")
    assert caught.value.line == 2
    assert str(caught.value).startswith("custom-commands.conf:2: ")


def test_a_broken_file_does_not_show_secrets() -> None:
    with pytest.raises(ImportFaultError) as caught:
        done('set-option-for-controller password "hunter2')
    assert "hunter2" not in str(caught.value)
