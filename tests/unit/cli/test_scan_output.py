"""What ``filter-engine scan`` shows of names that others chose."""

from __future__ import annotations

import io
import math
from pathlib import Path

from rich.console import Console

from filter_engine.cli.scan import _print
from filter_engine.scan.verdict import Action, SymbolResult, Verdict

EVIL = "\x1b]0;owned\x07\x1b[31m[bold red]x[/][/nothing]"
SHOWN = "?]0;owned??[31m[bold red]x[/][/nothing]"


def test_neither_escapes_nor_markup_reach_the_terminal() -> None:
    verdict = Verdict(
        action=Action.NO_ACTION,
        score=1.0,
        required_score=math.nan,
        symbols=(SymbolResult(EVIL, 1.0, 1.0, description=EVIL, options=(EVIL, "[1.2.3.4]")),),
        unfinished=(EVIL,),
    )
    out = io.StringIO()
    _print(Path(EVIL), verdict, Console(file=out, width=1000, force_terminal=False))
    shown = out.getvalue()
    assert "\x1b" not in shown
    assert "\x07" not in shown
    first, _head, symbol, last = shown.splitlines()
    assert first.startswith(f"{Path(SHOWN)}: no action")
    assert symbol.split()[0] == "1.00"
    assert symbol.rstrip().endswith(f"{SHOWN} [{SHOWN}, [1.2.3.4]]")
    assert last == f"check {SHOWN} did not finish"
