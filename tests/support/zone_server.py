"""A nameserver over UDP on loopback that serves a zone, or knows no name at all."""

from __future__ import annotations

import contextlib
import socket
import threading

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.rcode
import dns.rdatatype
import dns.zone

_MAX_ALIASES = 16


class ZoneServer:
    """Answers from a zone file with the root as origin, until it is closed.

    What the zone lacks does not exist: without a zone, every name.
    """

    def __init__(self, text: str = "") -> None:
        self._zone = dns.zone.from_text(text, ".", relativize=False, check_origin=False)
        self._names = {
            name.split(depth)[1]
            for name in self._zone.nodes
            for depth in range(1, len(name.labels) + 1)
        }
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        with contextlib.suppress(OSError):  # Linux wakes the thread and then says "not connected"
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                raw, client = self._socket.recvfrom(4096)
            except OSError:
                return
            if not raw:
                return
            with contextlib.suppress(dns.exception.DNSException):
                self._socket.sendto(self._reply(dns.message.from_wire(raw)), client)

    def _reply(self, query: dns.message.Message) -> bytes:
        reply = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        name = question.name
        for _ in range(_MAX_ALIASES):
            node = self._zone.get_node(name)
            if node is None:
                if name not in self._names:
                    reply.set_rcode(dns.rcode.NXDOMAIN)
                break
            found = node.get_rdataset(question.rdclass, question.rdtype)
            if found is not None:
                reply.answer.append(_named(name, found))
                break
            alias = node.get_rdataset(question.rdclass, dns.rdatatype.CNAME)
            if alias is None:
                break
            reply.answer.append(_named(name, alias))
            name = alias[0].target
        return reply.to_wire(max_size=65000)


def _named(name: dns.name.Name, found: dns.rdataset.Rdataset) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, found.ttl, list(found))
