"""What becomes of mail, beyond what the catalogue says of each (`molecule/shared/tests`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mailflow.catalogue import Mail
from mailflow.trial import Site, Trial

Arrives = Callable[[Mail], Trial]
Mails = dict[str, Mail]


@pytest.mark.parametrize("via", ["mx1", "mx2"])
def test_clean_mail_arrives_with_exact_scores(via: str, mails: Mails, arrives: Arrives) -> None:
    trial = arrives(replace(mails["clean"], via=via))
    assert trial.result is not None
    assert not trial.result.rejected
    assert trial.result.required == 15.0


def test_clean_mail_arrives_over_ipv6(mails: Mails, arrives: Arrives) -> None:
    trial = arrives(mails["clean-v6"])
    assert "+ip6:" in trial.result.options["R_SPF_ALLOW"]  # type: ignore[union-attr]  # judged


def test_authentication_results_say_what_passed(mails: Mails, arrives: Arrives, site: Site) -> None:
    header = arrives(mails["clean"]).header
    value = " ".join(header["Authentication-Results"].split())
    assert value.startswith(f"{site.host('mx1')}.{site.domain};")
    assert "dkim=pass header.d=goodcorp.example header.s=s1" in value
    assert "spf=pass" in value
    assert "dmarc=pass (policy=reject) header.from=goodcorp.example" in value


def test_gtube_is_refused_at_the_exchanger_and_never_reaches_the_access_server(
    mails: Mails, arrives: Arrives, site: Site
) -> None:
    trial = arrives(mails["gtube"])
    assert f"{trial.code} {trial.text}" == "554 5.7.1 Gtube pattern"
    assert site.delivered("alice@example.net", trial.message_id, 0) == []
    log = site.lab.ssh.run(
        site.access_server, ["journalctl", "-q", "-o", "cat", "-u", "postfix@-", "--no-pager"]
    )
    assert trial.message_id.encode() not in log.stdout


def test_the_spoofers_symbols_are_exact(mails: Mails, arrives: Arrives, site: Site) -> None:
    # The same forgery, in a name whose policy lets it through, shows the symbols.
    mail = mails["softspoof"]
    mail = replace(mail, mail_from="carol@goodcorp.example")
    mail = replace(mail, expect=replace(mail.expect, symbols={"R_SPF_FAIL": 1.0}))
    arrives(mail)


def test_verdicts_forged_by_the_sender_are_gone(mails: Mails, arrives: Arrives) -> None:
    header = arrives(mails["forged-headers"]).header
    for name in ("X-Spamd-Result", "X-Rspamd-Action", "X-Rspamd-Server", "Authentication-Results"):
        assert len(header.get_all(name, [])) == 1, name
    assert header["X-Spam"] is None


def test_marked_mail_says_so_and_lies_in_junk(mails: Mails, arrives: Arrives) -> None:
    trial = arrives(mails["spam"])
    assert trial.header["X-Spam"] == "Yes"
    assert trial.header["X-Spam-Status"].startswith("Yes, score=")


def test_submitted_mail_leaves_signed(mails: Mails, arrives: Arrives) -> None:
    trial = arrives(mails["outgoing"])
    assert trial.header["X-Spamd-Result"] is None


def test_no_exchanger_relays_for_strangers(mails: Mails, arrives: Arrives, site: Site) -> None:
    for host in site.exchangers:
        arrives(replace(mails["relay"], via=host))
