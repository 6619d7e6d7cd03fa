"""Every module and group that a check declares has its files, without a second place to name it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from filter_engine import checks
from filter_engine.cli.configtest import configtest
from filter_engine.config import Layer, Section, option
from filter_engine.config.declared_files import GROUPS_FILE, MODULES_FILE, group_file, module_file
from filter_engine.config.kinds import INTEGER
from filter_engine.config.options_class import options_class
from filter_engine.config.variables import SHIPPED
from filter_engine.dns.table import TableResolver
from filter_engine.scan.declare import REGISTRY, Registry, Symbol, check
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.plan import declared_symbols, make_plan
from filter_engine.scanner import Scanner, sections

from .conftest import Site

checks.load()
MODULES = sorted(sections(REGISTRY))
GROUPS = sorted(REGISTRY.groups())


def _strict(tmp_path: Path) -> tuple[int, str]:
    variables = ["--var", f"LOCAL_CONFDIR={tmp_path}", "--var", f"DBDIR={tmp_path}"]
    result = CliRunner().invoke(configtest, [*variables, "--strict"])
    return result.exit_code, result.output


@pytest.mark.parametrize("module", MODULES)
def test_a_modules_file_switches_it_off(module: str, site: Site, tmp_path: Path) -> None:
    found = site(
        local={module_file(module): "enabled = false;"},
        modules=sections(REGISTRY),
        groups=REGISTRY.groups(),
    )
    assert found.findings == ()
    assert found.config is not None
    shipped = site(modules=sections(REGISTRY), groups=REGISTRY.groups()).config
    assert shipped is not None
    assert found.config.disabled_modules == shipped.disabled_modules | {module}
    assert module not in {check.module for check in make_plan(found.config, REGISTRY).checks}
    assert _strict(tmp_path) == (0, "syntax OK\n")


def test_milter_headers_switched_off_touch_no_header(site: Site) -> None:
    text = "use = [x-spam-status]; skip_local = false;"
    for extra, edited in (("", True), ("enabled = false;", False)):
        found = site(local={"milter_headers.conf": text + extra}, modules=sections(REGISTRY))
        assert found.config is not None
        scanner = Scanner(found.config, Registry(), transport=TableResolver({}), server="mx1")
        edits = asyncio.run(scanner.scan(b"Subject: x\r\n\r\nx\r\n", Envelope())).edits
        assert bool(edits.add or edits.remove) is edited


@pytest.mark.parametrize("group", GROUPS)
def test_a_groups_file_sets_limits_and_scores(group: str, site: Site, tmp_path: Path) -> None:
    member = next(symbol for _, symbol in REGISTRY.symbols() if group in symbol.groups)
    text = f'max_score = 3.5; symbols {{ "{member.name}" {{ score = 7.25; }} }}'
    found = site(
        local={group_file(group): text}, modules=sections(REGISTRY), groups=REGISTRY.groups()
    )
    assert found.findings == ()
    assert found.config is not None
    plan = make_plan(found.config, REGISTRY)
    assert plan.caps[group] == 3.5
    assert plan.scores[member.name].value == 7.25
    assert _strict(tmp_path) == (0, "syntax OK\n")


@pytest.mark.parametrize("group", GROUPS)
def test_a_groups_file_switches_its_symbols_off(group: str, site: Site) -> None:
    found = site(
        local={group_file(group): "enabled = false;"},
        modules=sections(REGISTRY),
        groups=REGISTRY.groups(),
    )
    assert found.config is not None
    off = {name for name, s in make_plan(found.config, REGISTRY).scores.items() if not s.enabled}
    symbols = declared_symbols(found.config, REGISTRY)
    assert off == {symbol.name for symbol in symbols if group in symbol.groups}


@options_class
class _Options(Section):
    level: int = option(INTEGER, 0, doc="one")


def test_a_new_check_needs_no_second_place(site: Site, tmp_path: Path) -> None:
    registry = Registry()

    @check(
        "new_one",
        symbols=(Symbol("NEW", 1.0, "new", groups=("New Group",)),),
        options=_Options,
        registry=registry,
    )
    def new_one(task: object) -> None:
        return None

    dynamic = tmp_path / "db" / "dynamic"
    dynamic.mkdir(parents=True)
    (dynamic / "new_one.conf").write_text("level = 2")
    arguments = {"modules": registry.sections(), "groups": registry.groups()}
    found = site(
        local={"new_one.conf": "level = 1", "new_group_group.conf": "max_score = 2"}, **arguments
    )
    assert found.findings == ()
    assert found.config is not None
    bound = found.config.modules["new_one"]
    assert isinstance(bound, _Options)
    assert (bound.level, bound.origin("level").layer) == (2, Layer.DYNAMIC)
    assert found.config.groups["New Group"].max_score == 2.0
    found = site(
        override={"new_one.conf": "level = 3", "new_group_group.conf": "max_score = 4"}, **arguments
    )
    assert found.config is not None
    bound = found.config.modules["new_one"]
    assert isinstance(bound, _Options)
    assert (bound.level, bound.origin("level").layer) == (3, Layer.OVERRIDE)
    assert found.config.groups["New Group"].max_score == 4.0


def test_a_shipped_limit_yields_to_either_file_of_a_site(site: Site) -> None:
    found = site(
        local={"subject_group.conf": "max_score = 1", "groups.conf": 'group "surbl" {max_score=2}'}
    )
    assert found.findings == ()
    assert found.config is not None
    limits = {name: group.max_score for name, group in found.config.groups.items()}
    assert (limits["subject"], limits["surbl"], limits["headers"]) == (1.0, 2.0, 8.0)


def test_the_derived_texts_are_no_files(site: Site) -> None:
    found = site()
    assert found.config is not None
    names = {Path(path).name for path in found.config.files}
    assert {"modules.conf", "groups.conf"} <= names
    assert not names & {MODULES_FILE, GROUPS_FILE}
    assert not (SHIPPED / MODULES_FILE).exists()
