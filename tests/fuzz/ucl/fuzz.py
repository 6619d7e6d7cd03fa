"""Feeds the UCL reader made-up and mutated documents for a while and looks for faults.

    python tests/fuzz/ucl/fuzz.py --seconds 600 [--seed N]

A fault is: an exception that is no UclError; a document that takes more than 2 s; values that come
back different after emit and parse; memory that grows. The document is kept, the exit status is 1.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests" / "support"), str(Path(__file__).parent)]

from grammar import Grammar  # noqa: E402  # found by the path just set

from conformance_data import DATA  # noqa: E402
from filter_engine.ucl import (  # noqa: E402
    UclError,
    UclNode,
    emit,
    emit_json,
    emit_yaml,
    parse,
    parse_file,
)

_MAX_SECONDS = 2.0
_MAX_GROWTH = 64 * 1024 * 1024
_WARM_UP = 0.25
"""The part of the time after which memory must not grow any more."""
_VARIABLES = {"VAR": "value", "CONFDIR": "/nonexistent", "LOCAL_CONFDIR": "/nonexistent"}
_ENVIRON = {"RSPAMD_A": "a", "RSPAMD_PORT": "11333"}


class FaultError(Exception):
    """The reader did what it must not do."""


def main() -> int:
    """Run until the time is over or a fault is found; returns the exit status."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--seed", type=int, default=int(time.time()))
    given = options.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="fuzz-ucl-"))
    print(f"seed {given.seed}, documents below {directory}", flush=True)
    chance = random.Random(given.seed)
    grammar, corpus = Grammar(chance), _corpus()
    (directory / "more.conf").write_text("base { m = 1 }\nmore = 2\n")
    (directory / "self.conf").write_text('.include(try=true) "$CURDIR/self.conf"\n')
    document = directory / "document.conf"
    started, deadline = time.monotonic(), time.monotonic() + given.seconds
    warm: int | None = None
    tried = read = 0
    slowest = 0.0
    while time.monotonic() < deadline:
        document.write_bytes(_next(chance, grammar, corpus))
        faulthandler.dump_traceback_later(60, exit=True)  # the document stays where it is
        before = time.process_time()
        try:
            read += _check(document)
            taken = time.process_time() - before
            if taken > _MAX_SECONDS:
                raise FaultError(f"took {taken:.1f} s")
        except Exception:
            print(traceback.format_exc()[-3000:])
            kept = document.rename(directory / "fault.conf")
            print(f"FAULT after {tried} documents: {kept}")
            return 1
        slowest = max(slowest, taken)
        tried += 1
        if warm is None and time.monotonic() - started > given.seconds * _WARM_UP:
            warm = _resident()
    faulthandler.cancel_dump_traceback_later()
    growth = _resident() - (warm or 0)
    print(f"{tried} documents, {read} of them correct, slowest {slowest:.2f} s, ", end="")
    print(f"memory grew by {growth / 1048576:.1f} MiB after warm-up")
    if growth > _MAX_GROWTH:
        print("FAULT: memory grows")
        return 1
    for left in directory.iterdir():
        left.unlink()
    directory.rmdir()
    return 0


def _corpus() -> list[bytes]:
    places = [_ROOT / "filter_engine" / "conf", DATA / "libucl" / "tests" / "basic"]
    places += [DATA / "rspamd" / "conf", DATA / "rspamd" / "test" / "functional" / "configs"]
    files = sorted(p for place in places for p in place.rglob("*") if p.is_file())
    return [content for path in files if len(content := path.read_bytes()) < 65536]


def _next(chance: random.Random, grammar: Grammar, corpus: list[bytes]) -> bytes:
    what = chance.random()
    if what < 0.4:
        return grammar.document().encode("utf-8", "surrogateescape")
    if what < 0.6:
        made = grammar.document().encode("utf-8", "surrogateescape")
        return grammar.mutate(made, chance.choice(corpus))
    return grammar.mutate(chance.choice(corpus), chance.choice(corpus))


def _check(path: Path) -> bool:
    """Whether the document is correct. Raises ``FaultError`` and whatever the reader raises."""
    environ = None if os.stat(path).st_size % 4 == 0 else _ENVIRON  # with and without templates
    try:
        root = parse_file(path, variables=_VARIABLES, environ=environ).root
    except UclError as error:
        if len(str(error)) > 3000:
            raise FaultError("a long error") from None
        return False
    for name, text in (("config", emit(root)), ("json", emit_json(root, compact=True))):
        _compare(name, root, text)
    emit_yaml(root)
    return True


def _compare(name: str, root: UclNode, text: str) -> None:
    again = parse(text)
    if name == "json":  # JSON has no several values of a key and no infinite numbers
        if emit_json(again) != emit_json(root):
            raise FaultError("JSON came back different")
    elif again != root and not ("nan" in text and emit(again) == text):  # no NaN equals itself
        raise FaultError("the configuration came back different")


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
