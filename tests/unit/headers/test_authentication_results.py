"""Authentication-Results in the words of the samples, whatever strangers put into them."""

from __future__ import annotations

from typing import Any

import pytest

from filter_engine.auth.results import (
    DkimCode,
    DkimResult,
    DkimSignatureResult,
    DmarcCode,
    DmarcPolicy,
    DmarcResult,
    SpfCode,
    SpfResult,
)
from filter_engine.headers.authentication_results import authentication_results
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.task import Task

SIGNATURE = DkimSignatureResult(
    DkimCode.PASS, domain="goodcorp.com", selector="s1", signature="VSk6JlzZabcdef"
)
SPF = SpfResult(SpfCode.PASS, domain="goodcorp.com", sender="bob@goodcorp.com", ip="198.51.100.10")
DMARC = DmarcResult(DmarcCode.PASS, from_domain="goodcorp.com", policy=DmarcPolicy.REJECT)


def render(results: dict[str, Any], **envelope: Any) -> str:
    envelope.setdefault("mta_name", "mx1.home.example")
    task = Task(
        message=None,  # type: ignore[arg-type]  # the header never looks at the message
        envelope=Envelope(**envelope),
        sections={},
        now=0.0,
        server="here",
        results=results,
    )
    return authentication_results(task)


def test_as_rspamd_writes_it() -> None:
    assert render({"dkim": DkimResult((SIGNATURE,)), "spf": SPF, "dmarc": DMARC}) == (
        "mx1.home.example;\n"
        "\tdkim=pass header.d=goodcorp.com header.s=s1 header.b=VSk6JlzZ;\n"
        "\tspf=pass (mx1.home.example: domain of bob@goodcorp.com designates 198.51.100.10 as "
        "permitted sender) smtp.mailfrom=bob@goodcorp.com;\n"
        "\tdmarc=pass (policy=reject) header.from=goodcorp.com"
    )


def test_nothing_to_report() -> None:
    assert render({}) == "mx1.home.example; none"
    assert render({}, mta_name=None, mta_tag="tag") == "tag; none"
    assert render({}, mta_name=None) == "here; none"


def test_nothing_found() -> None:
    spf = SpfResult(SpfCode.NONE, sender="offer@nospf.com", ip="203.0.113.99")
    value = render({"dkim": DkimResult(), "spf": spf, "dmarc": DmarcResult(DmarcCode.NONE)})
    assert value.split(";\n\t")[1:] == [
        "dkim=none",
        "spf=none (mx1.home.example: domain of offer@nospf.com has no SPF policy when checking "
        "203.0.113.99) smtp.mailfrom=offer@nospf.com",
        "dmarc=none",
    ]


@pytest.mark.parametrize("code", list(SpfCode))
def test_every_spf_result_has_its_words(code: SpfCode) -> None:
    value = render({"spf": SpfResult(code, sender="a@b.example", ip="192.0.2.1")})
    assert f"\tspf={code.value} (" in value


def test_the_null_sender_is_named_by_helo() -> None:
    spf = SpfResult(
        SpfCode.PASS, sender="postmaster@mail.example", helo="mail.example", by_helo=True
    )
    assert render({"spf": spf}).endswith("smtp.helo=mail.example")


def test_dmarc_failure() -> None:
    dmarc = DmarcResult(
        DmarcCode.FAIL,
        from_domain="x.example",
        policy=DmarcPolicy.QUARANTINE,
        reason='SPF "not" aligned',
    )
    assert render({"dmarc": dmarc}).endswith(
        'dmarc=fail reason="SPF \\"not\\" aligned" header.from=x.example (policy=quarantine)'
    )


def test_a_failed_signature_says_why() -> None:
    bad = DkimSignatureResult(DkimCode.FAIL, domain="a.example", reason="body hash (wrong)")
    assert "dkim=fail (body hash  wrong ) header.d=a.example" in render(
        {"dkim": DkimResult((bad,))}
    )


def test_an_authenticated_user() -> None:
    value = render({"spf": SPF}, user="alice", mail_from="niaj@goodcorp.com")
    assert value == "mx1.home.example;\n\tauth=pass smtp.auth=alice smtp.mailfrom=niaj@goodcorp.com"


def test_hostile_values_stay_inside_the_header() -> None:
    evil = 'a"b\r\nX-Spam: No;(\x00é' + "x" * 5000
    spf = SpfResult(SpfCode.FAIL, sender=evil, ip="192.0.2.1")
    dkim = DkimResult((DkimSignatureResult(DkimCode.PASS, domain=evil, selector=evil),))
    dmarc = DmarcResult(DmarcCode.FAIL, from_domain=evil, reason=evil)
    value = render({"spf": spf, "dkim": dkim, "dmarc": dmarc}, mta_name="mx\r\n evil")
    assert "\r" not in value
    assert "\x00" not in value
    assert all(line.startswith("\t") for line in value.split("\n")[1:])
    assert len(value) < 4000
