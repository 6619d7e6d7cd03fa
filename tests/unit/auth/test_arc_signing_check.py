"""The check arc_signing: what is sealed, on an MX and behind it, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat

from filter_engine.checks import arc_signing
from filter_engine.checks.arc import ArcOptions
from filter_engine.checks.dkim_signing import DkimSigningOptions
from filter_engine.checks.signing import keys as signing
from filter_engine.checks.signing.keys import SigningMaps
from filter_engine.config.addresses import AddressSet
from filter_engine.headers.routine_options import AuthenticationResultsRoutine
from policy_scan import RAW, Sink, scan

KEY_NAME = "arc._domainkey.example.net"
CHECKS = ("spf", "dkim", "dmarc", "arc", "arc_signing")
MX = {"sign_inbound": True, "use_domain": "recipient", "allow_hdrfrom_mismatch": True}
TO = {"rcpt": ("bo@example.net",)}


@pytest.fixture
def path(
    tmp_path: Path, keys: Any, pem: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setattr(signing, "KEYS", signing.KeyRing())
    (tmp_path / "example.net.arc.key").write_bytes(pem(keys.rsa.key, PrivateFormat.PKCS8))
    return f"{tmp_path}/$domain.$selector.key"


@pytest.fixture
def zone(keys: Any) -> dict[str, dict[str, list[Any]]]:
    return {KEY_NAME: {"TXT": [keys.rsa.record.encode()]}}


def run(path: str, zone: dict[str, Any], raw: bytes = RAW, **given: Any) -> Sink:
    options = MX | given.pop("options", {})
    return scan(
        raw,
        sections=(ArcOptions(path=path, **options),),
        checks=CHECKS,
        zone=zone,
        **(TO | given),
    )


def sealed(sink: Sink, raw: bytes) -> bytes:
    for header in sink.outcomes["arc_signing"].headers:
        assert header.order == 1
        raw = f"{header.name}: {header.value}\n".replace("\n", "\r\n").encode() + raw
    return raw


def dkimpy(raw: bytes, zone: dict[str, Any]) -> bytes:
    def ask(name: bytes, timeout: int = 5) -> bytes | None:
        found = zone.get(name.decode().rstrip("."))
        return found["TXT"][0] if found else None

    code: bytes = dkim.arc_verify(raw, dnsfunc=ask)[0]
    return code


def results_of(sink: Sink) -> str:
    return sink.outcomes["arc_signing"].headers[0].value


def test_an_mx_seals_what_it_found(path: str, zone: dict[str, Any]) -> None:
    sink = run(path, zone)
    assert sink.symbols["ARC_SIGNED"] == ("example.net:s=arc:i=1",)
    assert sink.symbols["ARC_NA"] == ()
    found = results_of(sink)
    assert found.startswith("i=1; mx1;\n\t")
    assert [word.split()[0] for word in found.split(";\n\t")[1:]] == [
        "dkim=none",
        "spf=pass",
        "dmarc=pass",
    ]
    raw = sealed(sink, RAW)
    assert dkimpy(raw, zone) == b"pass"
    assert run(path, zone, raw).symbols["ARC_ALLOW"] == ("example.net:s=arc:i=1",)


def test_two_hops_and_a_forwarder(path: str, zone: dict[str, Any]) -> None:
    """Finding 6: the second filter of a site sees the first as local, and seals on."""
    first = sealed(run(path, zone), RAW)
    second = run(path, zone, first, local=True, options={"sign_local": True})
    assert "ARC_ALLOW" not in second.symbols  # the check leaves local mail alone
    assert second.symbols["ARC_SIGNED"] == ("example.net:s=arc:i=2",)
    raw = sealed(second, first)
    assert dkimpy(raw, zone) == b"pass"
    # forwarded by SRS: SPF is another's now, the chain goes on
    third = run(path, zone, raw, mail_from="SRS0=x=y=example.com=al@open.example")
    assert third.symbols["ARC_SIGNED"] == ("example.net:s=arc:i=3",)
    assert "arc=pass (example.net:s=arc:i=2)" in results_of(third)
    assert dkimpy(sealed(third, raw), zone) == b"pass"


def test_a_broken_chain_is_said_to_be_broken_once(path: str, zone: dict[str, Any]) -> None:
    broken = sealed(run(path, zone), RAW).replace(b"hello", b"hullo")
    for local in (False, True):
        sink = run(path, zone, broken, local=local, options={"sign_local": True})
        assert sink.symbols["ARC_SIGNED"] == ("example.net:s=arc:i=2",)
        assert "cv=fail" in sink.outcomes["arc_signing"].headers[2].value
        after = run(path, zone, sealed(sink, broken))
        assert after.symbols["ARC_REJECT"]
        assert "ARC_SIGNED" not in after.symbols


def test_a_chain_nobody_can_verify_now_is_left_alone(path: str, zone: dict[str, Any]) -> None:
    raw = sealed(run(path, zone), RAW)
    sink = run(path, {}, raw, failing=(KEY_NAME,))
    assert sink.symbols["ARC_DNSFAIL"]
    assert "ARC_SIGNED" not in sink.symbols


def test_sets_that_are_not_whole_are_left_alone(path: str, zone: dict[str, Any]) -> None:
    raw = b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=a.b; s=k; b=AAAA\r\n" + RAW
    assert "ARC_SIGNED" not in run(path, zone, raw).symbols


@pytest.mark.parametrize(
    ("options", "given", "signs"),
    [
        ({}, {}, True),
        ({"sign_inbound": False}, {}, False),
        ({}, {"local": True, "options": {"sign_local": False}}, False),
        ({}, {"rcpt": ("bo@other.example",)}, False),
        ({}, {"rcpt": ()}, False),
        ({"use_domain": "header"}, {}, False),
        ({"use_domain": "example.net"}, {"rcpt": ()}, True),
        ({"use_domain_sign_inbound": "example.net"}, {"rcpt": ()}, True),
        ({"use_domain_sign_local": "example.net"}, {"rcpt": ()}, False),
        ({"allow_hdrfrom_mismatch": False}, {"mail_from": "x@y.example"}, False),
        ({"sign_inbound": False, "sign_networks": AddressSet(("192.0.2.0/24",))}, {}, True),
        ({"allowed_ids": ("out",)}, {}, False),
    ],
)
def test_what_is_sealed(
    path: str, zone: dict[str, Any], options: dict[str, Any], given: dict[str, Any], signs: bool
) -> None:
    given = {"options": options, **given}
    assert ("ARC_SIGNED" in run(path, zone, **given).symbols) is signs


FOREIGN = b"Authentication-Results: mx1.example.net;\r\n\tspf=pass smtp.mailfrom=al@example.com\r\n"


@pytest.mark.parametrize(
    ("given", "reused"),
    [
        ({"local": True}, True),
        ({"ip": "203.0.113.4", "options": {"sign_networks": AddressSet(("203.0.113.4",))}}, True),
        ({}, False),
        # whoever logged in wrote it
        ({"user": "al@example.net"}, False),
        ({"user": "al@example.net", "local": True}, False),
        ({"local": True, "ids": ()}, False),  # nobody of this site is called so
        ({"local": True, "ids": ("MX1.example.net.",)}, True),
    ],
)
def test_results_are_reused_of_the_sites_own_hosts_only(
    path: str, zone: dict[str, Any], given: dict[str, Any], reused: bool
) -> None:
    options = {"reuse_auth_results": True, "sign_local": True, "allow_username_mismatch": True}
    given = {**given, "options": {**options, **given.get("options", {})}}
    routine = AuthenticationResultsRoutine(remove_ids=given.pop("ids", ("mx1.example.net",)))
    given["states"] = {"arc_signing": arc_signing._State(SigningMaps(), routine)}
    sink = run(path, zone, FOREIGN + RAW, **given)
    expected = "i=1; mx1.example.net;\n\tspf=pass smtp.mailfrom=al@example.com"
    assert (results_of(sink) == expected) is reused
    assert dkimpy(sealed(sink, RAW), zone) == b"pass"


def test_a_published_key_that_is_another(path: str, zone: dict[str, Any], keys: Any) -> None:
    other = {KEY_NAME: {"TXT": [keys.ed25519.record.encode()]}}
    options = {"check_pubkey": True, "allow_pubkey_mismatch": False}
    assert "ARC_SIGNED" in run(path, zone, options=options).symbols
    assert "ARC_SIGNED" not in run(path, other, options=options).symbols


def trusted_run(
    path: str, zone: dict[str, Any], raw: bytes, listed: str, *, adjust: bool = True
) -> Sink:
    """As an MX that trusts the signers in ``listed``."""
    from filter_engine.config.map_definition import define_text
    from filter_engine.config.model import Config
    from filter_engine.maps.maps import Maps
    from filter_engine.scan.declare import REGISTRY
    from filter_engine.scan.setup import Setup

    options = ArcOptions(
        path=path, whitelisted_signers_map=define_text(listed), adjust_dmarc=adjust
    )
    prepare = REGISTRY["arc"].prepare
    assert prepare is not None
    state = prepare(options, Setup(Config(), Maps()))
    return scan(
        raw,
        ip="203.0.113.8",
        sections=(options,),
        checks=("spf", "dkim", "dmarc", "arc", "arc_dmarc_adjustment"),
        zone=zone,
        states={"arc": state},
    )


def test_a_trusted_forwarder_makes_up_for_dmarc(
    path: str, zone: dict[str, Any], tmp_path: Path
) -> None:
    raw = sealed(run(path, zone), RAW)  # DMARC passed there
    listed = tmp_path / "signers"
    listed.write_text("example.net\n")
    weights = {}
    for adjust in (True, False):
        sink = trusted_run(path, zone, raw, str(listed), adjust=adjust)
        assert sink.symbols["ARC_ALLOW_TRUSTED"] == ("example.net:s=arc:i=1",)
        found = [f for o in sink.outcomes.values() for f in o.findings]
        weights[adjust] = sum(f.weight for f in found if f.symbol == "DMARC_POLICY_REJECT")
    assert weights == {True: pytest.approx(0.1), False: 1.0}


def test_a_forwarder_that_nobody_trusts_changes_nothing(
    path: str, zone: dict[str, Any], tmp_path: Path
) -> None:
    raw = sealed(run(path, zone), RAW)
    listed = tmp_path / "signers"
    listed.write_text("other.example\n")
    sink = trusted_run(path, zone, raw, str(listed))
    assert "ARC_ALLOW_TRUSTED" not in sink.symbols
    assert sink.symbols["DMARC_POLICY_REJECT"][-1] != "ARC trusted"


@pytest.fixture
def stranger(path: str, zone: dict[str, Any], keys: Any, pem: Callable[..., bytes]) -> str:
    """A second domain that seals, which nobody trusts."""
    name = str(Path(path).parent / "stranger.example.arc.key")
    Path(name).write_bytes(pem(keys.rsa.key, PrivateFormat.PKCS8))
    zone["arc._domainkey.stranger.example"] = zone[KEY_NAME]
    return "stranger.example"


def reduced(sink: Sink) -> bool:
    found = sink.outcomes.get("arc_dmarc_adjustment")
    return found is not None and bool(found.findings)


def test_an_old_set_of_a_trusted_signer_vouches_for_nothing_new(
    path: str, zone: dict[str, Any], tmp_path: Path, stranger: str
) -> None:
    """Its set is kept, the mail is replaced, and the stranger seals on with an own key."""
    listed = tmp_path / "signers"
    listed.write_text("example.net\n")
    first = sealed(run(path, zone, options={"use_domain": "example.net"}), RAW)
    arc_set = first[: len(first) - len(RAW)]
    forged = arc_set + RAW.replace(b"hello", b"send money")
    second = run(path, zone, arc_set + RAW, options={"use_domain": stranger})
    assert second.symbols["ARC_SIGNED"] == (f"{stranger}:s=arc:i=2",)
    raw = sealed(second, arc_set + RAW)
    sink = trusted_run(path, zone, raw, str(listed))
    assert sink.symbols["ARC_ALLOW"] == (f"{stranger}:s=arc:i=2",)  # the chain itself verifies
    assert "ARC_ALLOW_TRUSTED" not in sink.symbols
    assert not reduced(sink)
    assert sink.outcomes["arc"].value.vouching is None
    assert "ARC_ALLOW_TRUSTED" not in trusted_run(path, zone, forged, str(listed)).symbols
    # the same chain where the second signer is trusted too
    listed.write_text(f"example.net\n{stranger}\n")
    sink = trusted_run(path, zone, raw, str(listed))
    weighed = [f.options[0] for f in sink.outcomes["arc"].findings if f.symbol.endswith("TRUSTED")]
    assert weighed == ["example.net:s=arc:i=1", f"{stranger}:s=arc:i=2"]
    assert reduced(sink)
    (finding,) = sink.outcomes["arc_dmarc_adjustment"].findings
    assert finding.evidence == f"set 2, of {stranger}, says that DMARC passed before"


def test_what_a_signer_saw_counts_for_the_domain_it_names(
    path: str, zone: dict[str, Any], tmp_path: Path
) -> None:
    listed = tmp_path / "signers"
    listed.write_text("example.net\n")
    claims = {"header.from=example.com": True, "header.from=attacker.example": False, "": False}
    for claim, counts in claims.items():
        told = f"Authentication-Results: mx1; dmarc=pass {claim}\r\n".encode()
        options = {"reuse_auth_results": True, "sign_networks": AddressSet(("192.0.2.0/24",))}
        sink = run(path, zone, told + RAW, options={**options, "use_domain": "example.net"})
        assert f"dmarc=pass {claim}".strip() in results_of(sink)
        assert reduced(trusted_run(path, zone, sealed(sink, RAW), str(listed))) is counts


def test_what_failed_at_a_trusted_forwarder_is_worth_nothing(
    path: str, zone: dict[str, Any], tmp_path: Path
) -> None:
    raw = sealed(run(path, zone, ip="203.0.113.7"), RAW)  # DMARC failed there
    listed = tmp_path / "signers"
    listed.write_text("example.net\n")
    sink = trusted_run(path, zone, raw, str(listed))
    worth = [f.weight for f in sink.outcomes["arc"].findings if f.symbol == "ARC_ALLOW_TRUSTED"]
    assert worth == [0.0]
    assert "arc_dmarc_adjustment" not in sink.outcomes


def test_checks_without_work_are_in_no_plan() -> None:
    from filter_engine.config.model import Config
    from filter_engine.scan.declare import REGISTRY
    from filter_engine.scan.plan import make_plan

    optional = {"dkim_signing", "arc_signing", "arc_dmarc_adjustment", "dmarc_reporting"}
    assert not optional & {check.name for check in make_plan(Config(), REGISTRY).checks}
    config = Config(modules={"arc": ArcOptions(path="/k"), "dkim_signing": DkimSigningOptions()})
    found = optional & {check.name for check in make_plan(config, REGISTRY).checks}
    assert found == {"arc_signing"}
