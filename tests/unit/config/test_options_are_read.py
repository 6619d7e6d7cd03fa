"""No option is accepted without effect: what nothing reads is reported as not served."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import filter_engine
from filter_engine.config import Section, Severity, options_of
from filter_engine.config.model import (
    ActionsConfig,
    DnsConfig,
    GroupConfig,
    LoggingConfig,
    Neighbour,
    OptionsConfig,
    RedisConfig,
    SymbolConfig,
)
from filter_engine.config.upstream_health import UpstreamConfig
from filter_engine.config.workers import (
    ControllerConfig,
    FuzzyConfig,
    NormalConfig,
    ProxyConfig,
    ScanUpstream,
)
from filter_engine.scan.declare import Registry, Symbol, check
from filter_engine.scan.metric import tally
from filter_engine.scan.plan import make_plan
from filter_engine.scan.verdict import Finding

from .conftest import Site

PACKAGE = Path(filter_engine.__file__).parent

#: Where each section is read: an attribute must be named there. Only these files count, since many
#: sections have a ``timeout``.
READ_IN: dict[type[Section], tuple[str, ...]] = {
    OptionsConfig: (
        *("*.py", "checks/*.py", "checks/*/*.py", "maps/*.py", "scan/*.py"),
        *("workers/*.py", "workers/controller/*.py"),
    ),
    DnsConfig: ("dns/system.py", "scanner.py"),
    UpstreamConfig: ("upstream/*.py",),
    Neighbour: ("workers/controller/*.py",),
    LoggingConfig: ("workers/logs/*.py", "workers/supervisor.py"),
    ActionsConfig: ("scanner.py", "scan/plan.py"),
    SymbolConfig: ("scan/plan.py",),
    GroupConfig: ("scan/plan.py", "config/bind_symbols.py"),
    ProxyConfig: (
        *("workers/proxy.py", "workers/generation.py", "workers/supervisor.py"),
        "workers/tls.py",
    ),
    ScanUpstream: ("workers/proxy.py", "workers/scan_upstream.py", "workers/tls.py"),
    NormalConfig: (
        *("workers/normal.py", "workers/generation.py", "workers/supervisor.py"),
        "workers/tls.py",
    ),
    ControllerConfig: (
        "workers/controller/*.py",
        "workers/access.py",
        "workers/tls.py",
        "workers/generation.py",
        "workers/supervisor.py",
    ),
    FuzzyConfig: (
        "workers/fuzzy.py",
        "workers/generation.py",
        "workers/supervisor.py",
        "config/workers.py",
    ),
    RedisConfig: ("store/*.py", "store/redis/*.py", "scan/setup.py", "checks/multimap/*.py"),
}

#: Read by a property or method of the section itself, which the engine calls by this name.
READ_THROUGH: dict[tuple[type[Section], str], str] = {
    (OptionsConfig, "local_addrs"): "is_local",
    (OptionsConfig, "local_networks"): "is_local",
    (ProxyConfig, "upstreams"): "default_upstream",
    **{(cls, "ssl"): "speaks_tls" for cls in (ProxyConfig, NormalConfig, ControllerConfig)},
    (RedisConfig, "servers"): "reading",
    (RedisConfig, "read_servers"): "reading",
    (RedisConfig, "write_servers"): "writing",
    **{(ActionsConfig, name): "thresholds" for name in ActionsConfig.wire_names},
    # the same names as in RedisConfig, of which ``redis`` makes one
    **{
        (FuzzyConfig, made.attribute): "redis"
        for made in options_of(RedisConfig)
        if made.attribute not in ("prefix", "timeout", "disabled_modules", "expand_keys")
    },
}

#: Read while the configuration is bound, so that nothing after it asks.
READ_BY_CONFIG: dict[tuple[type[Section], str], str] = {
    (OptionsConfig, "dynamic_conf"): "dynamic.add_rspamds",
    (ScanUpstream, "default"): "ProxyConfig.default_upstream",
    (ProxyConfig, "enabled"): "Config.proxies",
    (NormalConfig, "enabled"): "Config.scanners",
    (ControllerConfig, "enabled"): "Config.controllers",
    (FuzzyConfig, "enabled"): "Config.fuzzy_storages",
}

CASES = [(cls, declared.attribute) for cls in READ_IN for declared in options_of(cls)]


@pytest.mark.parametrize(
    ("cls", "attribute"), CASES, ids=[f"{cls.__name__}.{name}" for cls, name in CASES]
)
def test_an_option_is_read(cls: type[Section], attribute: str) -> None:
    if (cls, attribute) in READ_BY_CONFIG:
        return
    name = READ_THROUGH.get((cls, attribute), attribute)
    files = [path for pattern in READ_IN[cls] for path in PACKAGE.glob(pattern)]
    assert files
    assert any(re.search(rf"\.{name}\b", path.read_text()) for path in files), (
        f"nothing reads {attribute}: serve it, or declare it in {cls.__name__}.known"
    )


def test_the_lists_of_exceptions_are_true() -> None:
    for cls, attribute in (*READ_THROUGH, *READ_BY_CONFIG):
        assert attribute in {declared.attribute for declared in options_of(cls)}
    assert not any(cls.unused for cls in READ_IN)


def test_options_without_effect_are_told_as_not_served(site: Site) -> None:
    found = site(
        local={
            "options.inc": (
                "max_recipients = 9; tempdir = /tmp; words_decay = 9;"
                "history_rows = 9; filters = spf"
            ),
            "logging.inc": "encryption_key = x; log_buffer = 9; log_re_cache = no",
            "groups.conf": (
                'symbols { "A" { priority = 4 } }'
                'group "spf" { min_score = -1; public = true; description = x }'
            ),
            "worker-proxy.inc": 'client_ca_name = x; upstream "local" { key = x }',
            "worker-controller.inc": "stats_path = x; task_timeout = 4s",
        }
    )
    assert {(f.severity, f.code) for f in found.findings} == {(Severity.INFO, "not-served")}
    told = {f.message.partition(" is Rspamd's")[0].rpartition(".")[2] for f in found.findings}
    assert told == {
        *("max_recipients", "tempdir", "words_decay", "history_rows"),
        *("filters", "encryption_key", "log_buffer", "log_re_cache", "priority", "min_score"),
        *("public", "description", "client_ca_name", "key", "stats_path", "task_timeout"),
    }


def test_shots_of_symbols_and_groups_and_the_weight_of_unknown_ones(site: Site) -> None:
    registry = Registry()
    names = ("PLAIN", "ONCE", "TWICE", "GROUPED", "FREED")
    symbols = [Symbol(name, 1.0, "") for name in names[:3]]
    symbols += [Symbol(name, 1.0, "", groups=("g",)) for name in names[3:]]

    @check("rules", symbols=symbols, registry=registry)
    def rules(task: object) -> None:
        return None

    found = site(
        local={
            "groups.conf": (
                'group "g" { one_shot = true; max_score = 2;'
                'symbols { "FREED" { one_shot = false } } }'
                'symbols { "ONCE" { nshots = 1 } "TWICE" { nshots = 2 }'
                '"SITE" { description = x } }'
            ),
            "actions.conf": "unknown_weight = 0.5",
        },
        modules=registry.sections(),
        groups=registry.groups(),
    )
    assert found.findings == ()
    assert found.config is not None
    plan = make_plan(found.config, registry)
    findings = [Finding(name) for name in (*names, "SITE") for _ in range(3)]
    results = {result.name: result.score for result in tally(findings, plan.scores)}
    assert results == dict(zip((*names, "SITE"), (3.0, 1.0, 2.0, 1.0, 3.0, 1.5), strict=True))
    # FREED is named in its group twice, by the check and by the site, and counts there once.
    capped = tally([Finding("FREED"), Finding("GROUPED")], plan.scores, plan.caps)
    assert sum(result.score for result in capped) == 2.0
