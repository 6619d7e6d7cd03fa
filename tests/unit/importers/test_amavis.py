"""What becomes of docker-postfix-amavis' environment: the README's own examples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine import checks
from filter_engine.config.findings import Severity
from filter_engine.importers.amavis import NO_PLACE, READ, import_amavis, password_filter
from filter_engine.importers.outcome import ImportFaultError, Outcome
from filter_engine.importers.staging import inspect_staged
from filter_engine.scan.declare import REGISTRY
from filter_engine.scanner import sections
from filter_engine.ucl import parse, to_python

#: The mail server of the README's compose file, with the defaults it names.
COMPOSE = {
    "MESSAGE_SIZE_LIMIT": "25600000",
    "LDAP_HOST": "auth",
    "VIRTUAL_TRANSPORT": "lmtp:app:2003",
    "SMTP_RELAY_HOSTAUTH": "",
    "SMTP_TLS_SECURITY_LEVEL": "",
    "SMTP_TLS_WRAPPERMODE": "no",
    "LDAP_USER_BASE": "ou=users,dc=example,dc=com",
    "LDAP_QUERY_FILTER_USER": "(&(objectclass=posixAccount)(mail=%s))",
    "LDAP_QUERY_ATTRS_PASS": "uid=user",
    "REGEX_ALIAS": "",
    "DKIM_SELECTOR": "default",
    "SA_TAG_LEVEL_DEFLT": "2.0",
    "SA_DEBUG": "0",
    "SYSLOG_LEVEL": "",
    "LOG_LEVEL": "0",
    "RAZOR_REGISTRATION": "",
    "PATH": "/usr/bin",
}


def run(**environ: str) -> Outcome:
    return import_amavis(environ, "mta.env", {name: n for n, name in enumerate(environ, 1)})


def data(outcome: Outcome, name: str) -> object:
    return to_python(parse(outcome.files[f"local.d/{name}"]))


def lost(outcome: Outcome) -> set[str]:
    return {remark.subject for remark in outcome.remarks if remark.lost}


def test_quick_start() -> None:
    found = run(MAIL_BOXES="info@example.com abuse@example.com")
    assert found.variables["postfix_recipients"] == ["info@example.com", "abuse@example.com"]
    assert not lost(found)


def test_compose_file() -> None:
    found = run(**COMPOSE)
    assert found.variables == {
        "postfix_message_size_limit": 25600000,
        "postfix_delivery_transport": "lmtp:app:2003",
    }
    assert lost(found) == {
        "DKIM_SELECTOR",
        "LDAP_HOST",
        "LDAP_QUERY_ATTRS_PASS",
        "LDAP_QUERY_FILTER_USER",
        "LDAP_USER_BASE",
    }
    assert data(found, "milter_headers.conf") == {"min_score": 2.0}
    assert {remark.line for remark in found.remarks if remark.subject == "LDAP_HOST"} == {2}


def test_what_is_written_loads(tmp_path: Path) -> None:
    checks.load()
    more = {
        "MAIL_DOMAIN": "example.com",
        "FINAL_VIRUS_DESTINY": "D_DISCARD",
        "FINAL_BANNED_DESTINY": "D_DISCARD",
        "RAZOR_REGISTRATION": ":",
    }
    found = run(**(COMPOSE | more))
    told = inspect_staged(found.files, tmp_path, {}, {}, sections(REGISTRY), REGISTRY.groups())
    assert [str(f) for f in told if f.severity is not Severity.INFO] == []
    assert {f.code for f in told} <= {"not-served"}


# -- the filter ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("destiny", "expected"),
    [
        ("", {"reject": None}),
        ("D_PASS", {"reject": None}),
        ("D_REJECT", {"reject": 6.9}),
        ("D_BOUNCE", {"reject": 6.9}),
        ("D_DISCARD", {"reject": None, "discard": 6.9}),
    ],
)
def test_scores_are_actions(destiny: str, expected: dict[str, object]) -> None:
    found = run(SA_TAG2_LEVEL_DEFLT="6.2", SA_KILL_LEVEL_DEFLT="6.9", FINAL_SPAM_DESTINY=destiny)
    assert data(found, "actions.conf") == {"greylist": None, "add_header": 6.2, **expected}
    assert ("SA_KILL_LEVEL_DEFLT" in lost(found)) == (destiny in ("", "D_PASS"))


def test_bounces_are_refused_with_a_reason() -> None:
    found = run(FINAL_SPAM_DESTINY="D_BOUNCE", FINAL_VIRUS_DESTINY="D_BOUNCE")
    reasons = [r.reason for r in found.remarks if r.lost]
    assert len(reasons) == 2
    assert all("stranger" in reason for reason in reasons)
    clamav = data(found, "antivirus.conf")
    assert isinstance(clamav, dict)
    assert clamav["clamav"]["action"] == "reject"


@pytest.mark.parametrize(
    ("destiny", "action"),
    [("D_DISCARD", "discard"), ("d_reject", "reject"), ("D_BOUNCE", "reject")],
)
def test_other_destinies(destiny: str, action: str) -> None:
    found = run(FINAL_BANNED_DESTINY=destiny, FINAL_BAD_HEADER_DESTINY="D_PASS")
    assert data(found, "destiny.conf") == {"banned": action}
    assert lost(found) == ({"FINAL_BANNED_DESTINY"} if destiny == "D_BOUNCE" else set())
    assert data(run(FINAL_BAD_HEADER_DESTINY=destiny), "destiny.conf") == {"bad_header": action}


def test_mail_to_the_own_domains_is_marked() -> None:
    found = run(MAIL_DOMAIN="Example.com secondary.com", SA_TAG_LEVEL_DEFLT="-999")
    assert data(found, "milter_headers.conf") == {
        "min_score": -999.0,
        "extended_headers_rcpt": ["@example.com", "@secondary.com"],
    }


@pytest.mark.parametrize(
    ("given_", "command"),
    [
        ("me@example.com:hunter2", "-register -user=... -pass=..."),
        ("me@example.com:", "-register -user=..."),
        (":", "-register"),
    ],
)
def test_razor(given_: str, command: str) -> None:
    found = run(RAZOR_REGISTRATION=given_)
    assert data(found, "external_services.conf") == {"razor": {"servers": "127.0.0.1:11342"}}
    (remark,) = [r for r in found.remarks if r.subject == "RAZOR_REGISTRATION"]
    assert remark.lost
    assert remark.reason.endswith(command)
    assert "hunter2" not in repr(found)


def test_a_registration_without_a_colon_is_an_error() -> None:
    with pytest.raises(ImportFaultError, match="RAZOR_REGISTRATION: no registration"):
        run(RAZOR_REGISTRATION="secret")


def test_dkim() -> None:
    found = run(MAIL_DOMAIN="example.com secondary.com", DKIM_KEYBITS="2048")
    assert found.variables["dkim_keys_domains"] == ("example.com", "secondary.com")
    assert found.variables["dkim_keys_selectors"] == [{"selector": "default"}]
    assert found.variables["dkim_keys_rsa_bits"] == 2048
    place = {"path": "$DBDIR/dkim/$domain.$selector.key", "selector": "default"}
    assert data(found, "dkim_signing.conf") == {
        "domain": {"example.com": place, "secondary.com": place}
    }
    told = {remark.subject for remark in found.remarks}
    assert {"DKIM_SELECTOR", "MAIL_DOMAIN"} <= told


def test_a_private_key_is_not_written() -> None:
    found = run(MAIL_DOMAIN="example.com", DKIM_PRIVATEKEY="MIIEowIBAAKC", DKIM_KEYBITS="1024")
    assert lost(found) == {"DKIM_PRIVATEKEY", "DKIM_KEYBITS"}
    assert "MIIEowIBAAKC" not in repr(found)


@pytest.mark.parametrize(("given_", "level"), [("", "notice"), ("3", "error"), ("7", "debug")])
def test_log_level(given_: str, level: str) -> None:
    assert data(run(SYSLOG_LEVEL=given_), "logging.inc") == {"level": level}


# -- Postfix and Dovecot ------------------------------------------------------------------------


def test_relay() -> None:
    secret = "e863ac2bc1e90d2b05a47b2e5c69895d:b35266f99c75d79d302b3adb42f3c75f"
    found = run(SMTP_RELAY_HOSTAUTH=f"[example.relay.com]:587 {secret}")
    assert found.variables["postfix_main"] == {"relayhost": "[example.relay.com]:587"}
    assert lost(found) == {"SMTP_RELAY_HOSTAUTH"}
    assert "b35266" not in repr(found)


def test_users_go_into_the_vault() -> None:
    crypt = "{CRYPT}$2y$05$Osj5ebALV/bXo18H4BKLa.J8Izn23ilI8TNA/lIHz92TuQFbZ/egK"
    found = run(SMTPD_SASL_CLIENTAUTH=f"client1:{{plain}}passwd1 client2:{crypt}")
    assert found.secrets == {
        "dovecot_users": [
            {"name": "client1", "password": "passwd1"},
            {"name": "client2", "password_hash": crypt},
        ]
    }
    assert "dovecot_users" not in found.variables
    assert not any("passwd1" in str(remark) for remark in found.remarks)


def test_mailboxes_and_aliases() -> None:
    found = run(
        MAIL_DOMAIN="example.com",
        MAIL_BOXES="receiver@example.com:receiver/inbox info@example.com:example.com/info/",
        MAIL_ALIASES="root:info,info@example.com postmaster:root",
    )
    assert found.variables["postfix_domains"] == ["example.com"]
    assert found.variables["postfix_recipients"] == ["receiver@example.com", "info@example.com"]
    assert found.variables["postfix_aliases"] == {
        "root@example.com": ["info@example.com"],
        "postmaster@example.com": ["root@example.com"],
    }
    assert lost(found) == {"MAIL_BOXES"}  # their paths


def test_transports() -> None:
    assert (
        "postfix_delivery_transport"
        not in run(VIRTUAL_TRANSPORT="lmtp:unix:private/transport").variables
    )


@pytest.mark.parametrize(
    ("limit", "filters"), [("10240000", None), ("104857600", 104857600 + (1 << 20))]
)
def test_the_filter_takes_what_postfix_takes(limit: str, filters: int | None) -> None:
    found = run(MESSAGE_SIZE_LIMIT=limit)
    assert found.variables["postfix_message_size_limit"] == int(limit)
    if filters is None:
        assert "local.d/options.inc" not in found.files
    else:
        assert data(found, "options.inc") == {"max_message": filters}


def test_that_images_default_size_is_kept() -> None:
    assert run().variables["postfix_message_size_limit"] == 10240000
    assert lost(run(MESSAGE_SIZE_LIMIT="0")) == {"MESSAGE_SIZE_LIMIT"}


def test_tls() -> None:
    found = run(
        SMTP_TLS_SECURITY_LEVEL="encrypt",
        SMTP_TLS_WRAPPERMODE="yes",
        SMTPD_TLS_CERT_FILE="/etc/ssl/cert.pem",
        SMTPD_TLS_KEY_FILE="key.pem",
    )
    assert found.variables["postfix_smtp_tls_security_level"] == "encrypt"
    assert found.variables["postfix_main"] == {"smtp_tls_wrappermode": "yes"}
    assert found.variables["postfix_tls_certificate"] == "/etc/ssl/cert.pem"
    assert found.variables["dovecot_tls_certificate"] == "/etc/ssl/cert.pem"
    assert lost(found) == {"SMTPD_TLS_KEY_FILE"}
    weak = run(SMTP_TLS_WRAPPERMODE="yes")
    assert any(r.subject == "SMTP_TLS_WRAPPERMODE" for r in weak.remarks)


def test_parameters_and_settings_by_their_own_names() -> None:
    found = run(
        MYNETWORKS="127.0.0.0/8",
        DOVECOT_AUTH_USERNAME_FORMAT="%Ln",
        DOVECOT_DISABLE_PLAINTEXT_AUTH="no",
        HOME="/root",
    )
    assert found.variables["postfix_main"] == {"mynetworks": "127.0.0.0/8"}
    assert found.variables["dovecot_settings"] == {
        "auth_username_format": "%Ln",
        "disable_plaintext_auth": "no",
    }
    assert any("clear" in remark.reason for remark in found.remarks)
    other = run(DOVECOT_PREFIX="DC_", DC_MAIL_LOCATION="maildir:~")
    assert other.variables["dovecot_settings"] == {"mail_location": "maildir:~"}


@pytest.mark.parametrize("value", ["a\nsmtpd_relay_restrictions = permit", "{{ lookup('x') }}"])
def test_a_value_cannot_add_lines_or_templates(value: str) -> None:
    found = run(MYNETWORKS=value)
    assert lost(found) == {"MYNETWORKS"}
    assert "postfix_main" not in found.variables


def test_users_cannot_bring_templates_along() -> None:
    found = run(SMTPD_SASL_CLIENTAUTH="user:{plain}{{lookup('x')}}")
    assert lost(found) == {"SMTPD_SASL_CLIENTAUTH"}
    assert not found.secrets


def test_quotes_of_an_env_file_are_no_part_of_the_value() -> None:
    found = run(MAIL_BOXES='"a@example.com b@example.com"', MYNETWORKS="'127.0.0.0/8'")
    assert found.variables["postfix_recipients"] == ["a@example.com", "b@example.com"]
    assert found.variables["postfix_main"] == {"mynetworks": "127.0.0.0/8"}


# -- what has no place --------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(NO_PLACE))
def test_what_has_no_place_is_told_without_its_value(name: str) -> None:
    found = run(**{name: "s3cr3t-value"})
    assert lost(found) == {name}
    assert "s3cr3t-value" not in repr(found)


def test_the_search_for_a_login_follows_from_that_for_an_address() -> None:
    derived = password_filter("(&(objectclass=posixAccount)(mail=%s))", "uid=user")
    assert derived == "(&(objectclass=posixAccount)(uid=%u))"
    assert password_filter("(mail=%s)", "uid=home") == ""
    told = [r.reason for r in run(**COMPOSE).remarks if r.subject == "LDAP_QUERY_ATTRS_PASS"]
    assert derived in told[0]


def test_a_misspelt_name_is_told() -> None:
    found = run(SA_KIL_LEVEL_DEFLT="5", PATH="/bin")
    assert [r.reason for r in found.remarks if r.lost] == [
        "unknown; did you mean SA_KILL_LEVEL_DEFLT?"
    ]


@pytest.mark.parametrize(
    "environ",
    [
        {"SA_KILL_LEVEL_DEFLT": "high"},
        {"FINAL_SPAM_DESTINY": "D_EAT"},
        {"SYSLOG_LEVEL": "8"},
        {"MESSAGE_SIZE_LIMIT": "10M"},
        {"SMTP_TLS_SECURITY_LEVEL": "always"},
        {"MAIL_DOMAIN": "a b@c"},
        {"MAIL_ALIASES": "root"},
        {"SMTPD_SASL_CLIENTAUTH": "user:s3cr3t"},
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_line(environ: dict[str, str]) -> None:
    with pytest.raises(ImportFaultError) as caught:
        run(HOME="/root", **environ)
    assert caught.value.line == 2
    assert "s3cr3t" not in str(caught.value)


@given(
    st.dictionaries(
        st.sampled_from(sorted(READ | NO_PLACE.keys() | {"MYNETWORKS", "DOVECOT_X", "OTHER"})),
        st.text(max_size=40) | st.sampled_from(["yes", "5", "a@b:c", "D_PASS", "[a]:1 b:c"]),
        max_size=12,
    )
)
def test_nothing_but_the_one_error_comes_out(environ: dict[str, str]) -> None:
    try:
        found = import_amavis(environ, "mta.env")
    except ImportFaultError as fault:
        assert any(name in fault.message for name in environ)  # noqa: PT017  # either is right
    else:
        json.dumps([dict(found.variables), dict(found.secrets)])
        for text in found.files.values():
            parse(text)


@pytest.mark.parametrize("selector", ["../a", "{= env.X =}", 'x"', "a/b"])
def test_what_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(ImportFaultError, match="DKIM_SELECTOR: not a selector") as caught:
        run(MAIL_DOMAIN="example.com", DKIM_SELECTOR=selector)
    assert selector not in str(caught.value)
