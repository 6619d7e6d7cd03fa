"""The role and the command know the same layouts of other systems' keys (rows B47, D43)."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils import key_layouts as role

from filter_engine.importers import key_layouts as engine

DOMAINS = ("example.net", "my-site.example.org")
NAMES = (
    *("example.net.mail.privkey.pem", "EXAMPLE.net.2024.privkey.pem", "example.net.mail.pub.pem"),
    *("rsa-2048-mail-example.net.private.txt", "ed25519-my-sel-my-site.example.org.private.txt"),
    *("rsa-2048-mail-foreign.example.private.txt", "rsa-2048-mail-example.net.public.txt"),
    *("example.net/mail.private", "my-site.example.org/a-b.private", "example.net/mail.txt"),
    *("example.net.dkim.key", "my-site.example.org.x-y.key", "dkim.key", ".key"),
)
CONFIG = r"""
dkim_key('example.net', 'mail', '/k/a.pem');
  dkim_key ( "My-Site.example.org" , "b\"x" , "/k/b.pem" );
# dkim_key('example.net', 'commented', '/k/c.pem');
dkim_key('foreign.example', 'mail', '/k/d.pem', k => 'rsa');
"""


def test_the_same_layouts_are_known() -> None:
    assert engine.LAYOUTS == role.LAYOUTS


@pytest.mark.parametrize("layout", role.LAYOUTS)
def test_both_find_the_same_keys(tmp_path: Path, layout: str) -> None:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    alike(layout, tmp_path, 2)


def test_both_read_the_same_of_a_configuration_of_amavis(tmp_path: Path) -> None:
    (tmp_path / "50-user").write_text(CONFIG)
    alike("amavis", tmp_path / "50-user", 2)


def alike(layout: str, place: Path, least: int) -> None:
    theirs, left = role.find(layout, str(place), DOMAINS)
    ours = engine.find_keys(layout, place, DOMAINS)
    mine = [(one.domain, one.selector, one.path) for one in ours if one.domain in DOMAINS]
    assert mine == [(one.domain, one.selector, one.path) for one in theirs]
    assert len(mine) >= least
    assert len(ours) - len(mine) == len(left)
