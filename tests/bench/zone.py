"""The recording's zone, served fast enough for a load test: a reply is made once a question.

No record and no absence may be kept (TTL 0, no SOA): an engine with a cache of its own asks as
often as one without, so that repeating the same messages gives neither an advantage.

Run as ``python -m bench.zone``; prints its port, ends when its standard input is closed. A line on
standard input is answered with the number of questions so far.
"""

from __future__ import annotations

import re
import socket
import sys

import dns.exception
import dns.message
from oracle.recording import ZONE
from support.zone_server import ZoneServer


class FastZone(ZoneServer):
    """Answers repeated questions from memory; ``questions`` counts all."""

    questions = 0

    def _serve(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        made: dict[bytes, bytes] = {}
        receive, send = self._socket.recvfrom, self._socket.sendto
        while True:
            try:
                raw, client = receive(4096)
            except OSError:
                return
            if not raw:
                return
            self.questions += 1
            reply = made.get(raw[2:])
            if reply is None:
                try:
                    reply = self._reply(dns.message.from_wire(raw))[2:]
                except dns.exception.DNSException:
                    continue
                made[raw[2:]] = reply
            send(raw[:2] + reply, client)


def main() -> None:
    """Serve until standard input ends."""
    text = re.sub(r"(?m)(?<=\. )300(?= IN )|(?<=^\$TTL )300", "0", ZONE.read_text())
    zone = FastZone(text)
    print(zone.port, flush=True)
    for _ in sys.stdin:
        print(zone.questions, flush=True)
    zone.close()


if __name__ == "__main__":
    main()
