"""``make oracle``: compare with the recording, or with Rspamd itself (``--live``)."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from .comparison import compare
from .ours import known_symbols, limited_groups, replies, scanner
from .recording import PROJECT, missing, samples
from .report import figures, page, summary

PAGE = PROJECT / "docs" / "differences.md"


def main() -> int:
    """Print the comparison and write the page; 1 without the data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--live", action="store_true", help="ask the Rspamd of this machine")
    parser.add_argument("--symbol", help="only show the messages on which this symbol differs")
    parser.add_argument("--no-page", action="store_true", help="leave docs/differences.md as it is")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    asked = parser.parse_args()
    absent = missing()
    if absent:
        print(f"no {absent}: set ORACLE_DIR to the recording of Rspamd's replies", file=sys.stderr)
        return 1
    began = time.monotonic()
    engine = scanner(time.time) if asked.live else scanner()
    if asked.symbol:
        for sample, ours in replies(engine, samples()):
            here = ours.symbols.get(asked.symbol), ours.options.get(asked.symbol)
            there = sample.theirs.symbols.get(asked.symbol), sample.theirs.options.get(asked.symbol)
            if here[0] != there[0]:
                print(f"{sample.path}\n  Rspamd: {there}\n  here:   {here}")
        return 0
    if asked.live:
        from .live import asked_live

        found = compare(asked_live(engine, samples()), limited_groups(engine))
    else:
        found = compare(
            ((sample, sample.theirs, ours) for sample, ours in replies(engine, samples())),
            limited_groups(engine),
        )
    known = known_symbols(engine)
    print(summary(found, known))
    print(f"{time.monotonic() - began:.1f} s")
    if asked.json:
        asked.json.write_text(json.dumps(figures(found, known), indent=1) + "\n")
    if not asked.live and not asked.no_page:
        PAGE.write_text(page(found, known))
    return 0


if __name__ == "__main__":
    sys.exit(main())
