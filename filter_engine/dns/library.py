"""dnspython, as far as messages are read with it.

It asks ``importlib.metadata`` which packages for DNS over HTTPS and the like are installed. That
loads ``zipfile``, ``email``, ``csv`` and more: 1.2 MB of each scan worker. Nothing here
makes use of those packages, so it is told that there are none, as long as it has the private place
for that (2.7 has it): without it all is loaded as usual.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

_METADATA = "importlib.metadata"


def _load() -> None:
    """Load dnspython's record of what it may use, with a stand-in for the costly package."""
    lacked = sys.modules.setdefault(_METADATA, ModuleType(_METADATA))
    features: ModuleType | None
    try:
        features = import_module("dns._features")
    except (ImportError, AttributeError):  # another version of it, which asks in another way
        features = None
    if hasattr(lacked, "version"):  # it was loaded before
        return
    del sys.modules[_METADATA]
    force = getattr(features, "force", None)
    if force is None:
        sys.modules.pop("dns._features", None)  # what it found out with the stand-in is wrong
        return
    for feature in ("doh", "idna"):
        force(feature, False)


_load()

import dns.exception  # noqa: E402
import dns.message  # noqa: E402
import dns.name  # noqa: E402
import dns.rcode  # noqa: E402
import dns.rdatatype  # noqa: E402

__all__ = ["dns"]
