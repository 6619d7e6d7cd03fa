"""dnspython, as far as messages are read with it.

It asks ``importlib.metadata`` which packages for DNS over HTTPS and the like are installed. That
loads ``zipfile``, ``email``, ``csv`` and more: 1.2 MB of each scan worker. Nothing here
makes use of those packages, so it is told that there are none.
"""

from __future__ import annotations

import sys
from types import ModuleType

_METADATA = "importlib.metadata"
_lacked = sys.modules.setdefault(_METADATA, ModuleType(_METADATA))
import dns._features  # noqa: E402  # with what stands in for the package just now

if not hasattr(_lacked, "version"):
    del sys.modules[_METADATA]
    for _feature in ("doh", "idna"):
        dns._features.force(_feature, False)

import dns.exception  # noqa: E402
import dns.message  # noqa: E402
import dns.name  # noqa: E402
import dns.rcode  # noqa: E402
import dns.rdatatype  # noqa: E402

__all__ = ["dns"]
