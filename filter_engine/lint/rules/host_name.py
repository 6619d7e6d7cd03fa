"""The host's own name, as its Postfix says it to others."""

from __future__ import annotations

from collections.abc import Iterator

from filter_engine.config.findings import Finding
from filter_engine.lint.declare import rule
from filter_engine.lint.host import Host
from filter_engine.lint.postfix import MAIN_CF, Parameter, Postfix
from filter_engine.lint.situation import Place, Situation

#: What the MTA calls itself where nothing tells it a domain (postconf(5), mydomain).
_NOBODYS = "localdomain"


@rule(
    "host-without-fqdn",
    needs_host=True,
    doc="Postfix's name of this host (myhostname, else the host's name and mydomain) is not a full "
    "domain name: others refuse its HELO, and the Authentication-Results, which are written in "
    "that name, are no one's (RFC 8601, section 2.5).",
)
def host_without_fqdn(situation: Situation) -> Iterator[Finding]:
    """Where the name cannot be told, nothing is."""
    if situation.postfix is None or situation.host is None:
        return
    found = _name(situation.postfix, situation.host)
    if found is None:
        return
    name, at = found
    labels = name.lower().rstrip(".").split(".")
    if len(labels) > 1 and all(labels) and labels[-1] != _NOBODYS:
        return
    yield situation.finding(
        "host-without-fqdn",
        at,
        f"Postfix calls this host {name!r}, which is no full domain name: others refuse its HELO, "
        "and Authentication-Results in that name are no one's",
        "write myhostname = mx1.example.net into main.cf, the name that its address leads back to",
    )


def _name(postfix: Postfix, host: Host) -> tuple[str, Place] | None:
    """What Postfix calls the host, and where that is said; None where that cannot be told."""
    own = next(postfix.of("myhostname"), None)
    if own is not None and own.value:
        return own.value, own
    written = host.text("/etc/hostname") or ""
    names = [line.split()[0] for line in written.splitlines() if line.strip() and line[0] != "#"]
    if not names:
        return None
    at = Parameter("myhostname", "", str(host.path(MAIN_CF)), 1)
    if "." in names[0]:
        return names[0], at
    domain = next(postfix.of("mydomain"), None)
    return f"{names[0]}.{domain.value if domain is not None else _NOBODYS}", domain or at
