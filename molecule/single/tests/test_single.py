"""One host does it all, as every site (`molecule/shared/tests`), and scans for itself."""

from __future__ import annotations

from collections.abc import Callable

from mailflow.catalogue import Mail
from mailflow.trial import Site, Trial


def test_the_host_scans_for_itself(
    mails: dict[str, Mail], arrives: Callable[[Mail], Trial], site: Site
) -> None:
    assert arrives(mails["plain"]).header["X-Rspamd-Server"] == site.access_server
