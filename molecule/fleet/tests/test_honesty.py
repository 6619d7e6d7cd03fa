"""Check mode tells the truth, and the site's own probes find it well."""

from __future__ import annotations

import json

from mailflow.playbook import play
from mailflow.trial import Site


def test_check_mode_finds_nothing_to_change_on_a_converged_site(site: Site) -> None:
    counts = play(site.lab, "site.yml", "--check", "--diff").changed
    assert counts == {host.name: 0 for host in site.lab.site().hosts}


def test_check_mode_announces_a_change_and_makes_none(site: Site) -> None:
    host = site.exchangers[0]
    path = "/etc/filter_engine/local.d/actions.conf"
    before = site.lab.ssh.run(host, ["sha256sum", path]).stdout
    changed = json.dumps({"filter_engine_actions": {"greylist": 4, "add_header": 5, "reject": 14}})
    counts = play(
        site.lab, "site.yml", "--check", "--diff", "--tags", "filter_engine", "-e", changed
    ).changed
    assert counts[host] >= 1
    assert site.lab.ssh.run(host, ["sha256sum", path]).stdout == before


def test_the_site_s_own_probes_pass_and_change_nothing(site: Site) -> None:
    counts = play(site.lab, "verify.yml").changed
    assert set(counts) >= {host.name for host in site.lab.site().hosts}
    assert set(counts.values()) == {0}
