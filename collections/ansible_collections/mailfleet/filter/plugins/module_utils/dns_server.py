"""One authoritative name server: what it has, and dynamic updates (RFC 2136, RFC 8945)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.update
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_record import (
    txt_strings,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dns_plan import (
    Change,
    Present,
    Slot,
)
from dns.rdtypes.ANY.TXT import TXT

ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1")
MAX_KEY_FILE = 16384
"""Octets of a key file that is read."""
_BELOW = "mailfleet.*"
_KEY_NAME = re.compile(r'\bkey\s+"?([^\s"{;]+)"?\s*\{')
_KEY_FIELD = re.compile(r'\b(algorithm|secret)\s+"?([^\s";]+)"?\s*;')


class ServerError(Exception):
    """The server cannot be asked or refuses; the text says what and the likely fix."""


class RefusedError(ServerError):
    """The server took nothing of an update."""


@dataclass(frozen=True)
class TsigKey:
    """A shared key (RFC 8945); its secret is never shown."""

    name: str
    algorithm: str
    secret: str

    def __repr__(self) -> str:
        return f"TsigKey({self.name!r}, {self.algorithm!r})"


def read_key(text: str, path: str) -> TsigKey:
    """Return the key of a file: `key "NAME" { algorithm A; secret "S"; };`, as BIND writes it.

    Raises `ServerError`, which shows nothing of the file.
    """
    name = _KEY_NAME.search(text)
    fields = dict(_KEY_FIELD.findall(text))
    if not name or {"algorithm", "secret"} - fields.keys():
        raise ServerError(f'{path} holds no key; write: key "NAME" {{ algorithm A; secret "S"; }};')
    return TsigKey(name[1], fields["algorithm"].lower().rstrip("."), fields["secret"])


def rdata_of(kind: str, value: str) -> dns.rdata.Rdata:
    """Return a record's data; a TXT value is the plain text. Raises `ServerError`."""
    try:
        if kind == "TXT":
            strings = [string.encode() for string in txt_strings(value)]
            return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings)
        return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), value)
    except (dns.exception.DNSException, ValueError) as error:
        raise ServerError(f"{kind} {value[:80]!r}: {error}") from error


class Server:
    """A server by address. Every method raises `ServerError`."""

    def __init__(
        self, address: str, port: int = 53, key: TsigKey | None = None, timeout: float = 10.0
    ) -> None:
        self._place: dict[str, Any] = {"where": address, "port": port, "timeout": timeout}
        self.label = f"{address} port {port}"
        self._zones: dict[str, str | None] = {}
        self._signing: dict[str, Any] = {}
        if key is not None:
            if key.algorithm not in ALGORITHMS:
                raise ServerError(
                    f"key algorithm {key.algorithm!r} is none of {', '.join(ALGORITHMS)}"
                )
            try:
                base64.b64decode(key.secret, validate=True)
                ring = dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
            except (ValueError, dns.exception.DNSException):
                # Without the cause, which may hold the secret.
                raise ServerError(f"the secret of key {key.name} is not base64") from None
            (name,) = ring
            self._signing = {
                "keyring": ring,
                "keyname": name,
                "keyalgorithm": dns.name.from_text(key.algorithm),
            }

    def _ask(self, name: str, kind: str) -> dns.message.Message:
        query = dns.message.make_query(f"{name}.", kind)
        query.flags &= ~dns.flags.RD
        return self._exchange(query, f"{name} {kind}")

    def _exchange(self, message: dns.message.Message, what: str) -> dns.message.Message:
        try:
            return dns.query.tcp(message, **self._place)
        except (dns.tsig.PeerError, dns.tsig.BadSignature, dns.tsig.BadTime) as error:
            # A peer's complaint says that it took nothing; a bad answer says nothing of that.
            kind = RefusedError if isinstance(error, dns.tsig.PeerError) else ServerError
            raise kind(
                f"{self.label} does not take the key ({type(error).__name__}): compare its name, "
                "algorithm, secret, and the clocks of both hosts"
            ) from error
        except (dns.exception.DNSException, OSError, EOFError) as error:
            raise ServerError(
                f"{self.label} was asked for {what}: {type(error).__name__}: {error}"
            ) from error

    def zone_of(self, name: str) -> str | None:
        """The zone below the root that a name is in, where this server is authoritative for it."""
        if name not in self._zones:
            reply = self._ask(name, "SOA")
            good = reply.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
            found = None
            if good and reply.flags & dns.flags.AA:
                sets = [*reply.authority, *reply.answer]
                owners = [one.name for one in sets if one.rdtype == dns.rdatatype.SOA]
                asked = dns.name.from_text(name)
                found = next((str(o) for o in owners if asked.is_subdomain(o)), None)
            self._zones[name] = None if found in (None, ".") else found
        return self._zones[name]

    def present(self, slot: Slot) -> Present:
        """One set of records as it stands at the name itself: what a wildcard answers does not."""
        name, kind = slot
        found = self._answer(name, kind)
        if found == Present():
            return found
        # Below a name that exists no wildcard from above it answers (RFC 4592, section 3.3.1), and
        # below its own asterisk not even its own: the same answer there comes from above.
        try:
            dns.name.from_text(f"{_BELOW}.{name}")
        except dns.exception.DNSException:
            return found  # so long a name has nothing below it to ask for
        below = self._answer(f"{_BELOW}.{name}", kind)
        return Present() if below == found else found

    def _answer(self, name: str, kind: str) -> Present:
        reply = self._ask(name, kind)
        if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise ServerError(
                f"{self.label} was asked for {name} {kind}: {dns.rcode.to_text(reply.rcode())}"
            )
        asked = dns.name.from_text(name)
        found = Present()
        for rrset in reply.answer:
            if rrset.name != asked:
                continue
            if dns.rdatatype.to_text(rrset.rdtype) == kind:
                found = Present(rrset.ttl, tuple(sorted(rdata.to_text() for rdata in rrset)))
            elif rrset.rdtype == dns.rdatatype.CNAME:
                return Present(rrset.ttl, alias=rrset[0].to_text())
        return found

    def update(self, zone: str, changes: Iterable[Change]) -> None:
        """Change one zone, all or nothing, if what the plan was made from still stands."""
        changes = list(changes)
        message = dns.update.UpdateMessage(zone, **self._signing)
        for change in changes:
            name, kind = dns.name.from_text(change.slot[0]), change.slot[1]
            before = _rrset(name, kind, 0, change.before.data)
            if before is None:
                message.absent(name, kind)
            else:
                message.present(name, before)
        for change in changes:
            name, kind = dns.name.from_text(change.slot[0]), change.slot[1]
            for text, done in ((change.remove, message.delete), (change.add, message.add)):
                rrset = _rrset(name, kind, change.ttl, text)
                if rrset is not None:
                    done(name, rrset)
        reply = self._exchange(message, f"an update of {zone}")
        rcode = dns.rcode.to_text(reply.rcode())
        if rcode != "NOERROR":
            raise RefusedError(f"{self.label} refused the update of {zone}: {rcode}{_fix(rcode)}")


def _rrset(
    name: dns.name.Name, kind: str, ttl: int, texts: Iterable[str]
) -> dns.rrset.RRset | None:
    texts = list(texts)
    return dns.rrset.from_text_list(name, ttl, "IN", kind, texts) if texts else None


def _fix(rcode: str) -> str:
    fixes: Mapping[str, str] = {
        "NXRRSET": "; somebody changed a record meanwhile, run it again",
        "YXRRSET": "; somebody made a record meanwhile, run it again",
        "REFUSED": "; let the key update this zone",
        "NOTAUTH": "; let the key update this zone, or ask the zone's primary server",
    }
    return fixes.get(rcode, "")
