"""Every layer that spoke about an option, which one won, and what became of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from filter_engine.config import Config, Layer
from filter_engine.config.effective import SymbolDefault
from filter_engine.config.explain import Explanation, explain, explain_all
from filter_engine.config.resolve import UnknownKeyError
from filter_engine.ucl.masking import HIDDEN
from filter_engine.ucl.nodes import to_python

from .conftest import Site

DEFAULTS = {"R_X": SymbolDefault(1.5, "what it means", ("policies",), "x")}


def _loaded(site: Site, **files: dict[str, str]) -> Config:
    found = site(**files)
    assert found.config is not None, found.findings
    return found.config


def _said(found: Explanation) -> list[tuple[str, str, object, str]]:
    return [
        (str(s.layer), Path(s.origin.file).name, to_python(s.value), str(s.role))
        for s in found.statements
    ]


def _dynamic(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / "db" / "dynamic" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_every_layer_of_a_threshold(site: Site, tmp_path: Path) -> None:
    _dynamic(tmp_path, "actions.conf", "reject = 13;")
    config = _loaded(
        site,
        local={"actions.conf": "\nreject = 11;"},
        override={"actions.conf": "reject = 12;"},
        top={"rspamd.conf.local": "actions { reject = 10 }"},
    )
    found = explain(config, "actions.reject")
    assert to_python(found.value) == 12.0
    assert (found.kind, to_python(found.default)) == ("number or null", 15.0)
    assert _said(found) == [
        ("override.d", "actions.conf", 12, "wins"),
        ("dynamic", "actions.conf", 13, "replaced"),
        ("local.d", "actions.conf", 11, "replaced"),
        ("site", "rspamd.conf.local", 10, "replaced"),
        ("built in", "<built in>", 15.0, "replaced"),
    ]
    local = found.statements[2]
    assert local.origin.line == 2
    assert local.by is not None
    assert local.by.layer is Layer.OVERRIDE


def test_a_replaced_section_takes_its_options_with_it(site: Site) -> None:
    config = _loaded(
        site,
        local={"options.inc": "dns { timeout = 2s; nameserver = [192.0.2.1, 192.0.2.2] }"},
        override={"options.inc": "dns { nameserver = 192.0.2.9 }"},
    )
    assert config.options.dns.timeout == 1.0
    assert _said(explain(config, "options.dns.timeout")) == [
        ("built in", "<built in>", 1.0, "wins"),
        ("local.d", "options.inc", 2.0, "replaced"),
    ]
    assert _said(explain(config, "options.dns.nameserver")) == [
        ("override.d", "options.inc", "192.0.2.9", "wins"),
        ("local.d", "options.inc", ["192.0.2.1", "192.0.2.2"], "replaced"),
        ("built in", "<built in>", None, "replaced"),
    ]


def test_what_is_merged_is_told_of_every_file(tmp_path: Path) -> None:
    from filter_engine.config import load

    main = tmp_path / "main.conf"
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d" / "more.conf").write_text("local_networks = [192.0.2.0/24];\n")
    main.write_text(
        "options { local_networks = [198.51.100.0/24];\n"
        f'.include(duplicate=merge,priority=1) "{tmp_path}/local.d/more.conf"\n}}\n'
        "options { local_networks = 203.0.113.0/24; }\n"
    )
    config = load(main, {"LOCAL_CONFDIR": str(tmp_path), "DBDIR": str(tmp_path)}, {})
    assert all(
        config.options.is_local(f"{net}.7") for net in ("192.0.2", "198.51.100", "203.0.113")
    )
    assert _said(explain(config, "options.local_networks"))[:3] == [
        ("site", "main.conf", ["198.51.100.0/24"], "wins"),
        ("local.d", "more.conf", ["192.0.2.0/24"], "added"),
        ("site", "main.conf", "203.0.113.0/24", "added"),
    ]


@pytest.mark.parametrize(
    ("strategy", "timeout", "loser"),
    [("append", 2.0, 3.0), ("merge", 2.0, 3.0), ("rewrite", 3.0, 2.0)],
)
def test_strategies_of_includes(
    tmp_path: Path, strategy: str, timeout: float, loser: float
) -> None:
    from filter_engine.config import load

    main = tmp_path / "main.conf"
    (tmp_path / "more.conf").write_text("task_timeout = 3s;\n")
    main.write_text(
        f'options {{\n.include(priority=4) "{tmp_path}/first.conf"\n'
        f'.include(priority=2,duplicate={strategy}) "{tmp_path}/more.conf"\n}}\n'
    )
    (tmp_path / "first.conf").write_text("task_timeout = 2s;\n")
    config = load(main, {"DBDIR": str(tmp_path)}, {})
    assert config.options.task_timeout == timeout
    found = explain(config, "options.task_timeout")
    assert [value for _, _, value, _ in _said(found)] == [timeout, loser, 8.0]
    assert [role for *_, role in _said(found)] == ["wins", "replaced", "replaced"]


def test_other_spellings_of_an_option(site: Site) -> None:
    config = _loaded(
        site,
        local={"actions.conf": "add_header = 7;", "options.inc": "dns { servers = 192.0.2.1 }"},
        override={"actions.conf": '"add header" = 9;'},
        top={"rspamd.conf.local.override": "options { dns { nameserver = 192.0.2.2 } }"},
    )
    assert config.findings == ()
    assert config.actions.add_header == 9.0
    assert str(config.options.dns.nameservers) == "round-robin:192.0.2.2:53:1"
    found = explain(config, "actions.add header")
    assert found.key == "actions.add_header"
    assert [(layer, role) for layer, _, _, role in _said(found)] == [
        ("override.d", "wins"),
        ("local.d", "replaced"),
        ("built in", "replaced"),
    ]


def test_workers_under_the_names_a_site_writes(site: Site) -> None:
    config = _loaded(
        site,
        local={"worker-proxy.inc": 'upstream "a.b" { default = yes; hosts = "192.0.2.4" }'},
        top={"rspamd.conf.local": 'worker "normal" { timeout = 7s }'},
    )
    found = explain(config, "worker.proxy.upstream.a.b.hosts")
    assert found.key == "worker.rspamd_proxy.upstream.a.b.hosts"
    # the shipped upstream yielded, and that is told
    assert [(layer, value, role) for layer, _, value, role in _said(found)] == [
        ("local.d", "192.0.2.4", "wins"),
        ("shipped", "localhost", "replaced"),
        ("built in", None, "replaced"),
    ]
    # the site's main file is read before the shipped workers
    first = explain(config, "worker.normal.timeout")
    assert _said(first)[0] == ("site", "rspamd.conf.local", 7.0, "wins")
    second = explain(config, "worker.normal[2].timeout")
    assert _said(second) == [("built in", "<built in>", 30.0, "wins")]


def test_scores_from_check_groups_and_symbols(site: Site, tmp_path: Path) -> None:
    _dynamic(tmp_path, "groups.conf", 'symbols { "R_X" { score = 5 } }')
    config = _loaded(
        site,
        local={
            "groups.conf": 'symbols { "R_X" { score = 2 } }',
            "policies_group.conf": 'max_score = 4; symbols { "R_X" { score = 3 } }',
        },
    )
    found = explain(config, "symbols.R_X.score", DEFAULTS)
    assert to_python(found.value) == 5.0
    assert [(layer, file, value) for layer, file, value, _ in _said(found)] == [
        ("dynamic", "groups.conf", 5),
        ("local.d", "policies_group.conf", 3),
        ("local.d", "groups.conf", 2),
        ("built in", "<built in>", 1.5),
    ]
    assert found == explain(config, "group.policies.symbols.R_X.score", DEFAULTS)
    assert to_python(explain(config, "group.policies.max_score").value) == 4.0
    (tmp_path / "db" / "dynamic" / "groups.conf").unlink()
    untouched = _loaded(site, local={"groups.conf": "", "policies_group.conf": ""})
    assert _said(explain(untouched, "symbols.R_X.score", DEFAULTS)) == [
        ("built in", "<built in>", 1.5, "wins")
    ]


HASH = "$2$7ay9je5jyur84juwyaxfyh5jz99gokdg$jmttyo7p3p33txzmmzon95ge6m7k9zr8aenz1b6yeua14y6qejry"


def test_secrets_stay_hidden(site: Site) -> None:
    config = _loaded(
        site,
        local={
            "worker-controller.inc": f'password = "{HASH}"; keypair {{ privkey = "s3cret" }}',
            "multimap.conf": 'x { map = "https://u:s3cret@example.net/x"; token = "s3cret" }',
        },
        override={"worker-controller.inc": 'password = "s3cret"'},
    )
    keys = ["worker.controller.password", "worker.controller.keypair", "multimap"]
    hidden = [e for key in keys for e in explain_all(config, key)]
    assert "s3cret" not in repr([e.as_dict() for e in hidden])
    assert HASH not in repr([e.as_dict() for e in hidden])
    assert HIDDEN in repr(hidden[0].as_dict())
    shown = [e for key in keys for e in explain_all(config, key, show_secrets=True)]
    assert repr([e.as_dict() for e in shown]).count("s3cret") >= 4


@pytest.mark.parametrize(
    ("key", "doc", "default", "served"),
    [
        ("options.upstream.revive_time", "how long a dead server is left alone", 60.0, True),
        ("options.upstream.lazy_resolve_time", "how often names of servers", 3600.0, False),
        ("options.max_word_len", "longest word that is learnt", 40, False),
        ("clickhouse.server", "ClickHouse's address", None, False),
        ("fuzzy_check.rule.a.min_html_tags", "HTML with fewer", 10, False),
        ("clickhouse.limit", "old name of limits.max_rows", None, False),
        ("settings.partner.priority", "the highest that fits", None, True),
        ("redis.timeout", "time for one command", 1.0, True),
    ],
)
def test_what_an_option_means_is_told_wherever_it_stands(
    site: Site, key: str, doc: str, default: object, served: bool
) -> None:
    config = _loaded(
        site,
        local={
            "clickhouse.conf": "limit = 5;",
            "settings.conf": 'partner { priority = high; ip = "192.0.2.1"; apply { } }',
        },
    )
    found = explain(config, key)
    assert found.served is served
    assert found.kind
    assert doc in found.doc
    if default is not None:
        assert to_python(found.default) == default


def test_a_section_that_no_file_has(site: Site) -> None:
    with pytest.raises(UnknownKeyError, match="no file has a section 'clickhouse'") as caught:
        explain_all(_loaded(site), "clickhouse")
    assert "no_ssl_verify" in caught.value.hint
    with pytest.raises(UnknownKeyError) as caught:
        explain_all(_loaded(site), "clickhouse.sevrer")
    assert caught.value.hint == "did you mean 'clickhouse.server'?"


def test_options_that_are_not_served(site: Site) -> None:
    config = _loaded(
        site, local={"options.inc": "url_tld = x;", "multimap.conf": 'x { type = "from" }'}
    )
    for key in ("options.url_tld", "multimap.x.type"):
        found = explain(config, key)
        assert not found.served
        assert [(layer, role) for layer, _, _, role in _said(found)] == [("local.d", "not used")]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("actions.rejct", "'actions.reject'"),
        ("worker.prox.timeout", "'worker.rspamd_proxy.timeout'"),
        ("R_X", "'symbols.R_X.score'"),
        ("options.dns.tiemout", "'options.dns.timeout'"),
        ("actions.reject.x", "leave off x"),
        ("zzz", "known here: options"),
        ("", "known here: options"),
        ("..", ""),
        ("worker.normal[9].timeout", ""),
    ],
)
def test_unknown_keys(site: Site, key: str, hint: str) -> None:
    with pytest.raises(UnknownKeyError) as caught:
        explain(_loaded(site), key, DEFAULTS)
    assert hint in caught.value.hint


def test_a_section_explains_all_its_options(site: Site) -> None:
    config = _loaded(site)
    found = explain_all(config, "options.dns")
    assert [e.key for e in found] == [
        "options.dns.nameserver",
        "options.dns.timeout",
        "options.dns.retransmits",
        "options.dns.sockets",
        "options.dns.fake_records",
    ]
    with pytest.raises(UnknownKeyError, match="is a section"):
        explain(config, "options.dns")
