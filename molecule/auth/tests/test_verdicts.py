"""Every verdict of SPF, DKIM, DMARC and ARC, by mail over real SMTP and records in real DNS."""

from __future__ import annotations

import pytest

from mailflow.second_opinion import second_opinions
from mailflow.trial import Site
from mailflow.verdicts import Case, Outcome, load, problems

Cases = dict[str, Case]
Outcomes = dict[str, Outcome]
NAMES = [case.name for case in load("example.net")]
# Mail::DKIM of Debian 12 knows no Ed25519, takes keys of any length and looks at no t=; and here it
# asks a server that does not validate.
BLIND = {"dkim-pass-ed25519", "dkim-short-key", "dkim-from-the-future", "dkim-temperror"}
OPINION = {"R_DKIM_ALLOW": "pass", "R_DKIM_REJECT": "fail"}


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_is_exact(name: str, cases: Cases, outcomes: Outcomes) -> None:
    assert problems(cases[name].expect, outcomes[name]) == []


def test_every_result_of_spf_and_dmarc_is_in_the_table(cases: Cases) -> None:
    told = " ".join(result for case in cases.values() for result in case.expect.results)
    for word in ("none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"):
        assert f"spf={word}" in told, word
    for word in ("none", "pass", "fail", "temperror"):
        assert f"dmarc={word}" in told, word


def test_mail_dkim_is_of_the_same_opinion(site: Site, outcomes: Outcomes) -> None:
    names = [
        name
        for name, outcome in outcomes.items()
        if outcome.raw and name.startswith(("dkim-", "forwarded-", "list-")) and name not in BLIND
    ]
    opinions = second_opinions(site.lab, [outcomes[name].raw for name in names])
    for name, opinion in zip(names, opinions, strict=True):
        ours = {OPINION.get(symbol) for symbol in outcomes[name].result.symbols} - {None}
        theirs = {one.result for one in opinion.dkim if one.algorithm == "rsa-sha256"}
        assert ours & {"pass"} == theirs & {"pass"}, (name, opinion)
