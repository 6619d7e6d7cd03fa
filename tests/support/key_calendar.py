"""A site whose keys live through days, without Ansible, files or DNS."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, timedelta

from ansible_collections.mailfleet.filter.plugins.module_utils import dkim_calendar
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_calendar import Seen
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_series import (
    Policy,
    Series,
    wanted,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_states import (
    Key,
)

DAY = date(2026, 11, 21)
POLICY = Policy(rotation=180, publish_lead=14, overlap=10)
PATH = "/keys/$domain.$selector.key"
MAIL = [{"selector": "mail", "algorithm": "rsa"}]
DOMAIN = "example.net"
FIRST = f"mail._domainkey.{DOMAIN}"
SECOND = f"r20270506._domainkey.{DOMAIN}"


class Site:
    """Keys that live through days; `published` names what DNS answers."""

    def __init__(
        self,
        domains: Iterable[object] = (DOMAIN,),
        selectors: Iterable[object] = MAIL,
        policy: Policy = POLICY,
        arc: str = "none",
    ) -> None:
        self.series: list[Series] = wanted(domains, selectors, arc)
        self.policy = policy
        self.keys: list[Key] = []
        self.report: list[str] = []
        self.waiting: list[str] = []

    def run(
        self,
        day: date,
        *,
        missing: Collection[str] = (),
        rotate: Iterable[str] = (),
        roll_back: Iterable[str] = (),
    ) -> list[Key]:
        """One run of both steps; every record is seen but those that are `missing`."""
        published = dkim_calendar.publish(
            self.keys, self.series, self.policy, day, PATH, list(rotate)
        )
        published = [k if k.public_key else replace(k, public_key="AAAA") for k in published]
        seen = {
            key.name: Seen(False, "resolver 192.0.2.1 has no record")
            if key.name in missing
            else Seen(True)
            for key in dkim_calendar.questions(published, self.series, list(roll_back))
        }
        outcome = dkim_calendar.activate(
            published, self.series, self.policy, day, seen, list(roll_back)
        )
        self.keys, self.report, self.waiting = outcome.keys, outcome.report, outcome.waiting
        return self.keys

    @property
    def states(self) -> dict[str, str]:
        return {key.name: key.state for key in self.keys}

    def signers(self, use: str = "dkim") -> dict[str, list[str]]:
        return {
            str(one["domain"]): [place["selector"] for place in one["selectors"]]  # type: ignore[attr-defined]
            for one in dkim_calendar.signing(self.keys, self.series, use)
        }


def after(days: int) -> date:
    return DAY + timedelta(days)
