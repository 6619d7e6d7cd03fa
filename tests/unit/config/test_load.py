"""Loading: the shipped tree, a site's layers, workers, scores, and what is reported."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from filter_engine.config import (
    ConfigError,
    Layer,
    Section,
    Severity,
    SymbolConfig,
    TcpSocket,
    load,
    option,
    options_of,
)
from filter_engine.config.kinds import INTEGER
from filter_engine.config.loader import Inspection, inspect
from filter_engine.config.model import DnsConfig, GroupConfig, Neighbour, OptionsConfig
from filter_engine.config.options_class import options_class
from filter_engine.config.workers import WORKER_TYPES, ScanUpstream

from .conftest import Site


def _codes(found: Inspection) -> list[tuple[str, str]]:
    return [(Path(f.file).name, f.code) for f in found.findings]


# -- the shipped tree --------------------------------------------------------------------------


def test_without_a_site_the_shipped_tree_is_clean_and_complete(tmp_path: Path) -> None:
    config = load(None, {"LOCAL_CONFDIR": str(tmp_path)}, {})
    assert config.findings == ()
    assert [worker.kind for worker in config.workers] == [
        "normal",
        "controller",
        "rspamd_proxy",
        "fuzzy",
    ]
    assert config.actions.thresholds() == (
        ("reject", 15.0),
        ("add header", 6.0),
        ("greylist", 4.0),
    )
    (proxy,) = config.proxies
    assert proxy.default_upstream is not None
    assert str(proxy.default_upstream.hosts) == "round-robin:localhost:11333:1"
    sockets = [worker.bind_socket for worker in config.workers]
    assert sockets == [
        (TcpSocket("127.0.0.1", port), TcpSocket("::1", port, optional=True))
        for port in (11333, 11334, 11332, 11335)
    ]
    assert config.fuzzy_storages == ()
    assert config.redis is None
    assert config.options.is_local("127.0.0.1")
    assert config.options.is_local("10.1.2.3")
    assert not config.options.is_local("192.0.2.1")


def test_a_missing_site_directory_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filter_engine.config.variables.SITE_DIRECTORY", Path("/no/such/place"))
    config = load(None, {}, {})
    assert "LOCAL_CONFDIR" not in config.variables
    assert config.findings == ()


def test_every_option_is_documented() -> None:
    sections: set[type[Section]] = {OptionsConfig, DnsConfig, Neighbour, GroupConfig, SymbolConfig}
    sections |= {ScanUpstream, *WORKER_TYPES.values()}
    for section in sections:
        keys = [key for o in options_of(section) for key in (o.key, *o.aliases)]
        assert len(keys) == len(set(keys)), section
        assert not set(keys) & (section.known.keys() | section.retired.keys()), section
        assert all(o.doc for o in options_of(section)), section


def test_a_config_cannot_be_changed() -> None:
    config = load(None, {"LOCAL_CONFDIR": "/nonexistent"}, {})
    with pytest.raises(FrozenInstanceError):
        config.files = ()  # type: ignore[misc]  # what the test is about
    with pytest.raises(TypeError):
        config.modules["x"] = Section()  # type: ignore[index]  # what the test is about


# -- layers ------------------------------------------------------------------------------------


def test_local_merges_override_wins_and_both_are_remembered(site: Site) -> None:
    found = site(
        local={"options.inc": 'task_timeout = 5s;\ndns {\n nameserver = "192.0.2.53";\n}\n'},
        override={"options.inc": "max_urls = 7;\n\ntask_timeout = 6s;\n"},
    )
    config = found.config
    assert config is not None
    assert found.findings == ()
    options = config.options
    assert (options.task_timeout, options.max_urls) == (6.0, 7)
    assert str(options.dns.nameservers) == "round-robin:192.0.2.53:53:1"
    assert options.dns.timeout == 1.0
    origin = options.origin("task_timeout")
    assert (Path(origin.file).parent.name, origin.line) == ("override.d", 3)
    assert origin.layer is Layer.OVERRIDE
    assert options.dns.origin("nameservers").layer is Layer.LOCAL
    assert options.origin("max_message").layer is Layer.BUILTIN


def test_the_dynamic_layer_is_between_local_and_override(site: Site, tmp_path: Path) -> None:
    dynamic = tmp_path / "db" / "dynamic"
    dynamic.mkdir(parents=True)
    (dynamic / "spf.conf").write_text("level = 2; other = 2; third = 2")
    found = site(
        local={"spf.conf": "level = 1; other = 1"},
        override={"spf.conf": "level = 3"},
        modules={"spf": _Levels},
    )
    assert found.config is not None
    bound = found.config.modules["spf"]
    assert isinstance(bound, _Levels)
    assert (bound.level, bound.other, bound.third) == (3, 2, 2)
    layers = [bound.origin(name).layer for name in ("level", "other", "third")]
    assert layers == [Layer.OVERRIDE, Layer.DYNAMIC, Layer.DYNAMIC]


@options_class
class _Levels(Section):
    level: int = option(INTEGER, 0, doc="one")
    other: int = option(INTEGER, 0, doc="two")
    third: int = option(INTEGER, 0, doc="three")


def test_top_level_file_of_a_site(site: Site) -> None:
    found = site(
        top={"rspamd.conf.local": 'actions { reject = 11 }\nworker "normal" { count = 3 }'}
    )
    assert found.config is not None
    assert found.config.actions.reject == 11.0
    assert found.config.actions.origin("reject").layer is Layer.SITE


def test_a_main_file_of_ones_own(tmp_path: Path) -> None:
    main = tmp_path / "main.conf"
    main.write_text(
        "options { task_timeout = \"{= env.TIMEOUT|default('1') =}\" }\nactions { reject = $LIMIT }"
    )
    found = inspect(main, {"LIMIT": "high"}, {"RSPAMD_TIMEOUT": "4"})
    assert [f.message for f in found.findings] == [
        "options.task_timeout: expected a time, found the string '4'",
        "actions.reject: expected a number, found 'high'",
    ]


# -- options -----------------------------------------------------------------------------------


def test_local_addrs_and_networks_are_joined_and_the_doubt_is_reported(site: Site) -> None:
    found = site(
        local={"options.inc": "local_addrs = [192.0.2.1]\nlocal_networks = [198.51.100.0/24]\n"}
    )
    assert found.config is not None
    options = found.config.options
    assert options.is_local("192.0.2.1")
    assert options.is_local("198.51.100.9")
    assert options.is_local("127.0.0.1")
    assert not options.is_local("10.1.2.3")
    assert _codes(found) == [("options.inc", "local-addrs-beside-networks")]


def test_shipped_local_addrs_yield_to_a_sites_networks(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    (tmp_path / "local.d").mkdir()
    shipped.mkdir()
    (shipped / "filter_engine.conf").write_text(
        "options { local_addrs = [10.0.0.0/8]\n"
        '.include(priority=1,duplicate=merge) "$LOCAL_CONFDIR/local.d/options.inc"\n}'
    )
    (tmp_path / "local.d" / "options.inc").write_text("local_networks = 192.0.2.0/24")
    variables = {"CONFDIR": str(shipped), "LOCAL_CONFDIR": str(tmp_path)}
    found = inspect(None, variables, {})
    assert found.config is not None
    assert not found.config.options.is_local("10.1.2.3")
    assert found.config.options.is_local("192.0.2.3")
    assert found.findings == ()


def test_neighbours(site: Site) -> None:
    found = site(
        local={
            "options.inc": (
                'neighbours { Mx { host = "https://mx.example.net:443"; path = "/rspamd/mx" } }'
            )
        }
    )
    assert found.config is not None
    assert found.config.options.neighbours == {
        "Mx": Neighbour(host="https://mx.example.net:443", path="/rspamd/mx")
    }


# -- actions, scores ---------------------------------------------------------------------------


def test_actions(site: Site) -> None:
    found = site(
        local={
            "actions.conf": (
                'reject = 11; greylist = null; "rewrite subject" = 8; subject = "[SPAM] %s"'
            )
        }
    )
    assert found.config is not None
    assert found.config.actions.thresholds() == (
        ("reject", 11.0),
        ("rewrite subject", 8.0),
        ("add header", 6.0),
    )
    assert found.config.actions.subject == "[SPAM] %s"


def test_scores_of_symbols(site: Site) -> None:
    found = site(
        local={
            "groups.conf": (
                'symbols { "A" { score = 1.5; description = "why" } "B" { weight = 2 } }\n'
                'group "policies" { max_score = 4; symbols { "C" { score = 3; one_shot = true } } }'
            ),
            "policies_group.conf": 'symbols { "D" { score = 4 } "A" { score = 9 } }',
        },
        override={"policies_group.conf": 'symbols { "B" { score = 7 } }'},
    )
    assert found.findings == ()
    assert found.config is not None
    scores = {name: symbol.score for name, symbol in found.config.symbols.items()}
    # A: symbols {} wins over a group of the same layer; B: override.d wins over local.d;
    # C and D: override.d's symbols { } replaced that of local.d as a whole.
    assert scores["A"] == 1.5
    assert scores["B"] == 7.0
    assert found.config.symbols["A"].description == "why"
    assert found.config.groups["policies"].max_score == 4.0


def test_older_metric_section(site: Site) -> None:
    found = site(
        top={
            "rspamd.conf.local": (
                "metric { actions { reject = 30 } "
                'symbol "X" { weight = 5 } group "g" { symbol "Y" { score = 1 } } }'
            )
        }
    )
    assert found.config is not None
    assert found.config.actions.reject == 30.0
    assert {name: s.score for name, s in found.config.symbols.items()} == {"X": 5.0, "Y": 1.0}
    assert found.config.symbols["Y"].groups == ("g",)


# -- modules -----------------------------------------------------------------------------------


def test_modules_are_bound_and_can_be_switched_off(site: Site) -> None:
    found = site(
        local={"spf.conf": "level = 4; enabled = false", "mid.conf": "enabled = no"},
        modules={"spf": _Levels, "dmarc": _Levels, "mid": Section},
    )
    assert found.findings == ()
    config = found.config
    assert config is not None
    assert config.modules["spf"] == _Levels(level=4)
    assert config.modules["dmarc"] == _Levels()
    assert [config.is_enabled(name) for name in ("spf", "dmarc", "mid")] == [False, True, False]


def test_enabled_must_be_a_boolean(site: Site) -> None:
    found = site(local={"spf.conf": "enabled = maybe"}, modules={"spf": _Levels})
    assert [(f.code, f.message) for f in found.findings] == [
        ("wrong-type", "spf.enabled: expected a boolean, found 'maybe'")
    ]


def test_redis(site: Site) -> None:
    found = site(
        local={"redis.conf": 'read_servers = "127.0.0.1:6381"; write_servers = "10.0.0.1"; db = 2'}
    )
    assert found.config is not None
    redis = found.config.redis
    assert redis is not None
    assert str(redis.reading) == "master-slave:127.0.0.1:6381:1"
    assert str(redis.writing) == "master-slave:10.0.0.1:6379:1"
    assert redis.db == "2"


# -- what is reported --------------------------------------------------------------------------


def test_everything_wrong_is_reported_in_one_go(site: Site) -> None:
    found = site(
        local={
            "options.inc": "task_timeuot = 1s\ntask_timeout = maybe\n",
            "actions.conf": "reject = {\n",
            "worker-normal.inc": 'bind_sockett = "x"\nbind_socket = "1.2.3:1"\n',
            "wroker-proxy.inc": "a = 1",
            "clickhouse.conf": 'server = "192.0.2.1"',
            "notes.txt": "not configuration",
        },
        top={"filter_engine.conf.local": "spff { a = 1 }"},
        modules={"spf": _Levels},
    )
    assert found.config is None
    assert sorted((Path(f.file).name, f.line, str(f.severity), f.code) for f in found.findings) == [
        ("actions.conf", 2, "error", "syntax"),
        ("clickhouse.conf", 1, "info", "not-served"),
        ("filter_engine.conf.local", 1, "warning", "unknown-section"),
        ("options.inc", 1, "warning", "unknown-option"),
        ("options.inc", 2, "error", "wrong-type"),
        ("worker-normal.inc", 1, "warning", "unknown-option"),
        ("worker-normal.inc", 2, "error", "wrong-type"),
        ("wroker-proxy.inc", 0, "warning", "unread-file"),
    ]
    hints = {f.code: f.hint for f in found.findings}
    assert hints["unknown-section"] == "did you mean 'spf'?"
    assert hints["unread-file"] == "did you mean worker-proxy.inc?"


def test_a_map_in_local_d_is_no_unread_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    path = tmp_path / "local.d" / "networks.inc"
    path.write_text("192.0.2.0/24\n")
    found = site(local={"options.inc": f'local_networks = "{path}"'})
    assert found.findings == ()
    assert found.config is not None
    assert found.config.options.is_local("192.0.2.7")


def test_load_raises_with_every_error(tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d" / "options.inc").write_text("task_timeout = maybe\nmax_urls = few\n")
    with pytest.raises(ConfigError) as caught:
        load(None, {"LOCAL_CONFDIR": str(tmp_path)}, {})
    assert [f.line for f in caught.value.findings] == [1, 2]
    assert all(f.severity is Severity.ERROR for f in caught.value.findings)
    assert "options.inc:1:1: error: options.task_timeout" in str(caught.value)


def test_a_main_file_that_cannot_be_read(tmp_path: Path) -> None:
    found = inspect(tmp_path / "none.conf", {}, {})
    assert found.config is None
    assert [(f.code, f.message) for f in found.findings] == [("syntax", "the file does not exist")]


def test_a_symbol_scored_in_two_files_of_a_layer_is_told(site: Site) -> None:
    found = site(
        local={
            "policies_group.conf": "symbols { R_SPF_FAIL { score = 4; } }\n",
            "groups.conf": "symbols { R_SPF_FAIL { score = 5; } }\n",
        }
    )
    (told,) = found.findings
    assert (Path(told.file).name, told.line, told.code) == (
        "policies_group.conf",
        1,
        "repeated-option",
    )
    assert "groups.conf:1, which counts" in told.message
    assert found.config is not None
    assert found.config.symbols["R_SPF_FAIL"].score == 5


def test_a_symbol_scored_in_two_layers_is_not_told(site: Site) -> None:
    found = site(
        local={"policies_group.conf": "symbols { R_SPF_FAIL { score = 4; } }\n"},
        override={"groups.conf": "symbols { R_SPF_FAIL { score = 5; } }\n"},
    )
    assert found.findings == ()
