from __future__ import annotations

import contextlib
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.wire.compression import (
    CompressionError,
    TooLargeError,
    compress,
    decompress,
)


@given(st.binary(max_size=5000))
def test_there_and_back(data: bytes) -> None:
    assert decompress(compress(data), 5000) == data


def test_a_stream_without_a_stated_size() -> None:
    packer = zstandard.ZstdCompressor().compressobj()
    data = packer.compress(b"hello " * 1000) + packer.flush()
    assert decompress(data, 10_000) == b"hello " * 1000


def test_the_limit_is_exact() -> None:
    data = compress(b"x" * 1000)
    assert len(decompress(data, 1000)) == 1000
    with pytest.raises(TooLargeError):
        decompress(data, 999)


def test_a_bomb_does_not_fill_the_memory() -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(b"\0" * 200_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            decompress(bomb, 1_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000


@pytest.mark.parametrize("data", [b"", b"abc", b"\x28\xb5\x2f\xfd", compress(b"x" * 99)[:-2]])
def test_what_is_no_whole_frame_is_refused(data: bytes) -> None:
    with pytest.raises(CompressionError):
        decompress(data, 1000)


@given(st.binary(max_size=300))
def test_hostile_octets(data: bytes) -> None:
    with contextlib.suppress(CompressionError):
        decompress(b"\x28\xb5\x2f\xfd" + data, 100_000)
