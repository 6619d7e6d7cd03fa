"""Authentication-Results in the words of the samples, whatever strangers put into them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.auth.arc import ArcCode, ArcResult, ArcSigner
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
from filter_engine.headers.authentication_results import (
    MAX_CLAIM,
    authentication_results,
    claimed_authserv,
    forged_places,
)
from filter_engine.message import Message
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.task import Task

SIGNATURE = DkimSignatureResult(
    DkimCode.PASS, domain="goodcorp.com", selector="s1", signature="VSk6JlzZabcdef"
)
SPF = SpfResult(SpfCode.PASS, domain="goodcorp.com", sender="bob@goodcorp.com", ip="198.51.100.10")
DMARC = DmarcResult(DmarcCode.PASS, from_domain="goodcorp.com", policy=DmarcPolicy.REJECT)


def make(results: dict[str, Any], **envelope: Any) -> Task:
    envelope.setdefault("mta_name", "mx1.home.example")
    return Task(
        message=None,  # type: ignore[arg-type]  # the header never looks at the message
        envelope=Envelope(**envelope),
        sections={},
        now=0.0,
        server="here",
        results=results,
    )


def render(results: dict[str, Any], **envelope: Any) -> str:
    return authentication_results(make(results, **envelope))


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


def test_what_else_is_known_of_an_authenticated_user_but_the_login_is_not_named() -> None:
    task = make({"dkim": DkimResult((SIGNATURE,)), "spf": SPF}, user="alice", mail_from="")
    assert authentication_results(task, add_smtp_user=False) == (
        "mx1.home.example;\n"
        "\tdkim=pass header.d=goodcorp.com header.s=s1 header.b=VSk6JlzZ;\n"
        '\tauth=pass smtp.mailfrom=""'
    )


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (ArcResult(), "none"),
        (
            ArcResult(
                ArcCode.PASS, "", (ArcSigner(1, "a.example", "s"), ArcSigner(2, "b.example", "t"))
            ),
            "arc=pass (b.example:s=t:i=2)",
        ),
        (ArcResult(ArcCode.FAIL, "seal 1 (of a.example)"), "arc=fail (seal 1  of a.example )"),
        (ArcResult(ArcCode.INVALID, "no sets"), "arc=fail (no sets)"),
        (ArcResult(ArcCode.TEMPERROR, "no key"), "arc=temperror (no key)"),
    ],
)
def test_arc(result: ArcResult, text: str) -> None:
    assert render({"arc": result}).split(";")[1].strip() == text


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("bob@goodcorp.com", "bob@goodcorp.com"),
        ("b+o=b@goodcorp.com", "b+o=b@goodcorp.com"),
        ('"b o b"@goodcorp.com', '"b o b"@goodcorp.com'),
        ('"b\\"b"@goodcorp.com', '"b\\"b"@goodcorp.com'),
        ("b;b(x)@goodcorp.com", '"b;b(x)"@goodcorp.com'),
        ("bob@[192.0.2.1]", "bob@[192.0.2.1]"),
        ("bob@[IPv6:2001:db8::1]", "bob@[IPv6:2001:db8::1]"),
        ("jürgen@exämple.com", "jürgen@xn--exmple-cua.com"),
        ("a@b; dkim=pass@c d", '"a@b; dkim=pass@c d"'),
        ("bob", "bob"),
    ],
)
def test_mailboxes_as_they_may_stand_there(sender: str, shown: str) -> None:
    spf = SpfResult(SpfCode.NEUTRAL, sender=sender, ip="2001:db8::25")
    value = render({"spf": spf})
    assert value.endswith(f" smtp.mailfrom={shown}")
    assert "2001:db8::25 is neither permitted nor denied" in value


def test_the_null_sender_without_a_helo_has_no_identity() -> None:
    value = render({"spf": SpfResult(SpfCode.NONE, ip="192.0.2.1", by_helo=True)})
    assert value.endswith("when checking 192.0.2.1)")


def test_filled_lines() -> None:
    value = authentication_results(make({"spf": SPF, "dmarc": DMARC}), stop_chars="")
    assert " ".join(value.split()) == " ".join(render({"spf": SPF, "dmarc": DMARC}).split())
    assert all(len(line) <= 76 for line in value.split("\n\t"))


@given(st.text(max_size=60), st.sampled_from(["spf", "dkim", "dmarc", "arc", "auth", "host"]))
def test_no_value_breaks_out(evil: str, where: str) -> None:
    """The header has as many results as were put in, wherever a stranger's text stands."""
    sender = evil if where == "spf" else "a@b.example"
    results = {
        "spf": SpfResult(SpfCode.FAIL, sender=sender, ip="192.0.2.1"),
        "dkim": DkimResult(
            (DkimSignatureResult(DkimCode.FAIL, domain=evil, selector=evil, reason=evil),)
            if where == "dkim"
            else (SIGNATURE,)
        ),
        "dmarc": DmarcResult(DmarcCode.FAIL, from_domain=evil, reason=evil)
        if where == "dmarc"
        else DMARC,
        "arc": ArcResult(ArcCode.FAIL, evil if where == "arc" else "x"),
    }
    host = evil if where == "host" and evil else "mx1.home.example"
    value = render(results, mta_name=host)
    assert len(split_results(value)) == 5
    login = render({}, user=evil if where == "auth" else "u", mail_from=evil)
    assert len(split_results(login)) == 2


def split_results(value: str) -> list[str]:
    """The header's parts by RFC 8601, section 2.2: ``;`` in comments and quotes does not count."""
    assert "\r" not in value
    assert value.count("\n") == value.count("\n\t")
    bare = re.sub(r'"(?:[^"\\]|\\.)*"|\([^()\\]*\)', "_", value)
    assert not set('()"\\') & set(bare)
    return bare.split(";")


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


def forged(*values: bytes) -> tuple[int, ...]:
    fields = b"".join(b"Authentication-Results: " + value + b"\r\n" for value in values)
    task = Task(
        message=Message(fields + b"Subject: x\r\n\r\nx\r\n"),
        envelope=Envelope(mta_name="mx1.home.example"),
        sections={},
        now=0.0,
        server="here",
    )
    return forged_places(task, "Authentication-Results")


@pytest.mark.parametrize(
    "value",
    [
        b"mx1.home.example; dmarc=pass",
        b"MX1.Home.Example 1; dmarc=pass",
        b"mx1.home.example.; dmarc=pass",
        b"mx1.home.example(x); dmarc=pass",
        b'"mx1.home.example"; dmarc=pass',
        b'"mx1\\.home.example"; dmarc=pass',
        b"(a(b)c) mx1.home.example; dmarc=pass",
        b"(a) (b)\r\n\t(c) mx1.home.example; dmarc=pass",
        b"(" + b"a" * 300 + b") mx1.home.example; dmarc=pass",
        b"(" + b"a" * 5000 + b") mx1.home.example; dmarc=pass",
        b" " * 5000 + b"mx1.home.example; dmarc=pass",
        b"(\\)) mx1.home.example; dmarc=pass",
        b"(\\() mx1.home.example; dmarc=pass",
        b"\0mx1.home.example; dmarc=pass",
        b"mx1\0.home.example; dmarc=pass",
        b"mx1\\.home.example; dmarc=pass",
        b'"mx1.home.example; dmarc=pass',
        b"(never closed mx1.home.example; dmarc=pass",
        b") mx1.home.example; dmarc=pass",
        b"; dmarc=pass",
        b"",
    ],
)
def test_what_claims_to_be_ours_or_cannot_be_read_is_removed(value: bytes) -> None:
    assert forged(b"other.example; none", value, b"other.example; spf=pass") == (2,)


@pytest.mark.parametrize(
    "value",
    [
        b"other.example; dmarc=pass",
        b"(mx1.home.example) other.example; dmarc=pass",
        b"(a(mx1.home.example;)) other.example 1; dmarc=pass",
        b'"other example"; dmarc=pass',
        b"xmx1.home.example; dmarc=pass",
    ],
)
def test_what_others_say_stays(value: bytes) -> None:
    assert forged(value) == ()


def test_fields_beyond_the_bound_are_removed() -> None:
    assert forged(*[b"other.example; none"] * 1002) == (1001, 1002)


def test_an_id_that_reaches_the_bound_is_not_believed() -> None:
    assert claimed_authserv("a" * MAX_CLAIM) == "a" * MAX_CLAIM
    assert claimed_authserv("a" * (MAX_CLAIM + 1)) is None


@given(st.text(alphabet='()\\"; \tamx1.home', max_size=40))
def test_any_comment_before_our_name_is_seen_through(text: str) -> None:
    quoted = "".join(f"\\{char}" if char in "()\\" else char for char in text)
    assert claimed_authserv(f"({quoted}) (({quoted})) mx1.home.example; none") == "mx1.home.example"


def test_a_signature_that_leaves_out_the_end_is_flagged() -> None:
    partial = replace(SIGNATURE, partial=True)
    assert render({"dkim": DkimResult((partial,))}).split(";\n\t")[1] == (
        "dkim=pass (l= leaves the end of the body out) header.d=goodcorp.com header.s=s1 "
        "header.b=VSk6JlzZ"
    )


def test_names_of_the_sites_other_hosts_are_forged_too() -> None:
    fields = b"".join(
        b"Authentication-Results: " + host + b"; dmarc=pass\r\n"
        for host in (b"mx1.home.example", b"(x) MX2.home.example.", b"mx.elsewhere.example")
    )
    task = Task(
        message=Message(fields + b"\r\n"),
        envelope=Envelope(mta_name="mx1.home.example"),
        sections={},
        now=0.0,
        server="here",
    )
    name = "Authentication-Results"
    assert forged_places(task, name) == (1,)
    assert forged_places(task, name, ("mx2.home.example",)) == (1, 2)
