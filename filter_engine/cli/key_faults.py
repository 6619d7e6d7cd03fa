"""Keys that cannot sign, for lint, which knows no keys itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from filter_engine.cli.loading import signing_keys_of
from filter_engine.config.model import Config
from filter_engine.config.origin import Origin
from filter_engine.lint.situation import ReadKeys


def key_faults_of(config: Config, read: ReadKeys) -> Iterator[tuple[str, str, Origin]]:
    """(module, why it cannot sign, where it is named) of each key that is none.

    ``read`` gives the files that a path leads to (several with ``$domain``), with their content.
    """
    faults: dict[str, list[str]] = {}  # one file may be the key of many domains
    for module, found in signing_keys_of(config):
        if found.key:
            material = found.key.encode("ascii", "replace")
            said = _faults([(f"the key written for selector {found.selector}", material)])
        else:
            if found.path not in faults:
                faults[found.path] = _faults(read(found.path) if found.path else ())
            said = faults[found.path]
        for fault in said:
            yield module, fault, found.origin


def _faults(keys: Iterable[tuple[str, bytes]]) -> list[str]:
    said = []
    for name, data in keys:
        # here, as it loads cryptography: a site without keys does not pay for it
        from filter_engine.auth.signing_key import SigningKeyError, load_signing_key

        try:
            load_signing_key(data, name)
        except SigningKeyError as error:
            said.append(str(error))
    return said
