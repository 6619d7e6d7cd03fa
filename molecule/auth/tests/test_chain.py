"""ARC across two hops: what the exchanger and the access server seal verifies elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes

import dkim
import pytest
from testinfra.host import Host

from mailflow.outgoing import authoritative_txt
from mailflow.second_opinion import second_opinions
from mailflow.trial import Site
from mailflow.verdicts import Case, Outcome, problems, send_all

OFF = "/etc/filter_engine/override.d/arc.conf"
READY = (
    "from urllib.request import urlopen; "
    'print(urlopen("http://127.0.0.1:11334/ready", timeout=20).read().decode())'
)
# Sets that a mail brings along, by its name in the table.
BROUGHT = {
    "spf-pass": 0,
    "dkim-pass": 0,
    "forwarded-with-srs": 0,
    "list-that-rewrites-from": 0,
    "arc-pass": 1,
    "arc-pass-over-two-forwarders": 2,
}
HostOf = Callable[[str], Host]


def seals(raw: bytes) -> list[tuple[int, str, str]]:
    """Instance, domain and state of the chain of every seal, the first first."""
    found = []
    for value in message_from_bytes(raw).get_all("ARC-Seal", []):
        tags = dict(
            part.strip().split("=", 1) for part in "".join(value.split()).split(";") if part
        )
        found.append((int(tags["i"]), tags["d"], tags["cv"]))
    return sorted(found)


def dkimpy_says(site: Site, raw: bytes) -> str:
    """dkimpy's state of the chain."""
    state, _, _ = dkim.arc_verify(
        raw,
        dnsfunc=lambda name, timeout=5: authoritative_txt(site.lab, name.decode()),
    )
    return (state or b"none").decode()


def reload(host: Host) -> None:
    """Have the filter read its configuration, and wait until the new one answers."""
    old = configuration(host)
    host.check_output("systemctl reload filter-engine")
    deadline = time.monotonic() + 60
    while configuration(host) == old:
        assert time.monotonic() < deadline, "the new configuration never answered"


def configuration(host: Host) -> str:
    """The fingerprint of the configuration that answers."""
    ready = json.loads(host.check_output(f"/usr/bin/python3 -c '{READY}'"))
    assert ready["reload_error"] is None, ready
    return str(ready["config_id"])


@contextmanager
def access_server_seals_not(site: Site, host_of: HostOf) -> Iterator[None]:
    """The site's other policy: the access server passes on what the exchanger sealed."""
    host = host_of(site.access_server)
    host.check_output(f"echo 'sign_local = false;' > {OFF}")
    reload(host)
    try:
        yield
    finally:
        host.check_output(f"rm -f {OFF}")
        reload(host)


def check_chains(site: Site, outcomes: dict[str, Outcome], hops: int) -> None:
    opinions = second_opinions(site.lab, [outcomes[name].raw for name in BROUGHT])
    for (name, brought), opinion in zip(BROUGHT.items(), opinions, strict=True):
        raw = outcomes[name].raw
        made = seals(raw)
        assert [instance for instance, _, _ in made] == list(range(1, brought + hops + 1)), name
        assert {domain for _, domain, _ in made[brought:]} == {site.domain}, name
        assert [state for _, _, state in made] == ["none"] + ["pass"] * (len(made) - 1), name
        assert opinion.arc == "pass", (name, opinion)
        assert dkimpy_says(site, raw) == "pass", name


def test_the_chain_verifies_after_both_hops(site: Site, outcomes: dict[str, Outcome]) -> None:
    check_chains(site, outcomes, hops=2)


def test_the_chain_verifies_when_the_exchanger_alone_seals(
    site: Site, host_of: HostOf, cases: dict[str, Case]
) -> None:
    chosen = [cases[name] for name in BROUGHT]
    with access_server_seals_not(site, host_of):
        outcomes = send_all(site, chosen)
    assert {case.name: problems(case.expect, outcomes[case.name]) for case in chosen} == {
        name: [] for name in BROUGHT
    }
    check_chains(site, outcomes, hops=1)


@pytest.mark.parametrize(
    "name", ["arc-fail-body", "arc-incomplete", "arc-fail-told-by-a-forwarder"]
)
def test_a_broken_chain_is_never_made_whole(
    name: str, site: Site, outcomes: dict[str, Outcome]
) -> None:
    raw = outcomes[name].raw
    (opinion,) = second_opinions(site.lab, [raw])
    assert opinion.arc != "pass", opinion
    assert dkimpy_says(site, raw) != "pass"


def test_the_exchanger_says_in_its_seal_what_it_found(
    site: Site, outcomes: dict[str, Outcome]
) -> None:
    told = message_from_bytes(outcomes["forwarded-with-srs"].raw)
    values = ["".join(v.split()) for v in told.get_all("ARC-Authentication-Results", [])]
    (first,) = [value for value in values if value.startswith("i=1;")]
    assert first.startswith(f"i=1;{site.exchangers[0]}.{site.domain};")
    for result in ("spf=pass", "dkim=pass", "dmarc=pass"):
        assert result in first
