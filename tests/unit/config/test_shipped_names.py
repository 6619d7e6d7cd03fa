"""The shipped configuration names symbols that exist, or that a table here gives a reason for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from filter_engine.checks import load as load_checks
from filter_engine.checks.multimap.options import MultimapOptions
from filter_engine.config import Config, load
from filter_engine.headers.sections import sections
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.plan import declared_symbols

_LATER: Final = "a rule of a later Rspamd: not served yet"
NOT_SET: Final = {
    "SENDER_REP_SPAM": "the module reputation: not served yet",
    "DCC_BULK": "set where a site enables the module dcc",
    "RCVD_FROM_SMTP_AUTH": "no rule of Rspamd 3.4 sets it either",
    "FREEMAIL_REPLYTO_NEQ_FROM_DOM": "a rule of Rspamd's that is not served yet",
    "CD_MM_BODY": _LATER,
    "HAS_IPFS_GATEWAY_URL": _LATER,
    "MISSING_ESSENTIAL_HEADERS": _LATER,
    "SINGLE_SHORT_PART": _LATER,
    "APPLE_MAILER": _LATER,
    "APPLE_IOS_MAILER": _LATER,
}
"""Names that nothing of the shipped configuration sets, and why they may stand in it."""
MIRROR: Final = "https://mirror.example"


@pytest.fixture(scope="module")
def shipped() -> Config:
    load_checks()
    return load(
        None,
        {"LOCAL_CONFDIR": "/nonexistent"},
        {"RSPAMD_MAPS_MIRROR": MIRROR},
        modules=sections(REGISTRY),
        groups=REGISTRY.groups(),
    )


def _named(config: Config) -> Iterator[tuple[str, str]]:
    """A symbol's name, and where it is named."""
    for name, composite in config.composites.items():
        atoms = composite.expression.atoms if composite.expression is not None else ()
        yield from ((atom.name, name) for atom in atoms if not atom.group)
    for module in config.modules.values():
        for expression, _, where in module.expressions():
            yield from ((atom.name, where) for atom in expression.atoms if not atom.group)


def test_every_name_is_declared_or_has_a_reason(shipped: Config) -> None:
    there = {symbol.name for symbol in declared_symbols(shipped, REGISTRY)}
    there |= set(shipped.composites)
    missing = {name for name, _ in _named(shipped) if name not in there}
    assert missing == set(NOT_SET)


def test_names_are_looked_for(shipped: Config) -> None:
    assert ("FORGED_SENDER", "FORGED_SENDER_MAILLIST") in set(_named(shipped))


def test_maps_of_the_shipped_rules_come_from_the_mirror(shipped: Config) -> None:
    multimap = shipped.modules["multimap"]
    assert isinstance(multimap, MultimapOptions)
    places = {s.location for rule in multimap.rules.values() for s in rule.map.sources}
    assert places == {
        f"{MIRROR}/{path}"
        for path in (
            "rspamd/redirectors.inc.zst",
            "freemail/free.txt.zst",
            "freemail/disposable.txt.zst",
        )
    }
