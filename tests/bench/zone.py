"""The recording's zone, served fast enough for a load test: a reply is made once a question.

Two ways to serve it, changed by a line on standard input: ``kept`` is the zone as it is written
(TTL 300, absence 60 seconds by its SOA), ``fleeting`` lets no answer be kept (TTL 0, no SOA), so
that an engine with a cache of its own asks as often as one without.

Run as ``python -m bench.zone``; prints its port, ends when its standard input is closed. A line on
standard input is answered with the number of questions so far.
"""

from __future__ import annotations

import socket
import sys

import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
from oracle.recording import ZONE
from support.zone_server import ZoneServer

FLEETING, KEPT = "fleeting", "kept"


class FastZone(ZoneServer):
    """Answers repeated questions from memory; ``questions`` counts all."""

    questions = 0
    mode = FLEETING

    def _serve(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        made: dict[str, dict[bytes, bytes]] = {FLEETING: {}, KEPT: {}}
        receive, send = self._socket.recvfrom, self._socket.sendto
        while True:
            try:
                raw, client = receive(4096)
            except OSError:
                return
            if not raw:
                return
            self.questions += 1
            replies = made[self.mode]
            reply = replies.get(raw[2:])
            if reply is None:
                try:
                    reply = self._reply(dns.message.from_wire(raw))[2:]
                except dns.exception.DNSException:
                    continue
                replies[raw[2:]] = reply
            send(raw[:2] + reply, client)

    def _reply(self, query: dns.message.Message) -> bytes:
        reply = dns.message.from_wire(super()._reply(query))
        if self.mode == FLEETING:
            for answer in reply.answer:
                answer.ttl = 0
        elif not reply.answer:
            reply.authority.append(self._authority)
        return reply.to_wire(max_size=65000)

    @property
    def _authority(self) -> dns.rrset.RRset:
        found = self._zone.find_rdataset(dns.name.root, dns.rdatatype.SOA)
        return dns.rrset.from_rdata_list(dns.name.root, found.ttl, list(found))


def main() -> None:
    """Serve until standard input ends."""
    zone = FastZone(ZONE.read_text())
    print(zone.port, flush=True)
    for line in sys.stdin:
        zone.mode = line.strip() or zone.mode
        print(zone.questions, flush=True)
    zone.close()


if __name__ == "__main__":
    main()
