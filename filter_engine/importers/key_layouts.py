"""Where other mail systems keep their DKIM keys, by the names of files.

amavis: ``DOMAIN.SELECTOR.privkey.pem``, or the ``dkim_key('domain', 'selector', 'file')`` lines of
its configuration. docker-mailserver: ``rsa-2048-SELECTOR-DOMAIN.private.txt``. opendkim:
``DOMAIN/SELECTOR.private``. rspamd: ``DOMAIN.SELECTOR.key``. Role dkim_keys knows the same layouts
on hosts without the engine; a test holds both alike.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from filter_engine.importers.outcome import ImportFaultError
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.regular_file import read_regular_file

LAYOUTS: Final = ("amavis", "docker-mailserver", "opendkim", "rspamd")
MAX_FILES: Final = 10_000
"""Files of one directory."""
_MAX_CONFIG: Final = 4 << 20
_ENDINGS: Final = {"amavis": ".privkey.pem", "rspamd": ".key"}
_TEXT: Final = r"""(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")"""
_DKIM_KEY: Final = re.compile(
    rf"^\s*dkim_key\s*\(\s*{_TEXT}\s*,\s*{_TEXT}\s*,\s*{_TEXT}", re.MULTILINE
)
_DMS: Final = re.compile(r"(?:rsa-\d+|ed25519)-(.+)\.private\.txt\Z")


@frozen
class FoundKey:
    """A private key of another system."""

    domain: str
    selector: str
    path: str


def find_keys(layout: str, place: Path, domains: Collection[str] = ()) -> list[FoundKey]:
    """The keys below a directory; for amavis also those that its configuration file names.

    ``domains`` tells selectors with hyphens from domains with hyphens (docker-mailserver). Raises
    ``ImportFaultError`` where there is nothing that could be looked at.
    """
    if layout == "amavis" and place.is_file():
        found = _amavis_config(place)
    elif place.is_dir():
        found = _files(layout, place, domains)
    else:
        raise ImportFaultError(f"there is no directory of keys (layout {layout})", str(place))
    return sorted(found, key=lambda one: (one.domain, one.selector, one.path))


def _files(layout: str, place: Path, domains: Collection[str]) -> Iterator[FoundKey]:
    listed = [place / name for name in sorted(os.listdir(place))]
    if layout == "opendkim":
        listed = [file for inner in listed if inner.is_dir() for file in sorted(inner.iterdir())]
    if len(listed) > MAX_FILES:
        raise ImportFaultError(f"it holds more than {MAX_FILES} files", str(place))
    for file in listed:
        if layout == "opendkim" and file.suffix == ".private":
            yield FoundKey(file.parent.name.lower(), file.stem, str(file))
        elif layout == "docker-mailserver" and (named := _DMS.match(file.name)):
            yield _hyphened(file, named[1], domains)
        elif layout in _ENDINGS and file.name.endswith(_ENDINGS[layout]):
            domain, _, selector = file.name.removesuffix(_ENDINGS[layout]).rpartition(".")
            yield FoundKey(domain.lower(), selector, str(file))  # a selector has no dot here


def _hyphened(file: Path, name: str, domains: Collection[str]) -> FoundKey:
    """SELECTOR-DOMAIN, either of which may have hyphens: the longest known domain it is."""
    for domain in sorted(domains, key=len, reverse=True):
        if name.lower().endswith(f"-{domain}"):
            return FoundKey(domain, name[: -len(domain) - 1], str(file))
    selector, _, domain = name.partition("-")
    return FoundKey(domain.lower(), selector, str(file))


def _amavis_config(file: Path) -> Iterator[FoundKey]:
    try:
        text = read_regular_file(file, _MAX_CONFIG).decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        raise ImportFaultError(f"it cannot be read: {error}", str(file)) from None
    for line in _DKIM_KEY.finditer(text):
        groups = line.groups()
        domain, selector, path = (
            re.sub(r"\\(.)", r"\1", groups[i] if groups[i] is not None else groups[i + 1])
            for i in (0, 2, 4)
        )
        yield FoundKey(domain.lower(), selector, path)
