"""Fixtures of all scenarios: the lab by the scenario's name, its site, hosts over SSH."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
import testinfra
from testinfra.host import Host

from lab.lab import Lab
from mailflow.catalogue import Mail, load
from mailflow.trial import Site, Trial, attempt


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The running lab of this scenario."""
    running = Lab(os.environ["LAB_NAME"])
    assert running.namespace.inside(), "run scenarios by `make molecule-NAME`"
    return running


@pytest.fixture(scope="session")
def site(lab: Lab) -> Site:
    """The site as its users and correspondents see it."""
    return Site(lab)


@pytest.fixture(scope="session")
def mails(site: Site) -> dict[str, Mail]:
    """The catalogue by name."""
    return {mail.name: mail for mail in load(domain=site.domain)}


@pytest.fixture(scope="session")
def host_of(lab: Lab) -> Callable[[str], Host]:
    """A testinfra host by the name of a lab host."""

    def connect(name: str) -> Host:
        return testinfra.get_host(f"ssh://{name}", ssh_config=str(lab.paths.ssh_config))

    return connect


@pytest.fixture
def arrives(site: Site) -> Iterator[Callable[[Mail], Trial]]:
    """Send a mail and assert that all became of it that should."""

    def send(mail: Mail) -> Trial:
        trial = attempt(site, mail)
        assert trial.problems == []
        return trial

    return send
