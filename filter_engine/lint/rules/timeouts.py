"""Time limits that belong together."""

from __future__ import annotations

from collections.abc import Iterator

from filter_engine.config.findings import Finding
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation

#: postconf(5), ``milter_content_timeout``.
_MILTER_CONTENT_TIMEOUT = 300.0
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def _seconds(time: float, blank: str = " ") -> str:
    """A time for people; ``1m`` is a million seconds in UCL, as sizes have that suffix."""
    return f"{time:.6f}".rstrip("0").rstrip(".") + f"{blank}s"


@rule(
    "timeout-order",
    doc="The proxy waits for a scanner less long than the scanner may take: it gives a message up "
    "that is still being scanned, asks the next scanner, and in the end answers 451.",
)
def timeout_order(situation: Situation) -> Iterator[Finding]:
    """``task_timeout`` below the proxy's ``timeout``."""
    options = situation.config.options
    limits = [(options.task_timeout, options.origin("task_timeout"), "options.task_timeout")]
    limits += [
        (scanner.task_timeout, scanner.origin("task_timeout"), "task_timeout of worker 'normal'")
        for scanner in situation.config.scanners
        if scanner.task_timeout is not None
    ]
    longest, at, name = max(limits, key=lambda limit: limit[0])
    for proxy in situation.config.proxies:
        waits = [(proxy.timeout, proxy.origin("timeout"), "the proxy's timeout")]
        waits += [
            (upstream.timeout, upstream.origin("timeout"), f"the timeout of upstream {key!r}")
            for key, upstream in proxy.upstreams.items()
            if upstream.timeout is not None
        ]
        for wait, place, whose in waits:
            if wait <= longest:
                where = at if place.line == 0 else place
                if situation.is_shipped(where):
                    continue
                yield situation.finding(
                    "timeout-order",
                    where,
                    f"{whose} ({_seconds(wait)}) is over before {name} ({_seconds(longest)}): "
                    "the proxy gives up messages that are still being scanned",
                    f"write more than {_seconds(longest, '')} there, or a shorter task_timeout",
                )


@rule(
    "milter-timeout",
    needs_host=True,
    doc="Postfix waits for the milter less long than the proxy may take: Postfix does with the "
    "message what milter_default_action says, whatever the verdict would have been.",
)
def milter_timeout(situation: Situation) -> Iterator[Finding]:
    """``milter_content_timeout`` above the proxy's ``timeout``."""
    if situation.postfix is None or not list(situation.postfix.of("smtpd_milters")):
        return
    patience, where = _MILTER_CONTENT_TIMEOUT, None
    for found in situation.postfix.of("milter_content_timeout"):
        number, unit = found.value[:-1], found.value[-1:]
        if found.value.isdecimal():
            number, unit = found.value, "s"
        if number.isdecimal() and unit in _UNITS:
            patience, where = int(number[:9]) * _UNITS[unit], found
    for proxy in situation.config.proxies:
        if proxy.milter and proxy.timeout >= patience:
            origin = proxy.origin("timeout")
            at = where or origin
            yield situation.finding(
                "milter-timeout",
                at,
                f"Postfix waits {patience:g} s for a milter (milter_content_timeout), the proxy "
                f"may take {proxy.timeout:g} s: Postfix will not wait for the verdict",
                "write a shorter timeout into worker-proxy.inc",
            )
