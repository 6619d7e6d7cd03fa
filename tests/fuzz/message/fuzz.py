"""Feeds the message parsers made-up and mutated messages for a while and looks for faults.

    python tests/fuzz/message/fuzz.py --seconds 600 [--seed N]

Five kinds of input: whole messages, HTML documents, header values, texts with URLs, and messages
whose words statistics count. A fault is: an exception; more than 50 ms of CPU a kilobyte (of at
least 4 KB); memory that grows. The input is kept, the exit status is 1.
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
from collections.abc import Callable
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests" / "support"), str(Path(__file__).parent)]

from pieces import Pieces  # noqa: E402  # found by the path just set

from conformance_data import DATA  # noqa: E402
from filter_engine.message import Message  # noqa: E402
from filter_engine.message.content_type import parse_parametrised  # noqa: E402
from filter_engine.message.css import parse_colour, parse_declarations  # noqa: E402
from filter_engine.message.encoded_word import decode_value  # noqa: E402
from filter_engine.message.html import parse_html  # noqa: E402
from filter_engine.message.links import query_target  # noqa: E402
from filter_engine.message.pdf import read_pdf  # noqa: E402
from filter_engine.message.received import parse_received  # noqa: E402
from filter_engine.message.url import parse_url  # noqa: E402
from filter_engine.message.url_search import email_spans, url_spans  # noqa: E402
from filter_engine.statistics.texts import texts_of  # noqa: E402
from filter_engine.statistics.tokens import WORDS_DECAY, tokens_of  # noqa: E402
from filter_engine.statistics.words import part_text, text_words  # noqa: E402

_MS_A_KB = 50.0
_LEAST_KB = 4.0
_MAX_GROWTH = 96 * 1024 * 1024
_WARM_UP = 0.25
"""The part of the time after which memory must not grow any more."""


class FaultError(Exception):
    """A parser did what it must not do."""


def read_message(data: bytes) -> None:
    """Touch all there is of a message."""
    message = Message(data)
    for name in ("from_addresses", "sender", "reply_to", "to", "cc", "recipients", "received"):
        getattr(message, name)
    _ = message.date, message.message_id, message.subject, message.header_words
    for part in message.parts:
        _ = part.filename, part.file_type, part.archive, part.is_attachment, part.content_id
        if part.is_text:
            message.words_of(part)
        if part.file_type is not None and part.file_type.extension == "pdf":
            read_pdf(part.content)
    for url in message.urls:
        url.text.encode()
        query_target(url)


def read_html(data: bytes) -> None:
    """An HTML document."""
    content = parse_html(data.decode("utf-8", "replace"))
    content.text.encode()


def read_header(data: bytes) -> None:
    """A header value, read as everything it may be."""
    text = decode_value(data)
    parse_parametrised(data)
    parse_received(text)
    Message(b"From: " + data.replace(b"\n\n", b"\n") + b"\n\n").from_addresses  # noqa: B018


def read_text(data: bytes) -> None:
    """A text with URLs, styles and addresses."""
    text = data.decode("utf-8", "replace")
    for span in url_spans(text, bare=True):
        for origin in ("text", "html"):
            url = parse_url(text[span.start : span.stop], origin)
            if url is not None:
                query_target(url)
    list(email_spans(text))
    parse_declarations(text[:4096])
    parse_colour(text[:64])


def read_words(data: bytes) -> None:
    """A message, as statistics read it."""
    message = Message(data)
    tokens_of(message)
    for part in texts_of(message):
        text_words(part_text(message, part), "de", WORDS_DECAY)


READERS: dict[str, Callable[[bytes], None]] = {
    "message": read_message,
    "html": read_html,
    "header": read_header,
    "text": read_text,
    "words": read_words,
}


def main() -> int:
    """Run until the time is over or a fault is found; returns the exit status."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--seed", type=int, default=int(time.time()))
    given = options.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="fuzz-message-"))
    print(f"seed {given.seed}, inputs below {directory}", flush=True)
    pieces = Pieces(random.Random(given.seed), _corpus())
    kept = directory / "input"
    started, deadline = time.monotonic(), time.monotonic() + given.seconds
    warm: int | None = None
    worst = (0.0, "")
    tried = dict.fromkeys(READERS, 0)
    read_message(b"From: a@b.example\n\nhttp://a.example/\n")  # loads what is loaded once
    while time.monotonic() < deadline:
        kind, data = pieces.next()
        kept.write_bytes(data)
        faulthandler.dump_traceback_later(120, exit=True)  # the input stays where it is
        try:
            rate = _rate(READERS[kind], data)
            if rate > _MS_A_KB:
                rate = min(_rate(READERS[kind], data) for _ in range(3))  # the machine is shared
            if rate > _MS_A_KB:
                raise FaultError(f"{rate:.0f} ms a KB")
        except Exception:
            print(traceback.format_exc()[-3000:])
            fault = kept.rename(directory / f"fault.{kind}")
            print(f"FAULT after {sum(tried.values())} inputs: {fault} ({len(data)} bytes)")
            return 1
        worst = max(worst, (rate, kind))
        tried[kind] += 1
        if warm is None and time.monotonic() - started > given.seconds * _WARM_UP:
            warm = _resident()
    faulthandler.cancel_dump_traceback_later()
    growth = _resident() - (warm or 0)
    numbers = ", ".join(f"{number} {kind}" for kind, number in tried.items())
    print(f"{numbers}; worst {worst[0]:.1f} ms a KB ({worst[1]}), ", end="")
    print(f"memory grew by {growth / 1048576:.1f} MiB after warm-up")
    if growth > _MAX_GROWTH:
        print("FAULT: memory grows")
        return 1
    kept.unlink(missing_ok=True)
    directory.rmdir()
    return 0


def _rate(read: Callable[[bytes], None], data: bytes) -> float:
    """Milliseconds of CPU a kilobyte."""
    before = time.process_time()
    read(data)
    return (time.process_time() - before) * 1000 / max(_LEAST_KB, len(data) / 1024)


def _corpus() -> list[bytes]:
    places = [DATA / "mime", DATA / "rspamd" / "test" / "functional" / "messages"]
    files = sorted(p for place in places for p in place.rglob("*.eml"))
    found = [content for path in files if len(content := path.read_bytes()) < 65536]
    return found or [b"From: a@b.example\nSubject: x\n\nhttp://a.example/\n"]


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
