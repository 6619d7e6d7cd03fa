"""One host does it all: the catalogue fares as it does in the fleet, and the doors are the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailflow.catalogue import Mail, load
from mailflow.trial import Site, Trial

NAMES = [mail.name for mail in load()]


@pytest.mark.parametrize("name", NAMES)
def test_mail_fares_as_it_should(
    name: str, mails: dict[str, Mail], arrives: Callable[[Mail], Trial]
) -> None:
    arrives(mails[name])


def test_the_host_scans_for_itself(
    mails: dict[str, Mail], arrives: Callable[[Mail], Trial], site: Site
) -> None:
    assert arrives(mails["plain"]).header["X-Rspamd-Server"] == site.access_server
