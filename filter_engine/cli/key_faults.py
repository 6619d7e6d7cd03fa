"""Keys that cannot sign or sign in vain, for lint, which knows no keys itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from filter_engine.cli.loading import signing_keys_of, signing_modules, words_of
from filter_engine.config.model import Config
from filter_engine.config.origin import Origin
from filter_engine.lint.situation import ReadKeys

if TYPE_CHECKING:
    from filter_engine.checks.signing.options import SigningOptions
    from filter_engine.maps.map import Map


def key_faults_of(config: Config, read: ReadKeys) -> Iterator[tuple[str, str, Origin]]:
    """(module, why it cannot sign, where it is named) of each key that is none.

    ``read`` gives the files that a path leads to (several with ``$domain``), with their content.
    """
    for module, options in signing_modules(config):
        if options.has_tables:
            from filter_engine.checks.signing.tables import table_faults

            tables = _tables(config, module, options)
            for fault in table_faults(*tables, options):
                yield module, fault, options.origin("key_table")
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


def unaligned_of(config: Config) -> Iterator[tuple[str, Origin]]:
    """(which signatures do not align with From, where that is said) of what signs mail.

    Seals (module arc) say who passed a mail on, not who wrote it.
    """
    for module, options in signing_modules(config):
        if module != "dkim_signing":
            continue
        from filter_engine.checks.signing import alignment

        if options.has_tables:
            for said in alignment.unaligned_authors(*_tables(config, module, options), options):
                yield said, options.origin("signing_table")
        else:
            for name, said in alignment.unaligned_options(options):
                yield said, options.origin(name)


def _tables(config: Config, module: str, options: SigningOptions) -> tuple[Map, Map]:
    """OpenDKIM's signing_table and key_table."""
    return (
        words_of(config, options.signing_table, f"{module}.signing_table"),
        words_of(config, options.key_table, f"{module}.key_table"),
    )


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
