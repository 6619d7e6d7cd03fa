"""What this engine seals, another verifier accepts, over several hops (RFC 8617)."""

from __future__ import annotations

from typing import Any

import dkim
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filter_engine.auth.arc import ArcCode, ArcResult, ArcSigner, verify_chain
from filter_engine.auth.arc_fields import MAX_SETS
from filter_engine.auth.arc_seal import ArcSet, seal, why_not_sealed
from filter_engine.auth.canonical import SignedContent
from filter_engine.auth.dkim_sign import ARC_SIGN_HEADERS, parse_header_list
from filter_engine.auth.signing_key import SigningKey
from filter_engine.checks.sender_policy import signed_content
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.question import ASK
from zone_drive import drive

NOW = 1_795_219_200
HEADERS = parse_header_list(ARC_SIGN_HEADERS)
RAW = b"From: al@example.com\r\nTo: bo@example.net\r\nSubject: x\r\n\r\nhello\r\n"


def content_of(raw: bytes) -> SignedContent:
    return signed_content(Message(raw))


class Site:
    """Hosts that seal with one key each."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = keys
        self.zone = {
            f"s{number}._domainkey.hop{number}.example": {"TXT": [key.record.encode()]}
            for number, key in enumerate(keys)
        }

    def chain(self, raw: bytes, now: float = NOW) -> ArcResult:
        result = drive(verify_chain(ASK, content_of(raw), now), TableResolver(self.zone))
        assert isinstance(result, ArcResult)
        return result

    def seal(self, raw: bytes, number: int, results: str = "mx.example; spf=pass") -> ArcSet:
        domain, key = f"hop{number}.example", self.keys[number]
        chain = self.chain(raw)
        return seal(content_of(raw), chain, results, domain, f"s{number}", key, NOW, HEADERS)

    def sealed(self, raw: bytes, number: int, results: str = "mx.example; spf=pass") -> bytes:
        return with_fields(raw, self.seal(raw, number, results))

    def dkimpy(self, raw: bytes) -> tuple[bytes, list[dict[str, Any]], str]:
        """An independent verdict."""

        def ask(name: bytes, timeout: int = 5) -> bytes | None:
            found = self.zone.get(name.decode().rstrip("."))
            return found["TXT"][0] if found else None

        verdict: tuple[bytes, list[dict[str, Any]], str] = dkim.arc_verify(raw, dnsfunc=ask)
        return verdict


def with_fields(raw: bytes, made: ArcSet) -> bytes:
    for name, value in made.fields:
        raw = f"{name}: {value}\r\n".replace("\n", "\r\n").replace("\r\r", "\r").encode() + raw
    return raw


@pytest.fixture(scope="module")
def site() -> Site:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    return Site(*(SigningKey(generate_private_key(65537, 2048)) for _ in range(3)))


_BLANKS = st.sampled_from([b"", b" ", b"\t", b"  ", b"\r\n ", b" \r\n\t"])
_WORD = st.sampled_from([b"a", b"Hello", b"\xc3\xa9", b"x=1;", b"b="])
_VALUE = st.lists(st.tuples(_BLANKS, _WORD), min_size=1, max_size=6).map(
    lambda parts: b"".join(blank + word for blank, word in parts)
)
_NAME = st.sampled_from(
    [b"Subject", b"To", b"reply-to", b"DKIM-Signature", b"List-Id", b"X-Own", b"Sender"]
)
_BODY = st.lists(
    st.sampled_from([b"", b" ", b"text  and\tblanks ", b"\t", b".", b"caf\xc3\xa9"]), max_size=6
).map(lambda lines: b"".join(line + b"\r\n" for line in lines))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fields=st.lists(st.tuples(_NAME, _VALUE), max_size=6), body=_BODY, data=st.data())
def test_every_hop_verifies(
    site: Site, fields: list[tuple[bytes, bytes]], body: bytes, data: st.DataObject
) -> None:
    raw = b"From: al@example.com\r\n"
    raw += b"".join(name + b": " + value + b"\r\n" for name, value in fields) + b"\r\n" + body
    for hop in range(1, 4):
        raw = site.sealed(raw, hop % 3)
        if data.draw(st.booleans()):  # trace fields are no part of what is signed
            raw = b"Received: from a by b; today\r\n" + raw
        assert site.chain(raw).code is ArcCode.PASS
        code, sets, reason = site.dkimpy(raw)
        assert code == b"pass", reason
        assert [one["instance"] for one in sets] == list(range(hop, 0, -1))


def test_an_ed25519_seal_verifies_here(keys: Any) -> None:
    mixed = Site(keys.ed25519, keys.rsa)
    raw = mixed.sealed(mixed.sealed(RAW, 0), 1)
    result = mixed.chain(raw)
    assert result.code is ArcCode.PASS
    assert [signer.domain for signer in result.signers] == ["hop0.example", "hop1.example"]


def test_a_changed_body_fails_here_and_there(site: Site) -> None:
    raw = site.sealed(RAW, 0).replace(b"hello", b"hullo")
    assert site.chain(raw).code is ArcCode.FAIL
    assert site.dkimpy(raw)[0] == b"fail"


def test_a_failed_chain_is_sealed_as_failed_over_its_own_set_alone(site: Site) -> None:
    """RFC 8617, section 5.1.2: no set but the new one is covered."""
    broken = site.sealed(site.sealed(RAW, 0), 1).replace(b"hello", b"hullo")
    made = site.seal(broken, 2)
    assert (made.instance, made.chain) == (3, "fail")
    alone = ArcSet(1, "none", made.fields)
    key, seal_value = site.keys[2], made.fields[2][1]
    covered = _relaxed(alone.fields[0]) + b"\r\n" + _relaxed(alone.fields[1]) + b"\r\n"
    covered += _relaxed(("ARC-Seal", seal_value[: seal_value.rindex("b=") + 2]))
    from base64 import b64decode

    signature = b64decode(seal_value[seal_value.rindex("b=") + 2 :])
    from filter_engine.auth.dkim_key import parse_key_record

    assert parse_key_record(key.record.encode()).verifies(signature, "sha256", covered)
    after = site.chain(with_fields(broken, made))
    assert after.code is ArcCode.FAIL
    assert after.ended


def _relaxed(field: tuple[str, str]) -> bytes:
    """Written out here: an independent canonical form of what the engine made."""
    name, value = field
    return name.lower().encode() + b":" + b" ".join(value.encode().split())


def test_a_chain_that_ended_takes_no_further_set(site: Site) -> None:
    """RFC 8617, section 5.1.3."""
    broken = site.sealed(RAW, 0).replace(b"hello", b"hullo")
    ended = site.sealed(broken, 1)
    with pytest.raises(ValueError, match="sealed as failed"):
        site.sealed(ended, 2)


SIGNERS = tuple(ArcSigner(number, "a.example", "s") for number in range(1, MAX_SETS + 1))


@pytest.mark.parametrize(
    ("chain", "may"),
    [
        (ArcResult(), True),
        (ArcResult(ArcCode.PASS, signers=SIGNERS[:49]), True),
        (ArcResult(ArcCode.PASS, signers=SIGNERS), False),
        (ArcResult(ArcCode.FAIL, "body", SIGNERS[:2]), True),
        (ArcResult(ArcCode.FAIL, "said so", SIGNERS[:2], ended=True), False),
        (ArcResult(ArcCode.INVALID, "the instances have gaps"), False),
        (ArcResult(ArcCode.TEMPERROR, "key: timeout", SIGNERS[:1]), False),
    ],
)
def test_which_chains_go_on(chain: ArcResult, may: bool) -> None:
    assert (not why_not_sealed(chain)) is may


def test_a_seal_is_never_signed_by_the_message_signature(site: Site) -> None:
    names = parse_header_list("from:arc-seal")
    raw = site.sealed(RAW, 0)
    with pytest.raises(ValueError, match="ARC-Seal must not be signed"):
        seal(content_of(raw), site.chain(raw), "mx; none", "a.b", "s", site.keys[0], NOW, names)


@pytest.mark.parametrize(
    "results", ["mx.example; none", "mx.example;\n\tspf=pass;\n\tdmarc=pass", "é.example; x=y"]
)
def test_results_of_any_form(site: Site, results: str) -> None:
    raw = site.sealed(RAW, 0, results)
    assert site.chain(raw).code is ArcCode.PASS
    assert site.dkimpy(raw)[0] == b"pass"


def test_mail_with_bare_newlines_is_sealed_as_it_travels(site: Site) -> None:
    made = site.seal(RAW.replace(b"\r\n", b"\n"), 0)
    assert site.dkimpy(with_fields(RAW, made))[0] == b"pass"
