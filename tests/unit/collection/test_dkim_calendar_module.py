"""dkim_calendar as a host runs it: keys made once, handed over or imported, never shown."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils.key_layouts import find
from ansible_collections.mailfleet.filter.plugins.module_utils.key_text import (
    KeyTextError,
    as_pem,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

Run = Callable[..., dict[str, Any]]
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
PKCS1, PKCS8 = (
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.PrivateFormat.PKCS8,
)
PLAIN = serialization.NoEncryption()
DAY = "2026-11-21"
NAME = "mail._domainkey.example.net"


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def calendar(run_module: Run, tmp_path: Path) -> Run:
    """One step of the module on a directory of keys; one key of example.net."""
    (tmp_path / "keys").mkdir()

    def step(name: str = "publish", check_mode: bool = False, **more: Any) -> dict[str, Any]:
        arguments = {
            "step": name,
            "path": f"{tmp_path}/keys/$domain.$selector.key",
            "domains": ["example.net"],
            "today": DAY,
            "owner": str(os.getuid()),
            "group": str(os.getgid()),
            **more,
        }
        return run_module("dkim_calendar", check_mode=check_mode, **arguments)

    return step


def seen(result: dict[str, Any], right: bool = True) -> list[dict[str, Any]]:
    return [
        {"name": one["name"], "right": right, "why": "" if right else "not there"}
        for one in result["questions"]
    ]


def public(key: rsa.RSAPrivateKey) -> str:
    spki = key.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(spki).decode()


def test_a_key_is_made_published_seen_and_signs(calendar: Run, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    first = calendar()
    assert first["changed"] is True
    path = keys / "example.net.mail.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert {file.name for file in keys.iterdir()} == {
        "example.net.mail.key",
        "example.net.mail.key.txt",
        "calendar.json",
        "calendar.json.lock",
        "dkim_records.json",
        "last_run.json",
    }
    (record,) = first["records"]
    assert (record["name"], record["state"]) == (NAME, "published")
    assert json.loads((keys / "dkim_records.json").read_text()) == first["records"]
    assert first["signing"] == [{"domain": "example.net", "selectors": []}]
    assert calendar()["changed"] is False

    waits = calendar("activate", seen=seen(first, right=False))
    assert waits["waiting"] == [NAME]
    assert waits["signing"] == [{"domain": "example.net", "selectors": []}]
    done = calendar("activate", seen=seen(first))
    assert done["changed"] is True
    selectors = [{"selector": "mail", "path": str(path)}]
    assert done["signing"] == [{"domain": "example.net", "selectors": selectors}]
    again = calendar("activate", seen=seen(first))
    assert again["changed"] is False
    shown = calendar("show")
    assert (shown["changed"], shown["signing"]) == (False, done["signing"])


@pytest.mark.parametrize("selectors", [[{"selector": "s2027"}], [{"algorithm": "ed25519"}]])
def test_other_selectors_leave_the_key_that_signs(calendar: Run, selectors: list[Any]) -> None:
    signing = calendar("activate", seen=seen(calendar()))["signing"]
    assert [one["selector"] for one in signing[0]["selectors"]] == ["mail"]
    more = {"selectors": selectors, "today": "2026-11-22"}
    assert calendar("show", **more)["signing"] == signing
    published = calendar(**more)
    looked = [one for one in seen(published, right=False) if one["name"] != NAME]
    assert calendar("activate", **more, seen=looked)["signing"] == signing
    assert calendar(today="2026-11-23")["signing"] == signing


def test_who_seals_with_the_signing_keys_seals_with_rsa(calendar: Run, tmp_path: Path) -> None:
    selectors = [{"algorithm": "ed25519"}, {"selector": "mail", "algorithm": "rsa"}]
    first = calendar(arc="shared", selectors=selectors)
    done = calendar("activate", arc="shared", selectors=selectors, seen=seen(first))
    assert len(done["signing"][0]["selectors"]) == 2
    places = [{"selector": "mail", "path": f"{tmp_path}/keys/example.net.mail.key"}]
    assert done["sealing"] == [{"domain": "example.net", "selectors": places}]
    assert calendar("show")["sealing"] == []


def test_the_calendar_holds_the_future_key(calendar: Run, tmp_path: Path) -> None:
    calendar("activate", seen=seen(calendar()))
    listed = json.loads((tmp_path / "keys/calendar.json").read_text())["keys"]
    assert [(key["selector"], key["state"]) for key in listed] == [
        ("r20270506", "future"),
        ("mail", "active"),
    ]
    assert listed[0]["dates"] == {"published": "2027-05-06", "active": "2027-05-20"}


def test_a_rotation_never_touches_a_key_that_is_there(calendar: Run, tmp_path: Path) -> None:
    calendar("activate", seen=seen(calendar()))
    old = (tmp_path / "keys/example.net.mail.key").read_bytes()
    for day in ("2027-05-06", "2027-05-20", "2027-06-03"):
        result = calendar(today=day)
        calendar("activate", today=day, seen=seen(result))
    states = {record["selector"]: record["state"] for record in calendar("show")["records"]}
    assert states == {"mail": "revoked", "r20270506": "active"}
    assert (tmp_path / "keys/example.net.mail.key").read_bytes() == old
    text = (tmp_path / "keys/example.net.mail.key.txt").read_text()
    assert text == f'{NAME}. IN TXT "v=DKIM1; k=rsa; p="\n'


def test_a_key_that_lies_there_is_used_as_it_is(
    calendar: Run, tmp_path: Path, rsa_key: rsa.RSAPrivateKey
) -> None:
    path = tmp_path / "keys/example.net.mail.key"
    content = rsa_key.private_bytes(PEM, PKCS1, PLAIN)
    path.write_bytes(content)
    assert calendar()["records"][0]["value"].endswith(public(rsa_key))
    assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_check_mode_tells_and_makes_nothing(calendar: Run, tmp_path: Path) -> None:
    result = calendar(check_mode=True)
    assert (result["changed"], result["records"]) == (True, [])
    assert result["report"] == [f"{NAME} is to be published now"]
    assert list((tmp_path / "keys").iterdir()) == []
    first = calendar()
    assert calendar(check_mode=True)["changed"] is False
    assert calendar("activate", check_mode=True, seen=seen(first))["changed"] is True
    assert calendar("show")["records"][0]["state"] == "published"


def test_no_private_key_in_results_diffs_or_files_of_the_calendar(
    calendar: Run, tmp_path: Path, rsa_key: rsa.RSAPrivateKey
) -> None:
    given = base64.b64encode(rsa_key.private_bytes(DER, PKCS1, PLAIN)).decode()
    more = {"given": [{"domain": "example.net", "selector": "mail", "private": given}]}
    result = calendar(_ansible_diff=True, **more)
    assert [one["after"] for one in result["diff"]]
    made = calendar(rotate=["example.net"], publish_lead=0)
    for name in ("calendar.json", "dkim_records.json", "example.net.mail.key.txt"):
        text = (tmp_path / "keys" / name).read_text()
        assert "PRIVATE" not in text
        assert given[:40] not in text
    for told in (result, made):
        text = json.dumps(told)
        assert "PRIVATE KEY" not in text
        assert given[:40] not in text
    for key in (tmp_path / "keys").glob("*.key"):
        lines = key.read_text().splitlines()[8:-1]  # what follows the modulus, which is public
        assert len(lines) > 10
        assert not any(line in json.dumps([result, made]) for line in lines)


@pytest.mark.parametrize("form", ["pem", "base64", "wrapped base64", "pkcs8"])
def test_a_given_key_is_taken_in_every_form(
    calendar: Run, tmp_path: Path, rsa_key: rsa.RSAPrivateKey, form: str
) -> None:
    bare = base64.b64encode(rsa_key.private_bytes(DER, PKCS1, PLAIN)).decode()
    text = {
        "pem": rsa_key.private_bytes(PEM, PKCS1, PLAIN).decode(),
        "base64": bare,
        "wrapped base64": "\n".join(bare[i : i + 64] for i in range(0, len(bare), 64)),
        "pkcs8": base64.b64encode(rsa_key.private_bytes(DER, PKCS8, PLAIN)).decode(),
    }[form]
    given = [{"domain": "example.net", "selector": "old2024", "private": text}]
    result = calendar(given=given)
    assert [record["selector"] for record in result["records"]] == ["old2024"]
    assert result["records"][0]["value"].endswith(public(rsa_key))
    file = (tmp_path / "keys/example.net.old2024.key").read_bytes()
    key = serialization.load_pem_private_key(file, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.private_numbers() == rsa_key.private_numbers()
    assert calendar(given=given)["changed"] is False


def test_a_given_key_never_replaces_another(
    calendar: Run, tmp_path: Path, rsa_key: rsa.RSAPrivateKey
) -> None:
    calendar()
    before = (tmp_path / "keys/example.net.mail.key").read_bytes()
    text = rsa_key.private_bytes(PEM, PKCS8, PLAIN).decode()
    result = calendar(given=[{"domain": "example.net", "selector": "mail", "private": text}])
    assert "holds another key than the given key mail._domainkey.example.net" in result["msg"]
    assert (tmp_path / "keys/example.net.mail.key").read_bytes() == before


def test_a_given_key_succeeds_the_active_one(calendar: Run, rsa_key: rsa.RSAPrivateKey) -> None:
    calendar("activate", seen=seen(calendar()))
    text = rsa_key.private_bytes(PEM, PKCS8, PLAIN).decode()
    given = [{"domain": "example.net", "selector": "vault1", "private": text}]
    result = calendar(given=given, publish_lead=0)
    done = calendar("activate", publish_lead=0, seen=seen(result))
    assert [one["selector"] for one in done["signing"][0]["selectors"]] == ["vault1"]


def test_a_given_key_of_an_algorithm_nobody_wants_is_refused(calendar: Run) -> None:
    seed = base64.b64encode(ed25519.Ed25519PrivateKey.generate().private_bytes_raw()).decode()
    result = calendar(given=[{"domain": "example.net", "selector": "e1", "private": seed}])
    assert "is a key of ed25519, and the site wants none" in result["msg"]
    assert seed not in json.dumps(result)


@pytest.mark.parametrize("text", [b"", b"hello", b"AAAA", base64.b64encode(b"0" * 40), b"\xff" * 9])
def test_a_text_that_is_no_key_is_refused_and_not_quoted(text: bytes) -> None:
    with pytest.raises(KeyTextError) as caught:
        as_pem(text)
    assert "hello" not in str(caught.value)


def layout(directory: Path, name: str, rsa_pem: bytes, seed: bytes) -> tuple[str, Path]:
    """Files of another mail system; the layout's name, and what to import."""
    directory.mkdir()
    if name == "amavis":
        (directory / "example.net.x2020.privkey.pem").write_bytes(rsa_pem)
        (directory / "other.example.x2020.privkey.pem").write_bytes(rsa_pem)
        return name, directory
    if name == "amavis configuration":
        key = directory / "some.pem"
        key.write_bytes(rsa_pem)
        config = directory / "50-user"
        config.write_text(
            "use strict;\n# dkim_key('example.net', 'commented', '/nowhere');\n"
            f"dkim_key('example.net', \"x2020\", '{key}', t => 's');\n"
            "dkim_key('other.example', 'x2020', '/nowhere');\n$enable_dkim_signing = 1;\n"
        )
        return "amavis", config
    if name == "docker-mailserver":
        (directory / "rsa-2048-x2020-example.net.private.txt").write_bytes(rsa_pem)
        (directory / "rsa-2048-x2020-example.net.public.dns.txt").write_text("v=DKIM1; p=AAAA")
        (directory / "ed25519-y2020-example.net.private.txt").write_bytes(seed)
        return name, directory
    if name == "opendkim":
        (directory / "example.net").mkdir()
        (directory / "example.net/x2020.private").write_bytes(rsa_pem)
        return name, directory
    (directory / "example.net.x2020.key").write_bytes(rsa_pem)
    return "rspamd", directory


@pytest.mark.parametrize(
    "name", ["amavis", "amavis configuration", "docker-mailserver", "opendkim", "rspamd"]
)
def test_keys_of_other_systems_are_imported(
    calendar: Run, tmp_path: Path, rsa_key: rsa.RSAPrivateKey, name: str
) -> None:
    seed = base64.b64encode(ed25519.Ed25519PrivateKey.generate().private_bytes_raw()) + b"\n"
    pem = rsa_key.private_bytes(PEM, PKCS1, PLAIN)
    kind, place = layout(tmp_path / "old", name, pem, seed)
    selectors = [{"selector": "mail", "algorithm": "rsa"}]
    if name == "docker-mailserver":
        selectors.append({"algorithm": "ed25519"})  # type: ignore[arg-type]
    imports = [{"layout": kind, "path": str(place)}]
    result = calendar(selectors=selectors, imports=imports)
    found = {record["selector"]: record["value"] for record in result["records"]}
    wanted = {"x2020", "y2020"} if name == "docker-mailserver" else {"x2020"}
    assert found.keys() == wanted
    assert found["x2020"].endswith(public(rsa_key))
    if name.startswith("amavis"):
        assert "other.example is not among the site's domains" in result["report"][0]
    done = calendar("activate", selectors=selectors, seen=seen(result))
    assert {one["selector"] for one in done["signing"][0]["selectors"]} == wanted
    assert calendar(selectors=selectors, imports=imports)["changed"] is False
    # What was imported is left where it was.
    assert any(path.is_file() for path in (tmp_path / "old").rglob("*"))


def test_hyphens_in_names_of_docker_mailserver(tmp_path: Path) -> None:
    (tmp_path / "rsa-2048-a-b-my-site.example.private.txt").write_text("x")
    domains = {"site.example", "my-site.example"}
    (found,), left = find("docker-mailserver", str(tmp_path), domains)
    assert (found.selector, found.domain, left) == ("a-b", "my-site.example", [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"today": "tomorrow"}, "write YYYY-MM-DD"),
        ({"path": "/k/$domain/$selector.key"}, "in the name of the file only"),
        ({"path": "/nowhere/$domain.$selector.key"}, "is not a directory"),
        ({"mode": "0644"}, "lets everybody at the private keys"),
        ({"rotate": ["example.org"]}, "it is not among the domains"),
        ({"imports": [{"layout": "rspamd", "path": "/nowhere"}]}, "nothing to import"),
        ({"step": "activate", "roll_back": [NAME]}, "only a retiring key can sign again"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(
    run_module: Run, tmp_path: Path, arguments: dict[str, Any], words: str
) -> None:
    common = {
        "step": "publish",
        "path": f"{tmp_path}/$domain.$selector.key",
        "domains": ["example.net"],
        "today": DAY,
        "owner": str(os.getuid()),
        "group": str(os.getgid()),
    }
    assert words in run_module("dkim_calendar", **{**common, **arguments})["msg"]


def test_a_broken_calendar_is_left_alone(calendar: Run, tmp_path: Path) -> None:
    (tmp_path / "keys/calendar.json").write_text("{")
    result = calendar()
    assert "calendar.json is not a calendar of keys" in result["msg"]
    assert {file.name for file in (tmp_path / "keys").iterdir()} <= {
        "calendar.json",
        "calendar.json.lock",
    }
    assert (tmp_path / "keys/calendar.json").read_text() == "{"
