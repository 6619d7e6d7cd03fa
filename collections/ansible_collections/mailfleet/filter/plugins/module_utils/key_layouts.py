"""Where other mail systems keep their DKIM keys, by the names of files.

amavis: `DOMAIN.SELECTOR.privkey.pem`, or the `dkim_key('domain', 'selector', 'file')` lines of its
configuration (amavisd's README.dkim). docker-mailserver: `rsa-2048-mail-DOMAIN.private.txt`.
opendkim: `DOMAIN/SELECTOR.private`. rspamd: `DOMAIN.SELECTOR.key`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

LAYOUTS = ("amavis", "docker-mailserver", "opendkim", "rspamd")
MAX_FILES = 10_000
MAX_CONFIG = 4 << 20  # octets

_SINGLE, _DOUBLE = r"'((?:[^'\\]|\\.)*)'", r'"((?:[^"\\]|\\.)*)"'
_TEXT = rf"(?:{_SINGLE}|{_DOUBLE})"
_DKIM_KEY = re.compile(rf"^\s*dkim_key\s*\(\s*{_TEXT}\s*,\s*{_TEXT}\s*,\s*{_TEXT}", re.MULTILINE)
_DMS = re.compile(r"(?:rsa-\d+|ed25519)-(.+)\.private\.txt\Z")


@dataclass(frozen=True)
class FoundKey:
    """A private key of another system."""

    domain: str
    selector: str
    path: str


class LayoutError(ValueError):
    """Nothing can be imported from there; the message says why."""


def find(layout: str, path: str, domains: Collection[str]) -> tuple[list[FoundKey], list[str]]:
    """Return the keys of these domains below a directory, and what was left out, a line each.

    For amavis the path may be its configuration file. Raises `LayoutError`.
    """
    place = Path(path)
    if layout == "amavis" and place.is_file():
        candidates = list(_amavis_config(place))
    elif place.is_dir():
        candidates = list(_files(layout, place, domains))
    else:
        raise LayoutError(f"{path} is not there: nothing to import of layout {layout}")
    found, left = [], []
    for one in sorted(candidates, key=lambda one: (one.domain, one.selector)):
        if one.domain in domains:
            found.append(one)
        else:
            left.append(f"{one.path}: {one.domain or 'its domain'} is not among the site's domains")
    return found, left


def _files(layout: str, place: Path, domains: Collection[str]) -> Iterator[FoundKey]:
    listed = [place / name for name in sorted(os.listdir(place))]
    if layout == "opendkim":
        listed = [file for inner in listed if inner.is_dir() for file in sorted(inner.iterdir())]
    if len(listed) > MAX_FILES:
        raise LayoutError(f"{place} holds more than {MAX_FILES} files")
    for file in listed:
        if layout == "opendkim" and file.suffix == ".private":
            yield FoundKey(file.parent.name.lower(), file.stem, str(file))
        elif layout == "amavis" and file.name.endswith(".privkey.pem"):
            yield _dotted(file, ".privkey.pem")
        elif layout == "rspamd" and file.name.endswith(".key"):
            yield _dotted(file, ".key")
        elif layout == "docker-mailserver" and (named := _DMS.match(file.name)):
            yield _hyphened(file, named[1], domains)


def _dotted(file: Path, ending: str) -> FoundKey:
    """DOMAIN.SELECTOR: a selector has no dot here."""
    domain, _, selector = file.name.removesuffix(ending).rpartition(".")
    return FoundKey(domain.lower(), selector, str(file))


def _hyphened(file: Path, name: str, domains: Collection[str]) -> FoundKey:
    """SELECTOR-DOMAIN, either of which may have hyphens: the longest known domain it is."""
    for domain in sorted(domains, key=len, reverse=True):
        if name.lower().endswith(f"-{domain}"):
            return FoundKey(domain, name[: -len(domain) - 1], str(file))
    selector, _, domain = name.partition("-")
    return FoundKey(domain.lower(), selector, str(file))


def _amavis_config(file: Path) -> Iterator[FoundKey]:
    if file.stat().st_size > MAX_CONFIG:
        raise LayoutError(f"{file} is too large for a configuration of amavis")
    text = file.read_text(encoding="utf-8", errors="replace")
    for line in _DKIM_KEY.finditer(text):
        groups = line.groups()
        domain, selector, path = (
            re.sub(r"\\(.)", r"\1", groups[i] if groups[i] is not None else groups[i + 1])
            for i in (0, 2, 4)
        )
        yield FoundKey(domain.lower(), selector, path)
