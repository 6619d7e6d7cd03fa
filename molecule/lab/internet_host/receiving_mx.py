#!/usr/bin/python3
"""The Internet's receiving MX: keeps every message it accepts, until it is fetched.

Runs on the lab's Internet host with Debian's aiosmtpd. Usage: receiving_mx.py CONFIG.json, with
`hostname`, `addresses` (to listen on, port 25), `domains` (whose recipients it takes) and `store`
(a directory). A message becomes two files, ID.eml and ID.json; the second appears last, when both
are complete and on disk, and only then is the message acknowledged.
"""

import asyncio
import json
import os
import socket
import ssl
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP

MAX_SIZE = 32 * 1024 * 1024


class Keeper:
    """What aiosmtpd asks when a recipient or a message comes in."""

    def __init__(self, domains, store):
        self.domains = {domain.lower() for domain in domains}
        self.store = store

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: ARG002, N802 - aiosmtpd's signature
        if address.rpartition("@")[2].lower() not in self.domains:
            return "554 5.7.1 Relay access denied"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: ARG002, N802 - aiosmtpd's signature
        identity = f"{time.time_ns():020d}"
        facts = {
            "id": identity,
            "peer": session.peer[0],
            "helo": session.host_name,
            "tls": session.ssl is not None,
            "mail_from": envelope.mail_from,
            "rcpt_to": envelope.rcpt_tos,
            "size": len(envelope.original_content),
        }
        self.write(f"{identity}.eml", envelope.original_content)
        self.write(f"{identity}.json", json.dumps(facts).encode())
        return f"250 2.0.0 OK: kept as {identity}"

    def write(self, name, content):
        part = self.store / f".{name}.part"
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.rename(self.store / name)


def notify_ready():
    """Tell systemd (sd_notify(3)) that the sockets are open."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect("\0" + address[1:] if address[0] == "@" else address)
            channel.send(b"READY=1")


async def main(config):
    credentials = Path(os.environ["CREDENTIALS_DIRECTORY"])
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(config["certificate"], credentials / "key.pem")
    keeper = Keeper(config["domains"], Path(config["store"]))

    def session():
        return SMTP(
            keeper,
            hostname=config["hostname"],
            data_size_limit=MAX_SIZE,
            enable_SMTPUTF8=True,
            tls_context=tls,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, host=config["addresses"], port=25)
    notify_ready()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
