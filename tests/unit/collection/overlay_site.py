"""A tree in a shared directory of a host: what the tests of the overlay work on."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.mailfleet.filter.plugins.module_utils.tree_apply import (
    Outcome,
    Request,
    TreeRun,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import WantedFile

ME, GROUP = str(os.getuid()), str(os.getgid())


class Site:
    """One tree on one host, in a temporary directory."""

    def __init__(self, root: Path) -> None:
        self.dest = root / "etc"
        self.state = root / "state" / "tree"
        self.keep = 5

    def request(self, *, check: bool = False, validate: str | None = "true %s") -> Request:
        return Request(
            state_directory=str(self.state),
            dest=str(self.dest),
            exclusive=False,
            validate=validate,
            keep=self.keep,
            check_mode=check,
            directory_owner=ME,
            directory_group=GROUP,
        )

    def apply(
        self,
        files: dict[str, str],
        *,
        check: bool = False,
        validate: str | None = "true %s",
        mode: int = 0o640,
        owner: str = ME,
        secrets: tuple[str, ...] = (),
    ) -> Outcome:
        wanted = {
            path: WantedFile(path, text.encode(), mode, owner, GROUP, path in secrets)
            for path, text in files.items()
        }
        return TreeRun(self.request(check=check, validate=validate)).apply(wanted)

    def roll_back(self, generation: int | None = None, *, check: bool = False) -> Outcome:
        nothing = Request(str(self.state), None, None, None, self.keep, check)
        return TreeRun(nothing).roll_back(generation)

    def live(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.dest)): path.read_text()
            for path in sorted(self.dest.rglob("*"))
            if path.is_file()
        }
