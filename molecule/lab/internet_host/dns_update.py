#!/usr/bin/python3
"""Replace or delete one RRset by dynamic update (RFC 2136): JSON on stdin, the rcode on stdout.

In: `zone`, `name`, `type`, `ttl` (seconds) and `values` (rdata in presentation format; none
deletes the RRset). Knot takes updates from this host's loopback address only.
"""

import json
import sys

import dns.query
import dns.rcode
import dns.update

SERVER = "127.0.0.1"


def main():
    order = json.load(sys.stdin)
    update = dns.update.UpdateMessage(order["zone"])
    update.delete(order["name"], order["type"])
    for value in order["values"]:
        update.add(order["name"], order["ttl"], order["type"], value)
    reply = dns.query.tcp(update, SERVER, timeout=10)
    print(dns.rcode.to_text(reply.rcode()))


if __name__ == "__main__":
    main()
