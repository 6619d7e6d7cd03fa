"""The envelope of a message, from what the MTA said and from its macros.

Source: the names of Sendmail's macros, and what Rspamd makes of them: ``{i}`` Queue-ID, ``{v}``
User-Agent, ``{cipher}`` TLS-Cipher, ``{tls_version}`` TLS-Version, ``{auth_authen}`` User,
``{client_name}`` Hostname, ``{daemon_name}`` or ``{j}`` MTA-Name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from filter_engine.scan.envelope import Envelope
from filter_engine.wire.limits import MAX_ADDRESS
from filter_engine.wire.milter.codec import ProtocolError


def make_envelope(
    client: tuple[bytes, bytes | None],
    helo: bytes | None,
    mail_from: bytes,
    rcpts: Iterable[bytes],
    macros: Mapping[bytes, bytes],
) -> Envelope:
    """The envelope; ``client`` is name and address of CONNECT, macro names have no braces."""
    name, address = client
    return Envelope(
        ip=None if address is None else _text(address),
        helo=_optional(helo),
        hostname=_host_name(macros.get(b"client_name"), name),
        mail_from=_text(mail_from),
        rcpt_to=tuple(_text(rcpt) for rcpt in rcpts),
        user=_optional(macros.get(b"auth_authen")),
        queue_id=_optional(macros.get(b"i")),
        mta_name=_mta_name(macros),
        tls_cipher=_optional(macros.get(b"cipher")),
        tls_version=_optional(macros.get(b"tls_version")),
        user_agent=_optional(macros.get(b"v")),
        flags=frozenset({"milter"}),
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _optional(data: bytes | None) -> str | None:
    return _text(data) if data else None


def parse_address(payload: bytes) -> bytes:
    """The address of MAIL or RCPT without brackets; ESMTP arguments are left aside.

    Raises ``ProtocolError`` for one longer than ``MAX_ADDRESS``: no MTA takes such an address.
    """
    address = payload.partition(b"\0")[0].strip()
    if address[:1] == b"<" and address[-1:] == b">":
        address = address[1:-1]
    if len(address) > MAX_ADDRESS:
        raise ProtocolError(f"address of {len(address)} octets (at most {MAX_ADDRESS})")
    return address


def _host_name(macro: bytes | None, connect: bytes) -> str | None:
    """``{client_name}``, or else the name of CONNECT; ``unknown`` and address literals are none."""
    name = connect if macro is None else macro
    if not name or name[:1] == b"[" or name.lower() == b"unknown":
        return None
    return _text(name)


def _mta_name(macros: Mapping[bytes, bytes]) -> str | None:
    """``{daemon_name}``, or else ``j``.

    A daemon name without a dot is a label such as ORIGINATING, not the host's name.
    """
    daemon, host = macros.get(b"daemon_name"), macros.get(b"j")
    if daemon and (b"." in daemon or not host):
        return _text(daemon)
    return _optional(host)
