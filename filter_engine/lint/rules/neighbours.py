"""The other hosts' controllers, as the WebUI asks them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from filter_engine.config.findings import Finding
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation


@rule(
    "neighbour-in-clear",
    doc="The WebUI asks a neighbour over http: the controller's password crosses the network in "
    "clear.",
)
def neighbour_in_clear(situation: Situation) -> Iterator[Finding]:
    """Neighbours are asked over https."""
    for name, neighbour in situation.config.options.neighbours.items():
        try:
            url = urlsplit(neighbour.host)
            host = url.hostname or ""
        except ValueError:
            continue
        if url.scheme == "http" and host not in ("localhost", "127.0.0.1", "::1"):
            yield situation.finding(
                "neighbour-in-clear",
                neighbour.origin("host"),
                f"neighbour {name!r} is asked over http: the password crosses the network in clear",
                f"write https://{url.netloc}, served by the host's web server",
            )


@rule(
    "same-neighbour",
    doc="Two neighbours have the same host and path: the WebUI shows one controller twice and "
    "adds its figures twice.",
)
def same_neighbour(situation: Situation) -> Iterator[Finding]:
    """Each neighbour has its own path."""
    seen: dict[tuple[str, str], str] = {}
    for name, neighbour in situation.config.options.neighbours.items():
        place = (neighbour.host.rstrip("/").lower(), neighbour.path.strip("/"))
        first = seen.setdefault(place, name)
        if first != name:
            at = neighbour.origin("path")
            yield situation.finding(
                "same-neighbour",
                at if at.line else neighbour.origin("host"),
                f"neighbours {first!r} and {name!r} have the same host and path: the WebUI shows "
                "one controller twice",
                f"give {name!r} its own path, e.g. /rspamd/{name.lower()}",
            )
