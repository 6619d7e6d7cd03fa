"""A short name of a configuration."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from filter_engine.config.model import Config


def config_id(config: Config) -> str:
    """A digest of the files' names and contents: the same on two hosts means the same files.

    To be called at once after loading, as it reads the files again.
    """
    digest = blake2b(digest_size=32)
    for name in config.files:
        try:
            digest.update(Path(name).name.encode() + b"\0" + Path(name).read_bytes() + b"\0")
        except OSError:
            digest.update(b"gone")
    return digest.hexdigest()
