"""Profiles, switches and passthroughs of role filter_engine, as the engine reads them."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import rendered_tree
from filter_engine import checks, lint
from filter_engine.config import Config, load
from filter_engine.config.findings import ConfigError
from filter_engine.scan.declare import REGISTRY
from filter_engine.scanner import sections

VARIABLES = yaml.safe_load((rendered_tree.ROLES / "filter_engine/vars/main.yml").read_text())
POLICY_SCORES = {
    "R_SPF_ALLOW": -1,
    "R_SPF_NA": 1.5,
    "R_SPF_NEUTRAL": 1.5,
    "R_SPF_SOFTFAIL": 2.5,
    "R_SPF_DNSFAIL": 2.5,
    "R_SPF_FAIL": 4.5,
    "R_SPF_PERMFAIL": 4.5,
    "R_DKIM_ALLOW": -1,
    "R_DKIM_NA": 1,
    "R_DKIM_TEMPFAIL": 1.5,
    "R_DKIM_PERMFAIL": 4.5,
    "R_DKIM_REJECT": 4.5,
    "DMARC_POLICY_ALLOW": -1,
    "DMARC_POLICY_ALLOW_WITH_FAILURES": 0,
    "DMARC_NA": 0.5,
    "DMARC_POLICY_SOFTFAIL": 1.5,
    "DMARC_POLICY_QUARANTINE": 3,
    "DMARC_POLICY_REJECT": 5.5,
}

Make = Callable[..., "Host"]


class Host:
    """The tree of one host and the engine's view of it."""

    def __init__(self, tree: Path, output: Path) -> None:
        self.tree = tree
        self.output = output.read_text()
        checks.load()
        self.config: Config = load(
            variables={"LOCAL_CONFDIR": str(tree)},
            environ={},
            modules=sections(REGISTRY),
            groups=REGISTRY.groups(),
        )

    def text(self, path: str) -> str:
        return (self.tree / path).read_text()

    def module(self, name: str) -> Any:
        return self.config.modules[name]

    def score(self, symbol: str) -> float | None:
        """What the site says about a symbol, wherever it stands."""
        found = [g.symbols[symbol] for g in self.config.groups.values() if symbol in g.symbols]
        return found[-1].score if found else None

    def configtest(self, *options: str) -> subprocess.CompletedProcess[str]:
        """As role filter_engine asks of the staged tree, but of no machine."""
        ignored = ",".join(VARIABLES["__filter_engine_lint_deferred"])
        return subprocess.run(
            [
                *(sys.executable, "-m", "filter_engine.cli.main", "configtest", "--strict"),
                *("--no-host", "--var", f"LOCAL_CONFDIR={self.tree}", "--ignore", ignored),
                *options,
            ],
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    made: dict[str, Host] = {}

    def make(**variables: object) -> Host:
        key = repr(sorted({"filter_engine_profile": "single", **variables}.items()))
        if key not in made:
            made[key] = fresh(variables)
        return made[key]

    def fresh(variables: dict[str, object]) -> Host:
        directory = tmp_path_factory.mktemp("site") / "x"
        trees = rendered_tree.render(directory, site="single_host", **variables)
        return Host(trees / "solo", directory / "output")

    return make


@pytest.fixture(scope="module")
def dms(make: Make) -> Host:
    return make(filter_engine_profile="dms")


@pytest.fixture(scope="module")
def single(make: Make) -> Host:
    return make()


@pytest.mark.parametrize("profile", ["mx", "mas", "single", "dms"])
def test_the_engine_finds_nothing_in_any_profile(profile: str, make: Make) -> None:
    done = make(filter_engine_profile=profile).configtest()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "syntax OK" in done.stdout


def test_the_engine_finds_nothing_on_any_host_of_the_fleet(tmp_path: Path) -> None:
    trees = rendered_tree.render(tmp_path / "x")
    for name in ("charlotte", "dolores", "maeve"):
        done = Host(trees / name, tmp_path / "x/output").configtest()
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_code_the_role_leaves_to_verify_is_a_rule_s() -> None:
    lint.load()
    assert set(VARIABLES["__filter_engine_lint_deferred"]) <= set(lint.REGISTRY)


@pytest.mark.parametrize(("profile", "signs"), [("mx", False), ("mas", True), ("single", True)])
def test_who_signs(profile: str, signs: bool, make: Make) -> None:
    host = make(filter_engine_profile=profile)
    assert ("enabled = true" in host.text("local.d/dkim_signing.conf")) == signs
    assert host.config.actions.reject == 15


@pytest.mark.parametrize(
    ("profile", "stripped"), [("mx", False), ("mas", True), ("single", True), ("dms", False)]
)
def test_whose_users_do_not_tell_of_their_clients(profile: str, stripped: bool, make: Make) -> None:
    assert make(filter_engine_profile=profile).module("privacy").authenticated is stripped


def test_dms_thresholds(dms: Host) -> None:
    actions = dms.config.actions
    assert (actions.greylist, actions.add_header, actions.reject) == (4, 6, 11)
    assert actions.rewrite_subject is None
    assert "rewrite_subject = null" in dms.text("local.d/actions.conf")


def test_dms_scans_in_the_proxy(dms: Host) -> None:
    (proxy,) = dms.config.proxies
    upstream = proxy.default_upstream
    assert upstream is not None
    assert upstream.self_scan
    assert list(proxy.upstreams) == ["local"]
    assert (proxy.timeout, proxy.count, proxy.max_retries) == (120, 2, 5)
    assert not proxy.discard_on_reject
    assert not proxy.quarantine_on_reject
    assert proxy.spam_header == "X-Spam"
    kinds = {type(worker).__name__ for worker in dms.config.workers if worker.active}
    assert "NormalConfig" not in kinds


def test_dms_options(dms: Host) -> None:
    options = dms.config.options
    assert options.soft_reject_on_timeout
    assert options.pidfile == ""
    for address in ("127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.255.1"):
        assert options.is_local(address)
    assert not options.is_local("203.0.113.54")
    assert not options.is_local("172.32.0.1")


def test_dms_scores(dms: Host) -> None:
    assert {name: dms.score(name) for name in POLICY_SCORES} == POLICY_SCORES
    assert dms.score("HFILTER_HOSTNAME_UNKNOWN") == 6
    (na,) = [g.symbols["R_SPF_NA"] for g in dms.config.groups.values() if "R_SPF_NA" in g.symbols]
    assert na.one_shot


def test_dms_headers_and_signing(dms: Host) -> None:
    assert dms.module("milter_headers").extended_spam_headers
    signing = dms.module("dkim_signing")
    assert signing.sign_authenticated
    assert not signing.sign_local
    assert not signing.try_fallback
    assert signing.use_domain == "header"
    assert signing.use_esld
    assert signing.allow_username_mismatch
    assert signing.check_pubkey


def test_dms_modules_and_composites(dms: Host) -> None:
    off = "clickhouse elastic metric_exporter neural reputation spamassassin url_redirector"
    for module in (*off.split(), "greylist"):
        assert dms.text(f"local.d/{module}.conf") == "enabled = false;\n"
    composites = dms.text("local.d/composites.conf")
    assert 'AUTH_NA {\n    score = 2.5;\n    policy = "leave";\n}' in composites
    assert 'AUTH_NA_OR_FAIL {\n    score = 1;\n    policy = "leave";\n}' in composites
    settings = " ".join(dms.text("local.d/settings.conf").split())
    assert 'authenticated = true; apply { groups_enabled = [ "dkim", ]; }' in settings


def test_a_site_of_its_own_wins_over_the_profile(make: Make) -> None:
    host = make(
        filter_engine_profile="dms",
        filter_engine_actions={"reject": 20},
        filter_engine_check_authenticated=True,
        filter_engine_hfilter_hostname_unknown_score=1,
        filter_engine_modules_enabled=["neural"],
        filter_engine_local_d={"policies_group.conf": {"symbols": {"R_SPF_NA": {"weight": 0}}}},
    )
    assert host.config.actions.reject == 20
    assert not (host.tree / "local.d/settings.conf").exists()
    assert host.score("HFILTER_HOSTNAME_UNKNOWN") == 1
    assert host.score("R_SPF_NA") == 0
    assert host.score("R_SPF_FAIL") == 4.5
    assert host.text("local.d/neural.conf") == "enabled = true;\n"


def test_the_score_of_an_unknown_host_is_the_engines_own(single: Host) -> None:
    declared = {symbol.name: symbol.score for _, symbol in REGISTRY.symbols()}
    assert single.score("HFILTER_HOSTNAME_UNKNOWN") == declared["HFILTER_HOSTNAME_UNKNOWN"]


@pytest.mark.parametrize(
    ("variables", "type_", "level", "systemd"),
    [
        ({}, "console", "notice", True),
        ({"filter_engine_syslog_level": 3}, "console", "error", True),
        ({"filter_engine_syslog_level": 7}, "console", "debug", True),
        ({"filter_engine_log_level": "error"}, "console", "error", True),
        ({"filter_engine_log_target": "stdout"}, "console", "notice", False),
        ({"filter_engine_log_target": "syslog"}, "syslog", "notice", False),
        ({"filter_engine_log_target": "file"}, "file", "notice", False),
    ],
)
def test_logging(
    variables: dict[str, object], type_: str, level: str, systemd: bool, make: Make
) -> None:
    logging = make(**variables).config.logging
    assert (logging.type, logging.level, logging.systemd) == (type_, level, systemd)
    expected = "/var/log/filter_engine/filter_engine.log" if type_ == "file" else ""
    assert logging.filename == expected


@pytest.fixture(scope="module")
def switched(make: Make) -> Host:
    return make(
        filter_engine_pidfile="/run/filter_engine/pid",
        filter_engine_tempdir="/var/tmp",
        filter_engine_max_message="40mb",
        filter_engine_antivirus={"clamav": {"type": "clamav", "log_clean": False}},
        filter_engine_bayes={"autolearn": [0, 6], "password": rendered_tree.PASSWORD},
        filter_engine_shared_scores={"servers": "192.0.2.7:6390"},
        filter_engine_history_prefix="rs_history_solo",
        filter_engine_hfilter=False,
        filter_engine_modules_disabled=["once_received"],
        filter_engine_extra_files={
            "maps.d/senders.map": ["example.com", "example.org"],
            "maps.d/note.txt": "as it is",
            "local.d/own.inc": {"key": "value"},
            "maps.d/private.map": rendered_tree.ENABLE_PASSWORD,
        },
        filter_engine_secret_files=["maps.d/private.map"],
        filter_engine_override_d={"options.inc": {"task_timeout": "9s"}},
    )


def test_switches(switched: Host) -> None:
    options = switched.config.options
    assert options.pidfile == "/run/filter_engine/pid"
    assert options.max_message == 40 * 1024 * 1024
    assert options.task_timeout == 9
    assert 'tempdir = "/var/tmp"' in switched.text("local.d/options.inc")
    assert "log_clean = false" in switched.text("local.d/antivirus.conf")
    assert "autolearn = [" in switched.text("local.d/classifier-bayes.conf")
    assert switched.text("local.d/dynamic_conf.conf") == 'servers = "192.0.2.7:6390";\n'
    assert 'key_prefix = "rs_history_solo"' in switched.text("local.d/history_redis.conf")
    assert switched.text("local.d/once_received.conf") == "enabled = false;\n"
    assert switched.text("local.d/hfilter.conf") == "enabled = false;\n"


def test_extra_files(switched: Host) -> None:
    assert switched.text("maps.d/senders.map") == "example.com\nexample.org\n"
    assert switched.text("maps.d/note.txt") == "as it is"
    assert switched.text("local.d/own.inc") == 'key = "value";\n'
    mode = (switched.tree / "maps.d/senders.map").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_secrets_are_in_the_files_and_in_no_diff(switched: Host) -> None:
    # The engine's own of Redis, made from the administrator's.
    engine = hashlib.sha256(f"{rendered_tree.PASSWORD}:engine".encode()).hexdigest()
    assert engine in switched.text("local.d/redis.conf")
    assert rendered_tree.PASSWORD in switched.text("local.d/classifier-bayes.conf")
    assert rendered_tree.ENABLE_PASSWORD in switched.text("maps.d/private.map")
    assert "example.org" in switched.output
    assert rendered_tree.PASSWORD not in switched.output
    assert engine not in switched.output
    assert rendered_tree.ENABLE_PASSWORD not in switched.output


def test_passwords_of_the_controller_stand_there_as_hashes(single: Host) -> None:
    written = single.text("local.d/worker-controller.inc")
    assert 'password = "$1$' in written
    assert rendered_tree.PASSWORD not in written
    assert rendered_tree.ENABLE_PASSWORD not in written


def test_mail_by_class_and_the_headers_of_it(make: Make) -> None:
    host = make(
        filter_engine_destiny={"virus": "discard", "banned": "reject"},
        filter_engine_headers_min_score=2.5,
        filter_engine_header_rcpts=["@example.net"],
    )
    destiny, headers = host.module("destiny"), host.module("milter_headers")
    assert (destiny.virus, destiny.banned, destiny.spam) == ("discard", "reject", "")
    assert headers.min_score == 2.5
    assert "@example.net" in host.text("local.d/milter_headers.conf")
    assert headers.extended_headers_rcpt is not None
    assert host.configtest().returncode == 0


def test_of_itself_the_score_decides_and_all_mail_is_marked(single: Host) -> None:
    assert not (single.tree / "local.d/destiny.conf").exists()
    assert single.module("milter_headers").min_score is None


def test_a_bounce_is_refused(make: Make) -> None:
    with pytest.raises(ConfigError, match="stranger"):
        make(filter_engine_destiny={"spam": "D_BOUNCE"})
