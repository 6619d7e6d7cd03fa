"""What the DNS client of a worker has done."""

from __future__ import annotations

from filter_engine.lazy_dataclass import mutable


@mutable
class DnsStatistics:
    """Counters since ``open``."""

    asked: int = 0
    from_cache: int = 0
    sent: int = 0
    timeouts: int = 0
    failed: int = 0
    """Questions answered TEMPFAIL."""
    over_tcp: int = 0
    ignored: int = 0
    """Datagrams that answer nothing that was asked."""
