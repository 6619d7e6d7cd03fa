"""Schemas of Rspamd's modules: nothing of Rspamd's own configuration is unknown, typos are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from conformance_data import DATA
from filter_engine import checks
from filter_engine.config import rspamd
from filter_engine.config.collector import Collector
from filter_engine.config.findings import Finding, Severity
from filter_engine.config.kinds import merged_object
from filter_engine.config.layers import Layers
from filter_engine.config.loader import Inspection
from filter_engine.config.schema import Option, Schema, bind, bind_known, options_of
from filter_engine.config.sections import FOREIGN, OWN
from filter_engine.headers.milter_headers import MilterHeadersOptions
from filter_engine.scan.declare import REGISTRY
from filter_engine.scanner import sections
from filter_engine.ucl.document import parse_file

from .conftest import Site

_RSPAMD = DATA / "rspamd"
#: Without scores.d and *.inc, which hold the inside of sections.
_STOCK = [p for p in sorted((_RSPAMD / "conf").rglob("*.conf")) if p.parent.name != "scores.d"]
_TESTS = _RSPAMD / "test" / "functional"
_NO_DATA = pytest.mark.skipif(not _STOCK, reason=f"no {_RSPAMD}; set CONFORMANCE_DIR")

#: No configurations of Rspamd by themselves: a web server's, a Redis server's, JSON, the inside of
#: a section (two), one with a lost include.
_OTHERS = {
    "nginx.conf",
    "redis-server.conf",
    "dynamic.conf",
    "fuzzy-encryption-key.conf",
    "fuzzy-html.conf",
    "fuzzy_html_test.conf",
}
_CONFIGS = sorted((_TESTS / "configs").rglob("*.conf"))
_FUNCTIONAL = [path for path in _CONFIGS if path.name not in _OTHERS]
#: Of Rspamd's sections those that hold Lua or names only.
_WITHOUT_OPTIONS = {"global_functions", "lua", "rules", "upstreams"}

checks.load()
_SERVED = sections(REGISTRY)


def _findings(path: Path) -> Iterator[Finding]:
    """What is found in the modules' sections of one file, whatever layer it is."""
    variables = {
        "CONFDIR": str(_RSPAMD / "conf"),
        "LOCAL_CONFDIR": "/nonexistent",
        "DBDIR": "/nonexistent",
    }
    names = {name for file in _CONFIGS for name in re.findall(r"env\.(\w+)", file.read_text())}
    environ = {f"RSPAMD_{name}": "" if name.startswith("SETTINGS_") else "1" for name in names}
    environ["RSPAMD_FUZZY_INCLUDE"] = str(_TESTS / "configs" / "fuzzy-encryption-key.conf")
    environ["RSPAMD_MAPS_MIRROR"] = "https://maps.example.com"
    environ["RSPAMD_TESTDIR"] = str(_TESTS)
    root = parse_file(path, variables=variables, environ=environ).root
    collector = Collector(Layers(variables))
    for name in root:
        if name in _SERVED:
            section = merged_object(root.values(name))
            section.entries.pop("enabled", None)  # read by the loader, for all alike
            bind(_SERVED[name], section, collector, name)
        elif (schema := rspamd.find(name)) is not None:
            bind_known(schema, merged_object(root.values(name)), collector, name)
        else:
            assert name in OWN | _WITHOUT_OPTIONS, name
    yield from collector.findings


@_NO_DATA
@pytest.mark.parametrize("path", _STOCK, ids=lambda path: path.name)
def test_rspamds_stock_modules_are_known(path: Path) -> None:
    found = [f for f in _findings(path) if f.severity is not Severity.INFO]
    assert [f.message for f in found] == []


@_NO_DATA
@pytest.mark.parametrize("path", _FUNCTIONAL, ids=lambda path: path.name)
def test_the_modules_of_rspamds_own_tests_are_known(path: Path) -> None:
    unknown = {f.message for f in _findings(path) if f.code in ("unknown-option", "no-effect")}
    assert unknown == set()


# -- every schema --------------------------------------------------------------------------------


def _schemas(schema: Schema, path: str) -> Iterator[tuple[str, Mapping[str, Option]]]:
    yield path, schema.options
    if schema.rules is not None:
        yield from _schemas(schema.rules, f"{path}.*")
    for key, made in schema.options.items():
        if isinstance(made.kind.inner, Schema):
            yield from _schemas(made.kind.inner, f"{path}.{key}")


def test_every_module_has_a_schema_and_nothing_else_has() -> None:
    assert rspamd.NAMES == FOREIGN - _WITHOUT_OPTIONS
    assert all(rspamd.find(name) is not None for name in rspamd.NAMES)
    assert rspamd.find("lua") is None


@pytest.mark.parametrize("name", sorted(rspamd.NAMES))
def test_every_option_is_explained(name: str) -> None:
    schema = rspamd.find(name)
    assert schema is not None
    assert re.fullmatch(r"(modules|configuration)/\w+", schema.anchor)
    for path, options in _schemas(schema, name):
        for key, made in options.items():
            assert made.doc, f"{path}.{key}"
            assert not made.served, f"{path}.{key}"
            assert made.unit or "time" not in made.kind.name.split(), f"{path}.{key}"


@pytest.mark.parametrize("name", sorted(rspamd.NAMES))
def test_what_must_not_be_shown_is_marked(name: str) -> None:
    schema = rspamd.find(name)
    assert schema is not None
    for path, options in _schemas(schema, name):
        for key, made in options.items():
            if not made.kind.inner and re.search(r"password|secret|api_?key|token$", key):
                assert made.secret, f"{path}.{key}"


@pytest.mark.parametrize("name", sorted(rspamd.SERVED_IN_PART))
def test_an_option_is_declared_once(name: str) -> None:
    """What a check serves is not known as unserved as well."""
    section = _SERVED[name]
    served = {key for made in options_of(section) for key in (made.key, *made.aliases)}
    assert not served & section.known.keys()
    assert section.known == rspamd.unserved(name)
    assert "enabled" not in section.known


def test_unserved_is_for_sections_that_a_check_has() -> None:
    assert {name for name in _SERVED if name in rspamd.NAMES} == rspamd.SERVED_IN_PART
    assert _SERVED["milter_headers"] is MilterHeadersOptions
    with pytest.raises(ValueError, match="clickhouse"):
        rspamd.unserved("clickhouse")


# -- what a site is told -------------------------------------------------------------------------


def _load(site: Site, **files: str) -> Inspection:
    local = {f"{name}.conf".replace("__", "-"): text for name, text in files.items()}
    return site(local=local, modules=_SERVED, groups=REGISTRY.groups())


def test_the_typos_of_finding_1(site: Site) -> None:
    found = site(
        local={
            "dkim_signing.conf": 'sign_headerz = "from";\n',
            "worker-normal.inc": 'bind_sockett = "127.0.0.1:11333";\n',
            "arc.conf": "enabled = maybe;\n",
        },
        modules=_SERVED,
        groups=REGISTRY.groups(),
    )
    by_file = {Path(f.file).name: f for f in found.findings if f.severity is not Severity.INFO}
    assert by_file["dkim_signing.conf"].code == "unknown-option"
    assert "did you mean 'sign_headers'?" in by_file["dkim_signing.conf"].hint
    assert by_file["worker-normal.inc"].code == "unknown-option"
    assert "did you mean 'bind_socket'?" in by_file["worker-normal.inc"].hint
    assert by_file["arc.conf"].code == "wrong-type"
    assert "expected a boolean" in by_file["arc.conf"].message
    assert len(by_file) == 3


@pytest.mark.parametrize(
    ("module", "text", "code", "hint"),
    [
        ("antivirus", "clamav { simbol = X; }", "unknown-option", "did you mean 'symbol'"),
        ("elastic", "allow_local = maybe;", "wrong-type", "write true or false"),
        ("clickhouse", "limits { max_memory = huge; }", "wrong-type", "write 1024"),
        ("multimap", "A { type = ip; map = x; mapp = y; }", "unknown-option", "did you mean 'map'"),
        ("rbl", "rbls { a { rbll = x; } }", "unknown-option", "did you mean 'rbl'"),
        ("rbl", "rblss { a { rbl = x; } }", "unknown-option", "did you mean 'rbls'"),
        ("greylist", "timout = 5min;", "unknown-option", "did you mean 'timeout'"),
        ("ratelimit", "rates { to { selector = rcpts; bucket { rat = 1; } } }",
         "unknown-option", "did you mean 'rate'"),
        ("dmarc", "reporting { enabledd = true; }", "unknown-option", "did you mean 'enabled'"),
        ("dmarc", "munging = true;", "wrong-type", ""),
        ("fuzzy_check", "rule { a { servers = localhost; algoritm = mumhash; } }", "unknown-option",
         "did you mean 'algorithm'"),
        ("reputation", "rules { ip { backend { redis { server_s = x; } } } }",
         "unknown-option", "did you mean 'servers'"),
        ("milter_headers", "routines { x-virus { hedder = X; } }", "unknown-option",
         "did you mean 'header'"),
        ("history_redis", "nrow = 5;", "unknown-option", "did you mean 'nrows'"),
        ("maillist", "symbl = X;", "unknown-option", "did you mean 'symbol'"),
    ],
)  # fmt: skip
def test_a_fault_in_a_module_is_found(
    site: Site, module: str, text: str, code: str, hint: str
) -> None:
    inspection = _load(site, **{module: text})
    (finding,) = (f for f in inspection.findings if f.severity is not Severity.INFO)
    assert (finding.severity, finding.code, finding.line) == (Severity.WARNING, code, 1)
    assert hint in finding.hint
    assert inspection.config is not None


def test_a_switch_in_place_of_the_section_of_reports_says_what_to_write(site: Site) -> None:
    found = _load(site, dmarc="reporting = true;\n")
    (error,) = (f for f in found.findings if f.severity is Severity.ERROR)
    assert (Path(error.file).name, error.line, error.code) == ("dmarc.conf", 1, "wrong-type")
    assert "write reporting { enabled = true; email" in error.hint


_A10 = "autolearn=[0,6]; min_learns=10; per_user=true; users_enabled=true; allow_learn=true;"
_D31 = """
clamav {
  action = "reject"; message = '${SCANNER} FOUND VIRUS "${VIRUS}"'; type = "clamav";
  scan_mime_parts = false; symbol = "CLAM_VIRUS"; log_clean = true; max_size = 25000000;
  timeout = 10.0; retransmits = 2; servers = "/var/run/clamav/clamd.ctl";
}
"""
_D44 = """
sign_authenticated = true; sign_local = false; try_fallback = false; use_domain = "header";
use_redis = false; use_esld = true; allow_username_mismatch = true; check_pubkey = true;
domain { example.com { path = "/keys/rsa.txt"; selector = "mail"; } }
"""
_D46 = """
sign_local = true; sign_authenticated = true;
domain { example.com { path = "/keys/rsa.txt"; selector = "mail"; } }
"""


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("classifier__bayes", _A10),
        ("antivirus", _D31),
        ("dkim_signing", _D44),
        ("arc", _D46),
    ],
    ids=["A10", "D31", "D44", "D46"],
)
def test_what_the_seeds_write(site: Site, file: str, text: str) -> None:
    found = [f for f in _load(site, **{file: text}).findings if f.severity is not Severity.INFO]
    assert [f.message for f in found] == []


def test_a9_as_published_has_no_effect(site: Site) -> None:
    """Rspamd reads ``log_clean`` in a scanner's section only; the page writes it beside them."""
    inspection = _load(site, antivirus="log_clean=false;")
    (found,) = (f for f in inspection.findings if f.severity is not Severity.INFO)
    assert (found.code, found.message) == ("no-effect", "antivirus.log_clean has no effect")
    assert "NAME { log_clean = ...; }" in found.hint


# -- what it costs -------------------------------------------------------------------------------

_PROBE = """
import json, sys
from filter_engine import checks
from filter_engine.config.loader import inspect
from filter_engine.scan.declare import REGISTRY
from filter_engine.scanner import sections
checks.load()
variables = {"LOCAL_CONFDIR": sys.argv[1], "DBDIR": sys.argv[1]}
assert inspect(None, variables, {}, modules=sections(REGISTRY), groups=REGISTRY.groups()).config
print(json.dumps(sorted(m for m in sys.modules if m.startswith("filter_engine.config.rspamd."))))
"""


@pytest.mark.parametrize(
    ("file", "text", "loaded"),
    [
        (None, "", set()),
        ("dkim_signing.conf", 'selector = "mail"; enabled = true;', set()),
        ("external_relay.conf", "rules { a { strategy = local; } }", {"maps"}),
        ("dmarc.conf", "munging { munge_from = true; }", {"authentication"}),
    ],
)
def test_a_schema_is_loaded_when_a_site_needs_it(
    tmp_path: Path, file: str | None, text: str, loaded: set[str]
) -> None:
    if file is not None:
        (tmp_path / "local.d").mkdir()
        (tmp_path / "local.d" / file).write_text(text)
    run = subprocess.run(
        [sys.executable, "-c", _PROBE, str(tmp_path)], capture_output=True, text=True, check=True
    )
    names = {name.rpartition(".")[2] for name in json.loads(run.stdout)}
    assert names - {"kinds", "shared_options"} == loaded
    assert bool(names) == bool(loaded)
