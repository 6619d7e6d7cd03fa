"""On a host: PORT MARKER COMMAND. What TCP carries through the tunnel while it runs."""

import json
import socket
import subprocess
import sys
import time

port, marker, command = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3]
# Packets as the tunnel takes them, before it encrypts them itself.
tunnel = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
tunnel.bind(("wg0", 0x0800))
tunnel.settimeout(0.2)
subprocess.run(command, shell=True, stdout=subprocess.DEVNULL, check=True)
end = time.monotonic() + 2.0
seen = {"segments": 0, "records": 0, "marker": False}
while time.monotonic() < end:
    try:
        packet = tunnel.recv(65536)
    except TimeoutError:
        continue
    header = (packet[0] & 15) * 4
    if packet[9] != socket.IPPROTO_TCP:
        continue
    segment = packet[header:]
    if port not in (int.from_bytes(segment[:2], "big"), int.from_bytes(segment[2:4], "big")):
        continue
    payload = segment[(segment[12] >> 4) * 4 :]
    seen["segments"] += bool(payload)
    # RFC 8446, section 5.1: application_data, legacy version 3.3.
    seen["records"] += payload.startswith(b"\x17\x03\x03")
    seen["marker"] |= marker in payload
print(json.dumps(seen))
