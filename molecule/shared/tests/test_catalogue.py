"""Every mail of the catalogue fares as it says, over real SMTP, on every site."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailflow.catalogue import Mail, load
from mailflow.trial import Trial


@pytest.mark.parametrize("name", [mail.name for mail in load()])
def test_mail_fares_as_it_should(
    name: str, mails: dict[str, Mail], arrives: Callable[[Mail], Trial]
) -> None:
    arrives(mails[name])
