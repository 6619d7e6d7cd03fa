"""The requests of a measurement: the recorded messages as ``/checkv2`` requests."""

from __future__ import annotations

from oracle.recording import Sample, samples

_HEADERS = {"ip": "IP", "helo": "Helo", "hostname": "Hostname"}


def requests(count: int) -> list[bytes]:
    """``count`` requests, spread evenly over the recording so that the mix stays the same."""
    everything = list(samples())
    count = min(count, len(everything))
    return [_request(everything[number * len(everything) // count]) for number in range(count)]


def _request(sample: Sample) -> bytes:
    said = sample.envelope
    head = [
        "POST /checkv2 HTTP/1.1",
        "Host: localhost",
        f"Content-Length: {len(sample.raw)}",
        "Connection: close",
    ]
    head += [f"{header}: {said[key]}" for key, header in _HEADERS.items() if said.get(key)]
    head.append(f"From: <{said.get('frm') or ''}>")
    head += [f"Rcpt: <{rcpt}>" for rcpt in said.get("rcpt") or ()]
    return "\r\n".join(head).encode("latin-1", "replace") + b"\r\n\r\n" + sample.raw
