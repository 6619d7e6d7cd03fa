"""How long a check takes with 100,000 hashes in Redis: ``python tests/bench/fuzzy.py``.

One in ten is a text with its 32 shingles. Half of the checks are of hashes that are kept, a quarter
of near-duplicates of them, the rest of texts that nobody knows. The storage is a process of its
own, asked by one client, one check after the other.
"""

from __future__ import annotations

import argparse
import multiprocessing
import multiprocessing.connection
import random
import resource
import socket
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from filter_engine.fuzzy.protocol import SHINGLES, Command, Request, decode_reply
from fuzzy_storage import Storage
from redis_server import RedisServer

_CHUNK = 1000


def _hash(number: int, *, text: bool) -> tuple[bytes, tuple[int, ...]]:
    rng = random.Random(number)
    shingles = tuple(rng.getrandbits(60) for _ in range(SHINGLES)) if text else ()
    return rng.randbytes(64), shingles


def _fill(redis: RedisServer, count: int) -> None:
    with socket.create_connection(("127.0.0.1", redis.port)) as sock:
        replies = sock.makefile("rb")
        for start in range(0, count, _CHUNK):
            lines = 0
            for number in range(start, min(start + _CHUNK, count)):
                digest, shingles = _hash(number, text=number % 10 == 0)
                words = [b"HSET", b"fuzzy" + digest, b"F", b"1", b"V", b"10", b"C", b"1"]
                sock.sendall(_packed(words))
                lines += 1
                if shingles:
                    pairs = [
                        word
                        for place, value in enumerate(shingles)
                        for word in (b"fuzzy_%d_%d" % (place, value), digest)
                    ]
                    sock.sendall(_packed([b"MSET", *pairs]))
                    lines += 1
            for _ in range(lines):
                replies.readline()


def _packed(words: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)


def _serve(text: str, ready: multiprocessing.connection.Connection) -> None:
    storage = Storage(text)
    before = _cpu()
    ready.send(storage.port)
    ready.recv()
    ready.send(_cpu() - before)
    storage.close()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _request(number: int, count: int) -> Request:
    kind = number % 4
    known = random.Random(number).randrange(count)
    if kind == 3:
        digest, shingles = _hash(-number - 1, text=True)
    elif kind == 2:
        known -= known % 10
        digest, shingles = _hash(known, text=True)
        digest = bytes(64)
        shingles = (*shingles[:25], *range(SHINGLES - 25))
    else:
        digest, shingles = _hash(known, text=known % 10 == 0)
    return Request(Command.CHECK, digest, number, shingles)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hashes", type=int, default=100_000)
    parser.add_argument("--checks", type=int, default=20_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder) / "redis") as redis:
        _fill(redis, given.hashes)
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=_serve, args=(f'servers = "{redis.name}";', there))
        process.start()
        port = here.recv()
        took, found = [], 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", port))
            sock.settimeout(5)
            for number in range(given.checks):
                data = _request(number, given.hashes).encode()
                begun = time.perf_counter()
                sock.send(data)
                reply = sock.recv(256)
                took.append(time.perf_counter() - begun)
                found += decode_reply(reply).found
        here.send(None)
        cpu = here.recv()
        process.join()
    took.sort()
    print(
        f"{given.hashes} hashes, {given.checks} checks, {found} found: "
        f"p50 {1e3 * median(took):.2f} ms, p99 {1e3 * took[len(took) * 99 // 100]:.2f} ms, "
        f"max {1e3 * took[-1]:.2f} ms; storage {1e6 * cpu / given.checks:.0f} us CPU a check"
    )


if __name__ == "__main__":
    main()
