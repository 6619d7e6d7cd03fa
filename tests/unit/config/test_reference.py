"""The reference names every option of every section, served or not."""

from __future__ import annotations

import pytest

from filter_engine import checks
from filter_engine.config import rspamd
from filter_engine.config.declared import NAME
from filter_engine.config.reference import find, sections
from filter_engine.config.schema import REST, options_of
from filter_engine.config.workers import WORKER_TYPES
from filter_engine.headers.sections import sections as declared_sections
from filter_engine.scan.declare import REGISTRY


@pytest.fixture(scope="module")
def modules() -> dict[str, type]:
    checks.load()
    return declared_sections(REGISTRY)


def test_every_section_is_there_once(modules: dict[str, type]) -> None:
    names = [section.name for section in sections(modules)]
    assert len(names) == len(set(names))
    assert {f'worker "{cls.kind}"' for cls in WORKER_TYPES.values()} <= set(names)
    assert modules.keys() | rspamd.NAMES <= set(names)


@pytest.mark.parametrize(
    ("path", "kind", "default", "served"),
    [
        ("options.task_timeout", "time", "8 s", True),
        ("options.dns.retransmits", "integer >= 1", "5", True),
        ("options.neighbours.NAME.host", "string", '""', True),
        ("options.max_word_len", "integer >= 0", "40", False),
        ("options.upstream.revive_time", "time >= 0", "60 s", True),
        ("options.upstream.lazy_resolve_time", "time", "3600 s", False),
        ("worker.rspamd_proxy.upstream.NAME.self_scan", "boolean", "false", True),
        ("worker.rspamd_proxy.upstream.NAME.key", "string", "", False),
        ("worker.rspamd_proxy.mirror.NAME.probability", "number", "1", False),
        ("worker.normal.max_tasks", "integer >= 0", "64", True),
        ("actions.reject", "number or null", "15", True),
        ("symbols.NAME.score", "number", "", True),
        ("composites.NAME.policy", None, '"remove_all"', True),
        ("settings.NAME.authenticated", "boolean or null", "", True),
        ("elastic.allow_local", "boolean", None, False),
    ],
)
def test_options_by_path(
    modules: dict[str, type], path: str, kind: str | None, default: str | None, served: bool
) -> None:
    found = find(path, modules)
    assert found is not None, path
    assert found.option.served is served
    assert found.option.doc
    if kind is not None:
        assert found.type == kind
    if default is not None:
        assert found.default == default


@pytest.mark.parametrize("path", ["options.nonsense", "nonsense.x", "options", "worker.normal"])
def test_what_is_no_option(path: str, modules: dict[str, type]) -> None:
    assert find(path, modules) is None


def test_all_that_a_module_serves_is_named(modules: dict[str, type]) -> None:
    made = {section.name: section for section in sections(modules)}
    for name, cls in modules.items():
        paths = {found.path.partition(".")[0] for found in made[name].options}
        assert paths == {option.key.replace(REST, NAME) for option in options_of(cls)}
        assert made[name].file == f"{name}.conf"
