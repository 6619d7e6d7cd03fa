"""Aggregate reports: rows as they are kept, the XML, the mail, and who gets it (RFC 7489)."""

from __future__ import annotations

import gzip
import re
from email import message_from_bytes, policy
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.auth.dmarc_record import parse_record
from filter_engine.auth.dmarc_report import (
    AggregateReport,
    Reporter,
    merged,
    report_mail,
    report_xml,
)
from filter_engine.auth.dmarc_report_store import day_of, period
from filter_engine.auth.dmarc_row import ReportRow, SignatureRow, decode_row, report_row
from filter_engine.auth.dmarc_rua import (
    ReportAddress,
    authorised,
    report_address,
    report_addresses,
)
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
from filter_engine.dns.table import TableResolver
from filter_engine.scan.question import ASK
from zone_drive import drive

ROW = ReportRow(
    "192.0.2.1",
    DmarcPolicy.QUARANTINE,
    dkim_aligned=False,
    spf_aligned=False,
    header_from="example.com",
    spf_domain="bounce.example.net",
    spf_result=SpfCode.PASS,
    override="sampled_out",
    signatures=(SignatureRow("example.net", "pass", "s1"), SignatureRow("a.b", "fail", "x")),
)
REPORTER = Reporter("Home & Co", "dmarc@mx.example", "mx.example", "DMARC of Home")
RECORD = parse_record(b"v=DMARC1; p=reject; sp=none; pct=20; adkim=s; fo=1:d; rua=mailto:a@b.c")
BEGIN, END = period("20261120")
REPORT = AggregateReport("example.com", BEGIN, END, RECORD, ((ROW, 3),))


def test_a_row_is_kept_in_rspamds_form_and_more() -> None:
    text = ROW.encode()
    assert text.split(",")[:12] == [
        "192.0.2.1",
        "fail",
        "fail",
        "quarantine",
        "sampled_out",
        "example.com",
        "example.net",
        "a.b",
        "",
        "",
        "bounce.example.net",
        "pass",
    ]
    assert decode_row(text) == ROW


def test_a_row_that_rspamd_kept() -> None:
    row = decode_row("2001:db8::1,pass,fail,none,,example.com,,x.y|z.w,,,example.com,pass")
    assert (row.spf_aligned, row.dkim_aligned) == (True, False)
    assert [(s.domain, s.result) for s in row.signatures] == [("x.y", "fail"), ("z.w", "fail")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b",
        "x,pass,fail,none,,example.com,,,,,example.com,pass",
        "192.0.2.1,pass,fail,nothing,,example.com,,,,,example.com,pass",
        "192.0.2.1,pass,fail,none,,<b>,,,,,example.com,pass",
        "192.0.2.1,pass,fail,none,,example.com,,,,,example.com,maybe",
    ],
)
def test_what_is_no_row(text: str) -> None:
    with pytest.raises(ValueError, match=r"fields|domain|valid|address"):
        decode_row(text)


_DOMAIN = st.from_regex(r"[a-z0-9_-]{1,10}(\.[a-z]{2,5})?", fullmatch=True)


@given(
    domain=_DOMAIN,
    code=st.sampled_from(SpfCode),
    signatures=st.lists(
        st.tuples(st.text(max_size=20), st.text(max_size=20), st.sampled_from(DkimCode)),
        max_size=20,
    ),
    dmarc=st.builds(
        DmarcResult,
        st.sampled_from([DmarcCode.PASS, DmarcCode.FAIL]),
        st.one_of(_DOMAIN, st.text(max_size=20)),
        disposition=st.sampled_from(DmarcPolicy),
        sampled_out=st.booleans(),
        spf_aligned=st.booleans(),
    ),
    trusted=st.booleans(),
)
def test_whatever_was_found_comes_back(
    domain: str,
    code: SpfCode,
    signatures: list[tuple[str, str, DkimCode]],
    dmarc: DmarcResult,
    trusted: bool,
) -> None:
    spf = SpfResult(code, domain=domain)
    dkim = DkimResult(tuple(DkimSignatureResult(c, d, s) for d, s, c in signatures))
    row = report_row("192.0.2.1", dmarc, spf, dkim, trusted=trusted)
    if row is not None:
        assert decode_row(row.encode()) == row


def test_a_trusted_forwarder_overrides() -> None:
    failed = DmarcResult(
        DmarcCode.FAIL, "example.com", "example.com", disposition=DmarcPolicy.REJECT
    )
    row = report_row("192.0.2.1", failed, None, None, trusted=True)
    assert row is not None
    assert (row.override, row.disposition) == ("trusted_forwarder", DmarcPolicy.NONE)


def _order(element: ElementTree.Element) -> list[str]:
    return [child.tag for child in element]


def test_the_document_follows_appendix_c() -> None:
    root = ElementTree.fromstring(report_xml(REPORT, REPORTER))
    assert root.tag == "feedback"
    assert _order(root) == ["version", "report_metadata", "policy_published", "record"]
    about, published, record = root[1], root[2], root[3]
    assert _order(about) == ["org_name", "email", "report_id", "date_range"]
    assert about.findtext("org_name") == "Home & Co"
    assert _order(published) == ["domain", "adkim", "aspf", "p", "sp", "pct", "fo"]
    assert [child.text for child in published] == [
        "example.com", "s", "r", "reject", "none", "20", "1:d",
    ]  # fmt: skip
    assert _order(record) == ["row", "identifiers", "auth_results"]
    assert _order(record[0]) == ["source_ip", "count", "policy_evaluated"]
    assert _order(record[0][2]) == ["disposition", "dkim", "spf", "reason"]
    assert record.findtext("row/policy_evaluated/reason/type") == "sampled_out"
    assert _order(record[1]) == ["envelope_from", "header_from"]
    assert [(_order(e), e[0].text) for e in record[2]] == [
        (["domain", "selector", "result"], "example.net"),
        (["domain", "selector", "result"], "a.b"),
        (["domain", "scope", "result"], "bounce.example.net"),
    ]


def test_the_mail_carries_it() -> None:
    raw = report_mail(REPORT, REPORTER, ["a@example.com", "b@other.example"], END + 60.0)
    assert not re.search(rb"(?<!\r)\n", raw)
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["Subject"] == (
        f"Report Domain: example.com Submitter: mx.example Report-ID: <{REPORT.report_id}>"
    )
    assert mail["From"].addresses[0].addr_spec == "dmarc@mx.example"
    assert [a.addr_spec for a in mail["To"].addresses] == ["a@example.com", "b@other.example"]
    assert mail["Message-ID"].endswith("@mx.example>")
    (attachment,) = mail.iter_attachments()
    assert attachment.get_content_type() == "application/gzip"
    assert attachment.get_filename() == f"mx.example!example.com!{BEGIN}!{END}.xml.gz"
    assert gzip.decompress(attachment.get_content()) == report_xml(REPORT, REPORTER)


def test_equal_rows_are_counted_together() -> None:
    other = decode_row("192.0.2.9,pass,fail,none,,example.com,,,,,example.com,pass")
    assert merged([(ROW, 2), (other, 1), (ROW, 3)]) == ((ROW, 5), (other, 1))


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("mailto:a@b.example", ReportAddress("a@b.example")),
        ("MAILTO:a@B.example!10m", ReportAddress("a@b.example", 10 << 20)),
        ("mailto:a@b.example!50", ReportAddress("a@b.example", 50)),
        ("mailto:a%2Bc@b.example?subject=x!1k", ReportAddress("a+c@b.example", 1024)),
        ("mailto:a@bücher.example", ReportAddress("a@xn--bcher-kva.example")),
        ("https://b.example/report", None),
        ("mailto:a", None),
        ("mailto:a@b.example,c@d.example", None),
        ("mailto:a%0d%0ab@c.example", None),
        ("mailto:<a@b.example>", None),
        ("mailto:a@b.example!10q", None),
        ("mailto:a@b..example", None),
        ("", None),
    ],
)
def test_addresses_of_reports(uri: str, address: ReportAddress | None) -> None:
    assert report_address(uri) == address


def test_addresses_are_bounded() -> None:
    assert len(report_addresses([f"mailto:a{n}@b.example" for n in range(1000)])) == 10


def test_foreign_addresses_have_to_agree() -> None:
    """RFC 7489, section 7.1."""
    record = parse_record(
        b"v=DMARC1; p=none; rua=mailto:own@sub.example.com, mailto:x@agreed.example,"
        b" mailto:x@silent.example, mailto:x@moved.example, mailto:x@other.example"
    )
    zone = {
        "example.com._report._dmarc.agreed.example": {"TXT": [b"v=DMARC1"]},
        "example.com._report._dmarc.moved.example": {
            "TXT": [b"v=DMARC1; rua=mailto:new@moved.example,mailto:y@elsewhere.example"]
        },
        "example.com._report._dmarc.other.example": {"TXT": [b"v=spf1 -all"]},
    }
    failing = ("example.com._report._dmarc.silent.example",)
    chosen, refused = drive(
        authorised(ASK, "example.com", record), TableResolver(zone, failing=failing)
    )
    assert [one.address for one in chosen] == [
        "own@sub.example.com",
        "x@agreed.example",
        "new@moved.example",
    ]
    assert len(refused) == 2
    assert "DNS failed" in refused[0]
    assert "does not say so" in refused[1]


def test_days_are_utc() -> None:
    assert day_of(BEGIN) == day_of(END) == "20261120"
    assert END - BEGIN == 86_399
