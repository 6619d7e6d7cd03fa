"""Preflight looks at every role that site.yml runs, and refuses what a role would refuse."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[3]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
GOOD = "0123456789abcdefABCDEF+/"


def preflight(redis_password: str = GOOD, **more: object) -> str:
    """Output of preflight for the reference site; no host is contacted."""
    variables = {
        "ansible_connection": "local",
        "vault_redis_password": redis_password,
        "vault_filter_engine_controller_password": GOOD,
        "vault_filter_engine_enable_password": GOOD,
        "vault_users": [{"name": "alice@example.net", "password": GOOD}],
        **more,
    }
    done = subprocess.run(
        [
            *(PLAYBOOK, "-i", PROJECT / "inventories/three_hosts"),
            *(PROJECT / "playbooks/preflight.yml", "-e", json.dumps(variables)),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
        },
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("more", "is_refused"),
    [({}, True), ({"mta_sts_nginx_directory": "/etc/nginx/mailfleet.d"}, False)],
)
def test_the_policies_and_the_webui_share_a_port_by_one_nginx(
    more: dict[str, str], is_refused: bool
) -> None:
    said = " ".join(preflight(webui_proxy_enabled=True, mta_sts_enabled=True, **more).split())
    assert ("let the proxy's nginx serve the policies as well" in said) == is_refused
    assert ("failed=0" in said.partition("PLAY RECAP")[2].partition("dolores")[0]) != is_refused


def plays(name: str) -> Iterator[dict[str, Any]]:
    """The plays of a playbook and of those it imports, in their order."""
    for play in yaml.safe_load((PROJECT / "playbooks" / name).read_text()):
        imported = play.get("ansible.builtin.import_playbook")
        yield from plays(imported) if imported else [play]


def site_roles(*groups: str) -> set[str]:
    """The roles that site.yml runs on hosts of these groups."""
    return {
        role["role"]
        for play in plays("site.yml")
        if play.get("hosts") in groups
        for role in play.get("roles", [])
    }


def test_the_roles_of_the_site_are_checked_on_their_hosts() -> None:
    checked = re.findall(r"^ok: \[(\w+)\] => \(item=(\w+)\)", preflight(), re.M)
    for host, groups in {
        "charlotte": ("site", "mas"),
        "dolores": ("site", "mx"),
        "maeve": ("site", "mx"),
    }.items():
        assert {role for name, role in checked if name == host} == site_roles(*groups)
    assert site_roles("site", "mas") == {
        path.name for path in (PROJECT / "roles").iterdir() if (path / "tasks").is_dir()
    }


@pytest.mark.parametrize("name", ["site.yml", "rotate_dkim.yml"])
def test_what_changes_hosts_begins_with_preflight(name: str) -> None:
    beginning = list(plays("preflight.yml"))
    assert list(plays(name))[: len(beginning)] == beginning


def test_a_role_asks_by_itself_what_preflight_asks_of_it() -> None:
    asked = {
        task["ansible.builtin.import_role"]["name"]
        for play in plays("preflight.yml")
        for task in play["tasks"]
        if "ansible.builtin.import_role" in task
    }
    asking = {
        path.parent.parent.name
        for path in (PROJECT / "roles").glob("*/tasks/main.yml")
        if "check.yml"
        in {t.get("ansible.builtin.import_tasks") for t in yaml.safe_load(path.read_text())}
    }
    assert asked == asking


def test_playbooks_say_nothing_twice() -> None:
    """Expressions of more than a line stand in one playbook only."""
    seen: dict[str, str] = {}
    for path in sorted((PROJECT / "playbooks").rglob("*.yml")):
        text = path.read_text()
        for found in re.findall(r"\{\{.+?\}\}", text, re.S):
            if len(found) > 120:
                words = " ".join(found.split())
                assert words not in seen, (path.name, seen.get(words), words)
                seen[words] = path.name


@pytest.mark.parametrize(
    "password", ["0123456789abc", "0123456789 abcdefgh", '0123456789ab"cdefgh']
)
def test_a_password_that_redis_would_refuse_is_refused_before_anything_changes(
    password: str,
) -> None:
    output = preflight(password)
    assert "redis_password needs 16 or more characters" in output
    assert password not in output
    assert "PLAY [Check the hosts]" not in output


def test_all_faults_of_the_site_are_told_at_once_with_hosts_and_variables() -> None:
    output = preflight(
        filter_engine_listen_addresses="{{ site_public_addresses }}",
        filter_engine_actions={"reject": "{{ 15 if inventory_hostname == 'maeve' else 11 }}"},
        postfix_message_size_limit=52428800,
        filter_engine_local_d={"options.inc": {"gtube_patterns": "all"}},
        filter_engine_history_prefix="rs_history",
    )
    told = re.sub(r"\s+", " ", output)
    assert "PLAY [Check the hosts]" not in output
    for words in (
        "dolores: the scanner would listen on 203.0.113.142:11333, not on loopback or the VPN",
        "charlotte, dolores, maeve: postfix_message_size_limit (52428800) is more than",
        "charlotte, dolores, maeve: test patterns are on",
        'charlotte, dolores, maeve: filter_engine_history_prefix "rs_history" is the same',
        "reject of actions.conf differs (charlotte: 11; dolores: 11; maeve: 15)",
        "the scanner of dolores does not listen there",
    ):
        assert words in told, words
    assert GOOD not in output


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("filter_engine_version", ">=1.0", 'filter_engine_version is ">=1.0": write one exact'),
        ("filter_engine_version", "latest", 'filter_engine_version is "latest"'),
        ("filter_engine_version", "1.*", 'filter_engine_version is "1.*"'),
        ("filter_engine_roles", ["mx"], "filter_engine_roles (write filter_engine_profile: mx,"),
        ("filter_engine_max_message", 0, "filter_engine_max_message is 0"),
        ("filter_engine_extra_files", {"local.d/actions.conf": "x"}, "local.d/actions.conf"),
        (
            "filter_engine_drop_directories",
            {"spam": ["/home/ann/spam"]},
            "that are not in /home, /root, /tmp or /var/tmp, which the service does not see",
        ),
        ("filter_engine_profile", "smtp", "value of filter_engine_profile must be one of"),
        ("filter_engine_syslog_level", 8, "value of filter_engine_syslog_level must be one of"),
        ("filter_engine_log_target", "disk", "value of filter_engine_log_target must be one of"),
        ("postfix_message_size_limit", 0, "postfix_message_size_limit must be a number"),
        ("dns_records_dmarc", {"policy": "drop"}, 'dmarc: policy is "drop"; write one of'),
        ("resolver_forwarders", [{"address": "1.1.1.1"}], "names 1.1.1.1 (Cloudflare): DNS"),
    ],
)
def test_a_variable_that_cannot_be_meant(variable: str, value: object, words: str) -> None:
    output = preflight(**{variable: value})
    assert words in re.sub(r"\s+", " ", output)
    assert "PLAY [Check the hosts]" not in output


def test_a_misfit_is_told_once_for_its_hosts_without_the_whole_specification() -> None:
    output = preflight(filter_engine_profile="smtp", postfix_message_size_limit="25 MB")
    told = re.sub(r"\s+", " ", output)
    words = "charlotte, dolores, maeve: value of filter_engine_profile must be one of: mx, mas,"
    # As the error, and as the task's message.
    assert told.count(words) == 2
    assert "(roles/filter_engine/README.md)" in told
    assert "postfix_message_size_limit" in told
    assert "argument_spec_data" not in output
    assert len(output) < 5000


def test_a_forwarder_of_ones_own_or_without_blocklists_is_taken() -> None:
    own = preflight(resolver_forwarders=[{"address": "192.0.2.53"}])
    assert "PLAY [Check the hosts]" in own
    public = [{"address": "8.8.8.8"}]
    without = preflight(resolver_forwarders=public, resolver_serves_blocklists=False)
    assert "PLAY [Check the hosts]" in without
