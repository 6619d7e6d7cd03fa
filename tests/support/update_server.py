"""An authoritative name server on loopback, TCP and UDP, that takes signed updates (RFC 2136)."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading
from collections.abc import Mapping
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.zone
from support.ports import free_port

Name = dns.name.Name


class UpdateServer:
    """Serves zones until closed. Updates need `key` (name, secret in base64) where one is given.

    `refused`: zones that no update is taken for. `log`: every update as (zone, rcode).
    `mute_updates`: updates are carried out and not answered.
    """

    def __init__(
        self,
        zones: Mapping[str, str],
        key: tuple[str, str] | None = None,
        refused: frozenset[str] = frozenset(),
        authoritative: bool = True,
    ) -> None:
        self.zones = {
            dns.name.from_text(origin): dns.zone.from_text(
                text, origin, relativize=False, check_origin=False
            )
            for origin, text in zones.items()
        }
        self.log: list[tuple[str, str]] = []
        self.mute_updates = False
        self.asked: list[tuple[str, str]] = []
        self._flags = dns.flags.AA if authoritative else dns.flags.RA
        self._key = key
        self._ring = dns.tsigkeyring.from_text({key[0]: ("hmac-sha256", key[1])}) if key else None
        self._refused = {dns.name.from_text(origin) for origin in refused}
        self._lock = threading.Lock()
        self._tcp = _Tcp(("127.0.0.1", free_port()), _TcpSession)
        self.port: int = self._tcp.server_address[1]
        self._udp = _Udp(("127.0.0.1", self.port), _UdpQuestion)
        for server in (self._tcp, self._udp):
            server.reply = self.reply  # type: ignore[attr-defined]
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        for server in (self._tcp, self._udp):
            server.shutdown()
            server.server_close()

    def data(self, name: str, kind: str) -> set[str]:
        """The data of a set of records in zone form."""
        found = self._set(dns.name.from_text(name), kind)
        return {rdata.to_text() for rdata in found} if found else set()

    def ttl(self, name: str, kind: str) -> int:
        """The lifetime of a set of records."""
        found = self._set(dns.name.from_text(name), kind)
        assert found is not None
        return int(found.ttl)

    def reply(self, wire: bytes) -> bytes:
        """The answer to one message."""
        with self._lock:
            try:
                query = dns.message.from_wire(wire, keyring=self._ring or {})
            except (dns.message.UnknownTSIGKey, dns.tsig.BadSignature):
                head = bytearray(wire[:12])
                head[2] |= 0x80
                head[3] = dns.rcode.NOTAUTH
                return bytes(head[:4]) + b"\0" * 8
            response = dns.message.make_response(query)
            if query.opcode() == dns.opcode.UPDATE:
                rcode = self._update(query)
                response.set_rcode(rcode)
                self.log.append((query.zone[0].name.to_text(), dns.rcode.to_text(rcode)))  # type: ignore[attr-defined]
                if self.mute_updates:
                    raise ConnectionResetError
            else:
                self._answer(query, response)
            return response.to_wire(max_size=65000)

    def _set(self, name: Name, kind: Any) -> Any:
        zone = self._zone(name)
        return None if zone is None else zone.get_rdataset(name, kind)

    def _zone(self, name: Name) -> dns.zone.Zone | None:
        fitting = [origin for origin in self.zones if name.is_subdomain(origin)]
        return self.zones[max(fitting, key=len)] if fitting else None

    def _answer(self, query: dns.message.Message, response: dns.message.Message) -> None:
        question = query.question[0]
        self.asked.append((question.name.to_text(), dns.rdatatype.to_text(question.rdtype)))
        zone = self._zone(question.name)
        if zone is None or zone.origin is None:
            response.set_rcode(dns.rcode.REFUSED)
            return
        response.flags |= self._flags
        name = question.name
        for _ in range(4):
            source = _source(zone, name)
            found = zone.get_rdataset(source, question.rdtype)
            alias = zone.get_rdataset(source, "CNAME")
            if found is not None or alias is None:
                break
            response.answer.append(dns.rrset.from_rdata_list(name, alias.ttl, list(alias)))
            name = alias[0].target
        if found is not None:
            response.answer.append(dns.rrset.from_rdata_list(name, found.ttl, list(found)))
        elif soa := zone.get_rdataset(zone.origin, "SOA"):
            response.authority.append(dns.rrset.from_rdata_list(zone.origin, soa.ttl, list(soa)))
            if not any(node.is_subdomain(_source(zone, name)) for node in zone.nodes):
                response.set_rcode(dns.rcode.NXDOMAIN)

    def _update(self, query: Any) -> dns.rcode.Rcode:
        """RFC 2136, section 3, as far as updates here go: prerequisites, adding, deleting."""
        origin = query.zone[0].name
        zone = self.zones.get(origin)
        if zone is None or (self._key is not None and not query.had_tsig):
            return dns.rcode.NOTAUTH
        if origin in self._refused:
            return dns.rcode.REFUSED
        exactly: dict[tuple[Name, Any], set[Any]] = {}
        for rrset in query.prerequisite:  # one record each
            if rrset.deleting is None:
                exactly.setdefault((rrset.name, rrset.rdtype), set()).update(rrset)
            elif zone.get_rdataset(rrset.name, rrset.rdtype) is not None:
                return dns.rcode.YXRRSET
        for (name, kind), wanted in exactly.items():
            if set(zone.get_rdataset(name, kind) or ()) != wanted:
                return dns.rcode.NXRRSET
        for rrset in query.update:
            there = zone.get_rdataset(rrset.name, rrset.rdtype)
            left = list(there or ())
            if rrset.deleting is not None:
                left = [rdata for rdata in left if rdata not in rrset]
                ttl = there.ttl if there is not None else 0
            else:
                left += [rdata for rdata in rrset if rdata not in left]
                ttl = rrset.ttl
            zone.delete_rdataset(rrset.name, rrset.rdtype)
            if left:
                zone.replace_rdataset(rrset.name, dns.rdataset.from_rdata_list(ttl, left))
        return dns.rcode.NOERROR


def _source(zone: dns.zone.Zone, name: Name) -> Name:
    """The name whose records answer for a name: its own or a wildcard's (RFC 4592)."""
    encloser = name
    while encloser != zone.origin and not any(node.is_subdomain(encloser) for node in zone.nodes):
        encloser = encloser.parent()
    return name if encloser == name else Name(("*", *encloser.labels))


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _TcpSession(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError, struct.error, dns.exception.DNSException):
            (size,) = struct.unpack("!H", self.rfile.read(2))
            reply = self.server.reply(self.rfile.read(size))  # type: ignore[attr-defined]
            self.wfile.write(struct.pack("!H", len(reply)) + reply)


class _UdpQuestion(socketserver.DatagramRequestHandler):
    def handle(self) -> None:
        wire, answering = self.request
        assert isinstance(answering, socket.socket)
        with contextlib.suppress(dns.exception.DNSException):
            self.wfile.write(self.server.reply(wire))  # type: ignore[attr-defined]
