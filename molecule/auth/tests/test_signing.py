"""What leaves the site is signed, as two other implementations see it."""

from __future__ import annotations

from mailflow.catalogue import Mail
from mailflow.outgoing import signatures
from mailflow.second_opinion import second_opinions
from mailflow.trial import Site, attempt


def test_outgoing_mail_verifies_with_dkimpy_and_with_mail_dkim(
    site: Site, mails: dict[str, Mail]
) -> None:
    trial = attempt(site, mails["outgoing"])
    assert trial.problems == []
    assert (site.domain, True) in signatures(site.lab, trial.raw)
    (opinion,) = second_opinions(site.lab, [trial.raw])
    assert opinion.verified == {site.domain}
    (spoiled,) = second_opinions(site.lab, [trial.raw + b"P.S. Pay at once.\r\n"])
    assert spoiled.verified == set()
