"""Every role states its interface once: defaults, specification and README agree."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml


def _interface() -> ModuleType:
    # Loaded by path: tests are no package.
    path = Path(__file__).with_name("interface.py")
    spec = importlib.util.spec_from_file_location("role_interface", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


INTERFACE = _interface()
ROLES = INTERFACE.roles()
IDS = [role.name for role in ROLES]


def test_there_are_roles() -> None:
    assert len(ROLES) >= 7


@pytest.mark.parametrize("role", ROLES, ids=IDS)
def test_every_default_is_specified_and_the_other_way(role: Any) -> None:
    required = {name for name, option in role.options.items() if option.get("required")}
    assert set(role.defaults) == set(role.options) - required


@pytest.mark.parametrize("role", ROLES, ids=IDS)
def test_defaults_are_equal(role: Any) -> None:
    for name, option in role.options.items():
        if "default" in option:
            assert option["default"] == role.defaults[name], name


@pytest.mark.parametrize("role", ROLES, ids=IDS)
def test_public_names_carry_the_role_s_prefix(role: Any) -> None:
    assert [n for n in role.options if not n.startswith(f"{role.name}_")] == []


@pytest.mark.parametrize("role", ROLES, ids=IDS)
def test_private_names_carry_the_private_prefix(role: Any) -> None:
    private = yaml.safe_load((role.path / "vars/main.yml").read_text())
    assert [n for n in private if not n.startswith(f"__{role.name}_")] == []
    assert f"__{role.name}_packages" in private


@pytest.mark.parametrize("role", ROLES, ids=IDS)
def test_every_option_says_what_it_is(role: Any) -> None:
    silent = [n for n, o in role.options.items() if not o.get("description") or "type" not in o]
    assert silent == []


def options(found: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every option with its path, those of mappings too."""
    for name, option in found.items():
        yield f"{path}{name}", option
        yield from options(option.get("options", {}), f"{path}{name}.")


@pytest.mark.parametrize("role", ROLES, ids=IDS)
def test_secrets_are_not_logged(role: Any) -> None:
    secret = re.compile(r"(^|[._])(password|secret|private)\Z")
    shown = [n for n, o in options(role.options) if secret.search(n) and not o.get("no_log")]
    assert shown == []


def test_secrets_are_known_by_their_names() -> None:
    found = {name for role in ROLES for name, option in options(role.options) if "no_log" in option}
    assert {"dns_records_key_secret", "dkim_keys_given.private", "redis_password"} <= found


@pytest.mark.parametrize("role", ROLES, ids=IDS)
def test_readme_is_made_from_the_specification(role: Any) -> None:
    path = role.path / "README.md"
    assert path.exists(), "run `make role-docs`"
    assert path.read_text() == INTERFACE.readme(role), "run `make role-docs`"


@pytest.mark.parametrize("role", ROLES, ids=IDS)
def test_templates_read_no_hostvars(role: Any) -> None:
    found = [
        str(path.relative_to(role.path))
        for folder in ("templates", "tasks", "handlers", "defaults", "vars")
        for path in sorted((role.path / folder).rglob("*"))
        if path.is_file() and re.search(r"\bhostvars\b", path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize("role", ROLES, ids=IDS)
def test_a_role_names_no_other_role(role: Any) -> None:
    others = "|".join(re.escape(name) for name in IDS if name != role.name)
    pattern = re.compile(rf"(include_role|import_role|dependencies:)[^\n]*\n?[^\n]*\b({others})\b")
    found = [
        str(path.relative_to(role.path))
        for folder in ("tasks", "handlers", "meta")
        for path in sorted((role.path / folder).rglob("*.yml"))
        if pattern.search(path.read_text())
    ]
    assert found == []
