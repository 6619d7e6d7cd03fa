"""URLs written so that people see them and programs do not."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

from filter_engine.checks.url_suspect.options import ObfuscatedTextOptions
from filter_engine.lazy_dataclass import frozen
from filter_engine.message.url import has_public_suffix

_MAX_TEXT: Final = 1 << 18
"""Characters of one text that are looked at."""
# How it is written -> option that switches it. The lengths are bounded, so that each is linear.
_WAYS: Final = {
    "spaced_protocol": (
        "spaced_protocol",
        re.compile(r"h\s{1,5}t\s{1,5}t\s{1,5}p\s{0,5}s?\s{0,5}[:/]", re.IGNORECASE),
    ),
    "hxxp": ("hxxp", re.compile(r"hxxps?://", re.IGNORECASE)),
    "bracket_dots": ("bracket_dots", re.compile(r"[\[({]\s{0,5}\.\s{0,5}[\])}]")),
    "word_dot": ("word_dots", re.compile(r"\w\s{1,5}dot\s{1,5}\w", re.IGNORECASE)),
    "html_entity": (
        "html_entities",
        re.compile(r"&#(?:\d{2}|1[01]\d|12[0-7]);[^&]{0,20}&#(?:\d{2}|1[01]\d|12[0-7]);"),
    ),
}
_INVISIBLE: Final = re.compile("[\u200b-\u200d\ufeff\u00ad]")
_SPACED_HTTPS: Final = re.compile(r"h\s+t\s+t\s+p\s*s\s*:\s*/\s*/\s*", re.IGNORECASE)
_SPACED_HTTP: Final = re.compile(r"h\s+t\s+t\s+p\s*:\s*/\s*/\s*", re.IGNORECASE)
_HXXP: Final = re.compile(r"hxxp", re.IGNORECASE)
_BRACKET_DOT: Final = re.compile(r"\s*[\[({]\s*\.\s*[\])}]\s*")
_WORD_DOT: Final = re.compile(r"\s+dot\s+", re.IGNORECASE)
_DOTS: Final = str.maketrans({"\u2024": ".", "\u2027": ".", "\u00b7": "."})
_WITH_SCHEME: Final = re.compile(r"https?://([\w.-]{1,255}\.[\w-]{2,63})[\w.~:/?#@!$&'()*+,;=%-]*")
_NAME: Final = re.compile(r"(?<![\w@.-])[^\W_][\w-]*(?:\.[\w-]+){0,4}\.[^\W\d_]{2,10}(?![\w@.-])")


@frozen
class Obfuscated:
    """A URL that was hidden."""

    way: str
    url: str
    written: str


def find_obfuscated(text: str, options: ObfuscatedTextOptions) -> Iterator[Obfuscated]:
    """The URLs hidden in a text; bounded by the options."""
    text = text[:_MAX_TEXT]
    for way, (switch, pattern) in _WAYS.items():
        if not getattr(options.patterns_enabled, switch):
            continue
        for number, place in enumerate(pattern.finditer(text)):
            if number >= options.max_matches_per_message:
                break
            start = max(0, place.start() - options.context_before)
            end = min(place.end() + options.context_after, start + options.max_normalize_length)
            window = text[start:end]
            if len(window) < options.min_match_length:
                continue
            url = _url_in(readable(window), way)
            if url is not None:
                written = " ".join(text[place.start() : place.start() + 50].split())
                yield Obfuscated(way, url, written)


def readable(text: str) -> str:
    """The text with what hides a URL undone."""
    text = html.unescape(_INVISIBLE.sub("", text)).translate(_DOTS)
    text = _SPACED_HTTPS.sub("https://", text)
    text = _SPACED_HTTP.sub("http://", text)
    text = _HXXP.sub("http", text)
    return _WORD_DOT.sub(".", _BRACKET_DOT.sub(".", text))


def _url_in(text: str, way: str) -> str | None:
    found = _WITH_SCHEME.search(text)
    if found is not None:
        return found.group()
    # A word "dot" between two others is often just that: only long suffixes count then.
    least = 3 if way == "word_dot" else 2
    for name in _NAME.finditer(text):
        host = name.group().lower()
        if len(host.rpartition(".")[2]) >= least and has_public_suffix(host):
            return f"http://{host}"
    return None
