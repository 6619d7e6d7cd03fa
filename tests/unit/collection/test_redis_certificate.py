"""Certificates of Redis: made from the password alone, and taken by OpenSSL."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mailfleet.filter.plugins.filter.redis_certificate import redis_certificate
from cryptography import x509

PASSWORD = "0123456789abcdefABCDEF+/"
ADDRESSES = ["10.195.171.241", "fdc1:d89e:b128:6a04::29ab"]
YEAR = datetime.now(UTC).year


def test_the_same_again_is_no_change() -> None:
    first = redis_certificate(PASSWORD, "charlotte", ADDRESSES, YEAR)
    assert redis_certificate(PASSWORD, "charlotte", ADDRESSES, YEAR) == first


def test_each_host_and_each_year_has_its_own_key_and_all_one_authority() -> None:
    made = [
        redis_certificate(PASSWORD, name, ADDRESSES, year)
        for name, year in (("charlotte", YEAR), ("dolores", YEAR), ("charlotte", YEAR + 1))
    ]
    assert len({one["certificate"] for one in made}) == 3
    assert len({one["authority"] for one in made}) == 1
    other = redis_certificate(PASSWORD + "x", "charlotte", ADDRESSES, YEAR)
    assert other["authority"] != made[0]["authority"]


def test_it_is_good_for_two_years_after_its_own_and_for_the_hosts_addresses() -> None:
    made = redis_certificate(PASSWORD, "charlotte", ADDRESSES, 2026)
    found = x509.load_pem_x509_certificate(made["certificate"].encode())
    assert found.not_valid_before_utc == datetime(2025, 1, 1, tzinfo=UTC)
    assert found.not_valid_after_utc == datetime(2029, 1, 1, tzinfo=UTC)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    said = [str(one) for one in names.get_values_for_type(x509.IPAddress)]
    assert said == [*ADDRESSES, "127.0.0.1", "::1"]
    authority = x509.load_pem_x509_certificate(made["authority"].encode())
    assert authority.not_valid_after_utc.year == 9999
    assert "PRIVATE" not in made["authority"]


def shaken(certificate: Path, authority: Path, name: str) -> str:
    """What comes of a handshake: the version of TLS, or why there is none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            context.wrap_socket(theirs, server_side=True).close()
        except (ssl.SSLError, OSError):
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client = ssl.create_default_context(cafile=str(authority))
        with client.wrap_socket(ours, server_hostname=name) as sock:
            return sock.version() or ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        ours.close()
        thread.join()


def test_openssl_takes_it_from_its_authority_for_its_addresses_and_nothing_else(
    tmp_path: Path,
) -> None:
    made = redis_certificate(PASSWORD, "charlotte", ADDRESSES, YEAR)
    other = redis_certificate("another password of the site", "charlotte", ADDRESSES, YEAR)
    certificate, authority, wrong = (tmp_path / name for name in ("own", "authority", "wrong"))
    certificate.write_text(made["certificate"])
    authority.write_text(made["authority"])
    wrong.write_text(other["authority"])
    assert shaken(certificate, authority, ADDRESSES[0]) == "TLSv1.3"
    assert shaken(certificate, authority, "127.0.0.1") == "TLSv1.3"
    assert "IP address mismatch" in shaken(certificate, authority, "10.195.171.47")
    assert "unable to get local issuer" in shaken(certificate, wrong, ADDRESSES[0])


@pytest.mark.parametrize(
    ("password", "addresses", "told"),
    [(1234567890, [], "is a int: quote it"), ("", [], "is empty"), (PASSWORD, ["x.example"], "x.")],
)
def test_what_gives_no_certificate_is_told_without_the_password(
    password: object, addresses: list[str], told: str
) -> None:
    with pytest.raises(AnsibleFilterError, match=told) as caught:
        redis_certificate(password, "charlotte", addresses, YEAR)
    assert str(password) not in str(caught.value) or not password
