"""TLS towards servers: whose certificates are accepted, and why there is no connection."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


def client_context(ca: str, certificate: str = "", key: str = "") -> ssl.SSLContext:
    """TLS 1.2 and later, certificates checked against the file ``ca`` (empty: the system's).

    ``certificate`` and ``key`` (default: in the certificate) are this host's own. Raises
    ``ValueError`` that names the option and its file.
    """
    import ssl

    try:
        context = ssl.create_default_context(cafile=ca or None)
    except OSError as error:  # ssl.SSLError is one
        said = "" if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(
            f"ssl_ca {ca}: {said or 'no certificate of an authority, in PEM'}"
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate:
        _load(context, certificate, key or certificate)
    return context


def why_unconnected(error: OSError) -> str:
    """Why there is no connection, without the address."""
    unsound = getattr(error, "verify_message", "")  # ssl.SSLCertVerificationError
    if unsound:
        return f"its certificate is not accepted: {unsound}"
    library = getattr(error, "reason", "")  # ssl.SSLError, whose errno is none
    if library:
        return f"no TLS: {library.replace('_', ' ').lower()}"
    # asyncio's own text names the address once more instead of the reason.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    import ssl

    for name, file in (("ssl_cert", certificate), ("ssl_key", key)):
        try:
            with open(file, "rb"):
                pass
        except OSError as error:
            raise ValueError(f"{name} {file}: {error.strerror or error}") from None

    def refused() -> str:
        # without this OpenSSL asks on the terminal
        raise ValueError(f"ssl_key {key}: the key has a passphrase; a service needs one without")

    try:
        context.load_cert_chain(certificate, key, password=refused)
    except ssl.SSLError as error:
        said = (error.reason or "no certificate with its key, in PEM").replace("_", " ").lower()
        raise ValueError(f"ssl_cert {certificate} with ssl_key {key}: {said}") from None
