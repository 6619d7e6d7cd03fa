"""A role's public interface as its files state it, and the README made from it.

``python tests/fleet/roles/interface.py`` writes ``roles/*/README.md``; ``--check`` only compares.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"


@dataclass(frozen=True)
class Role:
    """One role's defaults and argument specification."""

    path: Path
    defaults: dict[str, Any]
    spec: dict[str, Any]
    """The entry point ``main`` of ``meta/argument_specs.yml``."""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def options(self) -> dict[str, dict[str, Any]]:
        return self.spec.get("options") or {}


def roles() -> list[Role]:
    """Every role of the project."""
    return [read(path) for path in sorted(ROLES.iterdir()) if (path / "tasks").is_dir()]


def read(path: Path) -> Role:
    """One role's files; raises FileNotFoundError when one is missing."""
    defaults = yaml.safe_load((path / "defaults/main.yml").read_text()) or {}
    specs = yaml.safe_load((path / "meta/argument_specs.yml").read_text())
    return Role(path, defaults, specs["argument_specs"]["main"])


def _text(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value or "")


def _cell(value: Any) -> str:
    return _text(value).replace("\n", " ").replace("|", "\\|").strip()


def _default(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, (dict, list)):
        value = yaml.safe_dump(value, default_flow_style=True, width=10_000).strip()
    elif isinstance(value, bool):
        value = str(value).lower()
    value = " ".join(str(value).split()).replace("|", "\\|")
    return f"`{value}`"


def readme(role: Role) -> str:
    """The README.md of a role."""
    lines = [
        f"# Role {role.name}",
        "",
        f"{_text(role.spec.get('short_description')).rstrip('.')}.",
        "",
        *(_text(role.spec.get("description")).strip().splitlines() or []),
        "",
        "| variable | type | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for name, option in role.options.items():
        need = "**required** " if option.get("required") else ""
        shown = _default(role.defaults.get(name))
        lines.append(
            f"| `{name}` | {option.get('type', 'str')} | {need}{shown} "
            f"| {_cell(option.get('description'))} |"
        )
    lines += ["", "Made from `meta/argument_specs.yml` by `make role-docs`.", ""]
    return "\n".join(lines)


def main() -> int:
    """Write or check the READMEs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    stale = 0
    for role in roles():
        path = role.path / "README.md"
        text = readme(role)
        if not path.exists() or path.read_text() != text:
            stale += 1
            print(f"{'stale' if check else 'written'}: roles/{role.name}/README.md")
            if not check:
                path.write_text(text)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
