"""The configuration blocks of the page that the reference site is taken from, as published.

The page is not part of this project: ``SEEDS_DIR`` names the folder it lies in. Its blocks are kept
in ``acceptance/``, so that what is expected of them is tested everywhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

SEEDS = Path(os.environ.get("SEEDS_DIR") or Path(__file__).resolve().parents[4] / "shared/seeds")
PAGE = SEEDS / "004_608f6c553c028c7c.txt"
ACCEPTANCE = Path(__file__).parent / "acceptance"

#: Sentence before the block -> host and file; the last two are one file on two hosts.
_BLOCKS = (
    (r"^/etc/rspamd/local\.d/options\.inc:$", "master/local.d/options.inc"),
    (r"^Create .* /etc/rspamd/local\.d/worker-proxy\.inc:$", "master/local.d/worker-proxy.inc"),
    (r"^Create .* /etc/rspamd/local\.d/worker-normal\.inc:$", "master/local.d/worker-normal.inc"),
    (
        r"^Create .* /etc/rspamd/local\.d/worker-controller\.inc:$",
        "master/local.d/worker-controller.inc",
    ),
    (
        r"^Create .* /etc/rspamd/override\.d/worker-fuzzy\.inc:$",
        "master/override.d/worker-fuzzy.inc",
    ),
    (r"^Slaves:$", "slave/override.d/worker-fuzzy.inc"),
)
#: The prose that follows a block: a heading alone between empty lines, or the end.
_END = re.compile(
    r"\n\n(?=(?:Workers|Normal Worker|Controller Worker|Fuzzy Storage Workers|Slaves:"
    r"|Configuration Syntax Check)\n)"
)


def blocks(page: str) -> dict[str, str]:
    """File below ``acceptance`` -> its text. Raises ``LookupError`` for a block that is gone."""
    found = {}
    for sentence, file in _BLOCKS:
        start = re.search(sentence, page, re.M)
        end = _END.search(page, start.end()) if start else None
        if start is None or end is None:
            raise LookupError(file)
        found[file] = page[start.end() : end.start()].strip("\n") + "\n"
    return found
