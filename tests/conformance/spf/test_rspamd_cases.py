"""Rspamd's functional cases of SPF, DKIM, DMARC and DKIM signing, with the DNS made for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import pytest

from conformance_data import DATA
from filter_engine.auth.dkim import verify
from filter_engine.auth.results import DkimCode, DkimResult
from filter_engine.checks import dkim, dkim_signing, dmarc, spf
from filter_engine.checks.sender_policy import signed_content
from filter_engine.config.addresses import AddressSet
from filter_engine.config.findings import Severity
from filter_engine.config.origin import BUILTIN, Origin
from filter_engine.config.schema import Section, bind
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY, Check, Returned
from filter_engine.scan.driver import Driver
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import ASK, DnsQuestion
from filter_engine.scan.task import Task, client_ip
from filter_engine.scan.verdict import Finding
from filter_engine.ucl import UclNode, UclObject, parse, to_python

TREE = DATA / "rspamd" / "test" / "functional"
CASES = DATA / "rspamd" / "cases.json"
SUITES = ("115_dmarc", "116_dkim", "117_spf", "131_dkim_signing")
RECORDED = 1795219200.0  # 2026-11-21

# What another part has to do, or a later issue brings; every reason names it.
LEFT_OUT = {
    "DMARC EVALUATES WIRE FROM AFTER REWRITE": "a Lua script rewrites From",
    "DKIM Sign ED25519 PEM": "sign_condition is Lua; covered by tests/unit/auth/test_dkim_sign.py",
    "002_redis.robot": "a store is there in tests/conformance/rspamd, which runs it",
    "007_sign_maps.robot": "maps are prepared in tests/conformance/rspamd, which runs it",
    "004_invalidate_key.robot": "KEY_DIR is made in tests/conformance/rspamd, which runs it",
}


class Collected:
    """Sink of the driver."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.signatures: list[str] = []

    def finished(self, check: Check, returned: Returned) -> object:
        if returned is None:
            return None
        self.findings.extend(returned.findings)
        self.signatures.extend(returned.signatures)
        return returned.value

    def failed(self, check: Check, error: Exception) -> None:
        raise error


class StrictBinder:
    """Options of the cases must bind without an error."""

    def report(
        self, severity: Severity, code: str, node: UclNode, message: str, hint: str = ""
    ) -> None:
        assert severity is not Severity.ERROR, message

    def origin(self, node: UclNode) -> Origin:
        return BUILTIN


@cache
def fake_dns(config: str = "plugins.conf") -> TableResolver:
    """``options.dns.fake_records`` of a configuration of the suite."""
    table: dict[str, dict[str, list[Any]]] = {}
    failing: list[str | DnsQuestion] = []
    for record in fake_records(config):
        rdtype = record["type"].upper()
        records = table.setdefault(record["name"].lower(), {}).setdefault(rdtype, [])
        if record.get("rcode") in ("timeout", "servfail"):
            failing.append(DnsQuestion(record["name"].lower(), rdtype))
        replies = record.get("replies", [])
        for reply in replies if isinstance(replies, list) else [replies]:
            records.append(value(rdtype, reply))
    return TableResolver(table, failing=failing)


def rendered(config: str) -> str:
    """A configuration of the suite with its directory filled in and other variables blotted out."""
    text = (TREE / config).read_text().replace("{= env.TESTDIR =}", str(TREE))
    return re.sub(r"\{=[^}]*=\}", "x", text)


def fake_records(config: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for node in parse(rendered(f"configs/{config}")).all("options"):
        options: Any = to_python(node)
        records.extend(options.get("dns", {}).get("fake_records", []))
    return records


def value(rdtype: str, reply: Any) -> Any:
    if rdtype == "TXT":
        return str(reply).encode()
    if rdtype == "MX":
        preference, _, host = str(reply).partition(" ")
        return int(preference), host.rstrip(".")
    return str(reply)


def sections_of(case: Mapping[str, Any]) -> dict[type[Section], Section]:
    """The options of the case's configuration that concern signing, and its external relay."""
    sections: dict[type[Section], Section] = {
        spf.SpfOptions: spf.SpfOptions(external_relay=AddressSet(("192.168.1.1/32",)))
        if case["test"] == "SPF EXTERNAL RELAY"
        else spf.SpfOptions()
    }
    if "dkim_signing" in case["suite"]:
        section = re.search(r"^dkim_signing \{.*?^\}", rendered(case["config"]), re.M | re.S)
        assert section is not None
        node = parse(section[0]).all("dkim_signing")[0]
        assert isinstance(node, UclObject)
        options = bind(dkim_signing.DkimSigningOptions, node, StrictBinder(), "dkim_signing")
        sections[dkim_signing.DkimSigningOptions] = options
    return sections


def scan(case: Mapping[str, Any], checks: Iterable[str]) -> Collected:
    headers = case["request_headers"]
    path = case["message"]
    raw = b"" if path == "/dev/null" else (TREE / path).read_bytes()
    ip = client_ip(headers.get("IP"))
    message = Message(raw)
    sender = headers.get("From") or message.text("return-path")
    task = Task(
        message=message,
        envelope=Envelope(ip=headers.get("IP"), mail_from=sender, user=headers.get("User")),
        sections=sections_of(case),
        now=RECORDED,
        server="test",
        local=ip is None,
        ip=ip,
    )
    sink = Collected()
    zone = "merged-local.conf" if "merged" in case["config"] else "plugins.conf"
    driver = Driver(task, fake_dns(zone), sink)
    driver.start([REGISTRY[name] for name in checks])
    assert driver.idle
    return sink


def cases() -> list[Any]:
    if not CASES.exists():
        missing = pytest.mark.skip(
            reason=f"no {CASES}: set CONFORMANCE_DIR to the conformance data"
        )
        return [pytest.param({}, marks=missing)]
    found = []
    for case in json.loads(CASES.read_text())["tuples"]:
        if not any(suite in case["suite"] for suite in SUITES):
            continue
        why = next((w for key, w in LEFT_OUT.items() if key in case["id"]), None)
        marks = [pytest.mark.skip(reason=why)] if why else []
        found.append(pytest.param(case, id=case["id"].partition("/")[2] or case["id"], marks=marks))
    return found


@pytest.mark.parametrize("case", cases())
def test_rspamd_case(case: dict[str, Any]) -> None:
    names = ["dkim_signing"] if "dkim_signing" in case["suite"] else ["spf", "dkim", "dmarc"]
    sink = scan(case, names)
    found = {finding.symbol: finding for finding in sink.findings}
    expect = case["expect"]
    for symbol, wanted in expect.get("symbols", {}).items():
        assert symbol in found, found
        if "options_exact" in wanted:
            assert list(found[symbol].options) == wanted["options_exact"]
    for symbol in expect.get("not_symbols", ()):
        assert symbol not in found
    for text in expect.get("output_contains", ()):
        assert text == "DKIM-Signature:"
        assert sink.signatures
    for text in expect.get("output_not_contains", ()):
        assert text == "DKIM-Signature:"
        assert not sink.signatures


def results_of(name: str) -> DkimResult:
    if not TREE.exists():
        pytest.skip(f"no {TREE}: set CONFORMANCE_DIR to the conformance data")
    content = signed_content(Message((TREE / "messages" / name).read_bytes()))
    coroutine = verify(ASK, content, RECORDED)
    try:
        question = coroutine.send(None)
        while True:
            question = coroutine.send(tuple(map(fake_dns().answer, question.questions)))
    except StopIteration as stop:
        return stop.value


@pytest.mark.parametrize(
    ("name", "codes", "ignored"),
    [
        ("dkim_huge_hlist.eml", [DkimCode.NEUTRAL], 0),
        ("dkim_large_hlist.eml", [DkimCode.PERMERROR], 0),
        ("dkim_revoked_key.eml", [DkimCode.PERMERROR], 0),
        ("ed25519.eml", [DkimCode.PASS, DkimCode.PASS], 0),
        ("ed25519-broken.eml", [DkimCode.FAIL, DkimCode.FAIL], 0),
    ],
)
def test_dkim_messages(name: str, codes: list[DkimCode], ignored: int) -> None:
    result = results_of(name)
    assert [s.result for s in result.signatures] == codes, result
    assert result.ignored == ignored


def test_signatures_beyond_the_limit_are_ignored() -> None:
    result = results_of("dkim_many_sigs.eml")
    assert (len(result.signatures), result.ignored) == (5, 1)


def test_modules_are_the_ones_under_test() -> None:
    assert {dkim.dkim, dmarc.dmarc, spf.spf} == {
        REGISTRY[name].run for name in ("dkim", "dmarc", "spf")
    }
