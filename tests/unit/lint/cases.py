"""The fixtures of the codes: ``fixtures/CODE/{failing,passing}[-name]/``.

Each is a site's tree; ``host/`` in it is a picture of its host. ``about.json`` has, as needed,
``at`` (where the code is expected: ``file:line``), ``addresses`` (the host's), ``user`` (the
account that reads keys), ``modes`` (of files) and ``confdir`` (a shipped tree of its own).
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filter_engine import checks, lint
from filter_engine.cli.key_faults import key_faults_of, unaligned_of
from filter_engine.cli.loading import key_files_of, symbols_of
from filter_engine.config.findings import Finding
from filter_engine.config.loader import inspect
from filter_engine.scan.declare import REGISTRY
from filter_engine.scanner import sections

FIXTURES = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Case:
    """One fixture."""

    code: str
    directory: Path

    @property
    def fails(self) -> bool:
        return self.directory.name.startswith("failing")

    @cached_property
    def about(self) -> dict[str, Any]:
        file = self.directory / "about.json"
        return dict(json.loads(file.read_text())) if file.is_file() else {}

    def findings(self, directory: Path) -> list[tuple[Finding, str]]:
        """Each finding with its place, of a copy of the tree in ``directory``."""
        site = directory / "site"
        shutil.copytree(self.directory, site)
        for path in (site, *site.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o640)
        for name, mode in self.about.get("modes", {}).items():
            (site / name).chmod(int(mode, 8))
        variables = {"LOCAL_CONFDIR": str(site), "DBDIR": str(site / "db"), "HOSTNAME": "mx1"}
        if "confdir" in self.about:
            variables["CONFDIR"] = str(site / self.about["confdir"])
        checks.load()
        found = inspect(None, variables, {}, modules=sections(REGISTRY), groups=REGISTRY.groups())
        findings = list(found.findings)
        if found.config is not None:
            addresses = self.about.get("addresses")
            host = lint.Host(
                site / "host",
                frozenset(addresses) if addresses is not None else None,
                self.about.get("user"),
            )
            findings.extend(
                lint.run(
                    found.config,
                    host,
                    symbols_of=symbols_of,
                    key_files_of=key_files_of,
                    key_faults_of=key_faults_of,
                    unaligned_of=unaligned_of,
                )
            )
        return [(f, f"{Path(f.file).relative_to(site)}:{f.line}") for f in sorted(findings)]


def cases() -> list[Case]:
    """Every fixture, by code and name."""
    return [
        Case(code.name, directory)
        for code in sorted(FIXTURES.iterdir())
        for directory in sorted(code.iterdir())
    ]
