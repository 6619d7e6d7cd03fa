"""What the world answers, beside what should stand: real questions to servers on loopback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from filter_engine.zone.answers import Asker, Kind, read_server
from filter_engine.zone.check import Report, check
from filter_engine.zone.compare import Fault
from filter_engine.zone.document import read_document
from filter_engine.zone.listing import report_text
from update_server import UpdateServer

from .conftest import record

Compared = Callable[..., Report]
SPF = "v=spf1 ip4:192.0.2.1 -all"
KEY = "v=DKIM1; k=rsa; p=" + "A" * 300 + "B" * 100
CUT = f'"{KEY[:255]}" "{KEY[255:]}"'


def told(report: Report) -> list[tuple[str, str]]:
    return [(finding.fault.value, finding.name) for finding in report.findings]


def test_all_is_as_it_should_be(compared: Compared) -> None:
    report = compared(
        record("example.net", "MX", "10 mx.example.net."),
        record("example.net", "TXT", SPF),
        record("m._domainkey.example.net", "TXT", KEY),
        example_net=f'@ 60 IN MX 10 MX\n@ 60 IN TXT "{SPF}"\n@ 60 IN TXT "verified=1"\n'
        f"m._domainkey 60 IN TXT {CUT}\n",
    )
    assert report.findings == []
    assert (report.status, report.asked) == (0, 3)


def test_a_record_that_is_not_there_is_told_with_the_line_to_publish(compared: Compared) -> None:
    report = compared(record("m._domainkey.example.net", "TXT", KEY), example_net="")
    (finding,) = report.findings
    assert finding.fault is Fault.MISSING
    assert finding.advice == f"publish: m._domainkey.example.net. 60 IN TXT {CUT}"
    assert finding.reason == "it is needed"
    assert report.status == 1


def test_another_in_its_place(compared: Compared) -> None:
    report = compared(
        record("_dmarc.example.net", "TXT", "v=DMARC1; p=reject"),
        example_net='_dmarc 60 IN TXT "v=DMARC1; p=none"\n',
    )
    (finding,) = report.findings
    assert finding.fault is Fault.DIFFERENT
    assert finding.expected == ("v=DMARC1; p=reject",)
    assert finding.found == ("v=DMARC1; p=none",)


def test_a_second_spf_record_is_one_too_many_and_other_texts_are_not(compared: Compared) -> None:
    report = compared(
        record("example.net", "TXT", SPF),
        example_net=f'@ 60 IN TXT "{SPF}"\n@ 60 IN TXT "V=SPF1 mx ~all"\n@ 60 IN TXT "else"\n',
    )
    (finding,) = report.findings
    assert (finding.fault, finding.found) == (Fault.EXTRA, ("V=SPF1 mx ~all",))
    assert "two of them" in finding.text


def test_an_exchanger_too_many_and_one_too_few(compared: Compared) -> None:
    records = [record("example.net", "MX", f"10 {name}.example.net.") for name in ("a", "b")]
    extra = compared(*records, example_net="@ 60 IN MX 10 a\n@ 60 IN MX 10 b\n@ 60 IN MX 5 c\n")
    assert told(extra) == [("extra", "example.net")]
    few = compared(*records, example_net="@ 60 IN MX 10 a\n")
    assert [(f.fault, f.expected) for f in few.findings] == [
        (Fault.MISSING, ("10 b.example.net.",))
    ]


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        (f'"{KEY[:200]} " " {KEY[200:]}"', "blanks or quotes"),
        (f'"{KEY[:200]}\\" \\"" "{KEY[200:]}"', "blanks or quotes"),
        (f'"{KEY[:255]}"\nm._domainkey 60 IN TXT "{KEY[255:]}"', "published as 2 records"),
    ],
)
def test_a_text_that_was_cut_wrongly(compared: Compared, zone: str, words: str) -> None:
    report = compared(
        record("m._domainkey.example.net", "TXT", KEY),
        example_net=f"m._domainkey 60 IN TXT {zone}\n",
    )
    (finding,) = report.findings
    assert finding.fault is Fault.SPLIT
    assert words in finding.text
    assert finding.advice.endswith(CUT)


def test_an_alias_where_a_record_should_be(compared: Compared) -> None:
    report = compared(
        record("_dmarc.example.net", "TXT", "v=DMARC1; p=reject"),
        example_net="_dmarc 60 IN CNAME nowhere\n",
    )
    (finding,) = report.findings
    assert (finding.fault, finding.found) == (Fault.DIFFERENT, ("CNAME nowhere.example.net.",))


def test_an_alias_that_leads_to_the_record_is_as_good(compared: Compared) -> None:
    report = compared(
        record("_dmarc.example.net", "TXT", "v=DMARC1; p=reject"),
        example_net='_dmarc 60 IN CNAME policy\npolicy 60 IN TXT "v=DMARC1; p=reject"\n',
    )
    assert report.findings == []


def test_a_resolver_may_count_down_a_lifetime_and_not_have_a_longer_one(
    compared: Compared,
) -> None:
    wanted = record("example.net", "TXT", SPF)
    assert compared(wanted, example_net=f'@ 5 IN TXT "{SPF}"\n').findings == []
    longer = compared(wanted, example_net=f'@ 600 IN TXT "{SPF}"\n')
    assert told(longer) == [("ttl", "example.net")]
    assert compared(wanted, example_net=f'@ 600 IN TXT "{SPF}"\n', ttl=False).status == 0


class TestAuthoritative:
    """The zone's own servers, whose addresses a resolver told."""

    @pytest.fixture
    def asked(
        self, written: Callable[..., Path], serving: Callable[..., UpdateServer]
    ) -> Callable[..., Report]:
        def run(*records: dict[str, object], authoritative: bool = True, zone: str = "") -> Report:
            server = serving(authoritative=authoritative, example_net="ns A 127.0.0.1\n" + zone)
            # All servers on loopback share a port that is not DNS's.
            asker = _OnPort(server.port)
            resolver = read_server(f"127.0.0.1:{server.port}")
            return check(
                read_document(written(*records)),
                [resolver],
                asker=asker,
                kinds={Kind.AUTHORITATIVE},
            )

        return run

    def test_they_are_found_and_compared(self, asked: Callable[..., Report]) -> None:
        report = asked(record("a.b.example.net", "TXT", "x"), zone="a.b 60 IN TXT x\n")
        assert report.findings == []
        assert report.servers == ["ns.example.net (127.0.0.1)"]

    def test_their_lifetime_is_the_one_that_counts(self, asked: Callable[..., Report]) -> None:
        report = asked(record("a.example.net", "TXT", "x"), zone="a 5 IN TXT x\n")
        assert [f.text for f in report.findings] == ["its lifetime is 5 s instead of 60 s"]

    def test_one_that_does_not_have_the_zone(self, asked: Callable[..., Report]) -> None:
        report = asked(
            record("a.example.net", "TXT", "x"), authoritative=False, zone="a 60 IN TXT x\n"
        )
        assert told(report) == [("not-authoritative", "a.example.net")]


class _OnPort(Asker):
    """Asks every server at one port."""

    def __init__(self, port: int) -> None:
        super().__init__(2)
        self._port = port

    def _exchange(self, query, address, port):  # type: ignore[no-untyped-def]
        return super()._exchange(query, address, self._port)


def test_nobody_answers_is_no_difference_and_no_success(
    written: Callable[..., Path],
) -> None:
    document = read_document(
        written(record("example.net", "TXT", SPF), record("example.net", "MX", "10 a."))
    )
    report = check(document, [read_server("127.0.0.1:9")], asker=Asker(0.2))
    assert report.status == 2
    assert report.differences == []
    assert {finding.fault for finding in report.findings} == {Fault.UNASKED}
    assert any("and 1 more" in finding.text for finding in report.findings)


def test_what_others_publish_cannot_speak_to_the_terminal(compared: Compared) -> None:
    report = compared(
        record("_dmarc.example.net", "TXT", "v=DMARC1; p=none"),
        example_net='_dmarc 60 IN TXT "\\027[2J\\007gone\\010\\255"\n',
    )
    text = report_text(report)
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "\\x1b[2J\\x07gone" in text


def test_a_server_that_refuses_is_no_difference(compared: Compared) -> None:
    report = compared(record("example.com", "TXT", "x"), example_net="")
    assert report.status == 2
    assert [f.text.partition(" (")[0] for f in report.findings] == [
        f"{report.servers[0]} answers REFUSED"
    ]


@pytest.mark.parametrize("text", ["ns.example.net", "192.0.2.1:dns", "192.0.2.1:0", "[::1]x", ""])
def test_a_server_is_an_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not ADDRESS|a port is"):
        read_server(text)


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 53),
        ("192.0.2.1:5353", "192.0.2.1", 5353),
        ("2001:db8::1", "2001:db8::1", 53),
        ("[2001:db8::1]:5353", "2001:db8::1", 5353),
        ("[2001:db8::1]", "2001:db8::1", 53),
    ],
)
def test_servers_as_they_are_written(text: str, address: str, port: int) -> None:
    server = read_server(text)
    assert (server.addresses, server.port) == ((address,), port)
