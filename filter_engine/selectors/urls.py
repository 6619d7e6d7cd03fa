"""Which of a message's URLs a selector looks at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

from filter_engine.message.url import URL_FLAGS, Url, UrlFlag
from filter_engine.selectors.parser import Argument

Choice: TypeAlias = "Callable[[Sequence[Url]], list[Url]]"

_MOST = 100_000
_BOOLEANS = ("need_content", "need_emails", "need_images", "ignore_redirected", "no_cache")
_TEXTS = ("prefix", "flags_mode")


def url_choice(options: Argument) -> Choice:
    """The URLs that ``{limit = 10, esld_limit = 2, ...}`` leaves, in order.

    With more URLs than ``limit`` those of domains not yet seen come first, so that a mail full of
    links to one site does not hide the others. Raises ``ValueError`` for unknown options.
    """
    if not isinstance(options, dict):
        options = {} if not options else {"": ""}
    known = ("limit", "esld_limit", "flags", "exclude_flags", *_BOOLEANS, *_TEXTS)
    for name in options:
        if name not in known:
            raise ValueError(f"no option {name!r}; known: {', '.join(known)}")
    limit = _number(options, "limit", _MOST)
    per_domain = _number(options, "esld_limit", _MOST)
    wanted, unwanted = _flags(options, "flags"), _flags(options, "exclude_flags")
    content, images = _truth(options, "need_content", True), _truth(options, "need_images", False)

    def choose(urls: Sequence[Url]) -> list[Url]:
        left = 0
        if not content:
            left |= UrlFlag.CONTENT
        if not images:
            left |= UrlFlag.IMAGE
        found = [
            url
            for url in urls
            if not url.flags & (left | unwanted) and (not wanted or url.flags & wanted)
        ]
        return _spread(found, limit, per_domain)

    return choose


def _spread(urls: Sequence[Url], limit: int, per_domain: int) -> list[Url]:
    seen: Counter[str] = Counter()
    kept: list[tuple[int, int, Url]] = []
    for position, url in enumerate(urls):
        if seen[url.esld] < per_domain:
            kept.append((seen[url.esld], position, url))
            seen[url.esld] += 1
    if len(kept) > limit:
        kept = sorted(sorted(kept)[:limit], key=lambda item: item[1])
    return [url for _, _, url in kept]


def _number(options: dict[str, Argument], name: str, default: int) -> int:
    written = options.get(name)
    if written is None:
        return default
    if not isinstance(written, str) or not written.isdecimal() or len(written) > 6:
        raise ValueError(f"{name} is a number")
    return int(written)


def _truth(options: dict[str, Argument], name: str, default: bool) -> bool:
    written = options.get(name)
    if written is None:
        return default
    if written not in ("true", "false"):
        raise ValueError(f"{name} is true or false")
    return written == "true"


def _flags(options: dict[str, Argument], name: str) -> int:
    written = options.get(name, [])
    names = written if isinstance(written, list) else [written]
    flags = 0
    for word in names:
        found = URL_FLAGS.get(word.lower()) if isinstance(word, str) else None
        if found is None:
            raise ValueError(f"no flag {word!r} of URLs")
        flags |= found
    return flags
