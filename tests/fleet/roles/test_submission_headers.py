"""Role postfix keeps the client out of the Received header of submitted mail.

No milter can: Postfix does not show them the header it makes. The table is tried with sed, whose
extended regular expressions are the system's, as Postfix's table ``regexp`` uses them.
"""

from __future__ import annotations

import subprocess
from typing import Any

import jinja2
import pytest
import yaml
from ansible.plugins.filter.core import FilterModule

from .interface import ROLES

TEMPLATES = ROLES / "postfix" / "templates" / "tree"
DEFAULTS = yaml.safe_load((ROLES / "postfix" / "defaults" / "main.yml").read_text())

SUBMITTED = """\
Received: from laptop.home (p5b.dialup.example [203.0.113.9])
\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))
\t(No client certificate requested)
\tby charlotte.example.net (Postfix) with ESMTPSA id AE7AF22A15C
\tfor <carol@goodcorp.example>; Fri, 20 Nov 2026 23:57:10 +0000 (UTC)"""
STRIPPED = """\
Received: by charlotte.example.net (Postfix) with ESMTPSA id AE7AF22A15C
\tfor <carol@goodcorp.example>; Fri, 20 Nov 2026 23:57:10 +0000 (UTC)"""


def render(name: str, **variables: Any) -> str:
    filters = FilterModule().filters()
    environment = jinja2.Environment(  # configuration, not HTML
        trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    environment.filters.update(filters)
    known = {
        "ansible_managed": "managed",
        "postfix_hostname": "charlotte.example.net",
        "postfix_profile": "mas",
        "postfix_milters": DEFAULTS["postfix_milters"],
        "postfix_submission_hide_client": True,
        "__postfix_mas": True,
        "__postfix_srs": False,
        "__postfix_mx": False,
        "__postfix_loopback": ["127.0.0.1"],
        "__postfix_public": [],
        "__postfix_vpn": ["10.0.0.1"],
        "__postfix_trusted_networks": "127.0.0.0/8",
    }
    return environment.from_string((TEMPLATES / name).read_text()).render(known | variables)


def replaced(header: str) -> str:
    """The header as the table leaves it."""
    (rule,) = (line for line in render("submission_headers.j2").splitlines() if line[:1] == "/")
    pattern = rule.removeprefix("/").removesuffix("/")
    script = f"s/{pattern}/Received: \\1/"
    ran = subprocess.run(
        ["sed", "-E", "-z", script], input=header, capture_output=True, text=True, check=True
    )
    return ran.stdout


def test_the_client_goes_and_the_rest_of_the_trace_stays() -> None:
    assert replaced(SUBMITTED) == STRIPPED
    plain = SUBMITTED.replace("ESMTPSA", "ESMTPA")
    assert replaced(plain) == STRIPPED.replace("ESMTPSA", "ESMTPA")


@pytest.mark.parametrize(
    "header",
    [
        SUBMITTED.replace("ESMTPSA", "ESMTPS"),
        SUBMITTED.replace("charlotte.example.net", "other.example.net"),
        SUBMITTED.replace("charlotte.example.net", "charlotte-example.net"),
        SUBMITTED.replace("Received", "X-Received"),
        "Subject: Received: from here by charlotte.example.net (Postfix) with ESMTPSA id A",
    ],
)
def test_other_headers_stay(header: str) -> None:
    assert replaced(header) == header


def test_submission_has_a_cleanup_of_its_own() -> None:
    shown = render("master.cf.j2")
    assert shown.count("-o cleanup_service_name=submission_cleanup") == 4
    assert shown.count("\nsubmission_cleanup ") == 1
    assert "header_checks=regexp:$config_directory/submission_headers" in shown
    from_mx = shown.partition("postfix/vpn")[2].partition("postfix/submission\n")[0]
    assert "cleanup_service_name" not in from_mx


@pytest.mark.parametrize(
    "variables", [{"postfix_submission_hide_client": False}, {"__postfix_mas": False}]
)
def test_switched_off_or_no_submission(variables: dict[str, Any]) -> None:
    assert "submission_cleanup" not in render("master.cf.j2", **variables)
