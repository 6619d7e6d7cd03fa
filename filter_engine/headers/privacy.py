"""What the mail of the site's users must not tell: their program, their address (row E2).

Signatures are made over the header as it leaves: ``checks/dkim_signing`` asks here as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from filter_engine.config.kinds import BOOLEAN, list_of
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import Section, option
from filter_engine.headers.additions import HEADER_NAME
from filter_engine.scan.task import Task

if TYPE_CHECKING:
    from filter_engine.config.model import Config
    from filter_engine.scan.plan import Plan

SECTION: Final = "privacy"
RECEIVED: Final = "Received"


@options_class
class PrivacyOptions(Section):
    """The section ``privacy``: headers that mail of logged-in users loses."""

    authenticated: bool = option(
        BOOLEAN, False, doc="take headers that tell of the client off mail of logged-in users"
    )
    headers: tuple[str, ...] = option(
        list_of(HEADER_NAME),
        (
            "User-Agent",
            "X-Mailer",
            "X-Enigmail",
            "X-Originating-IP",
            "X-Originating-Email",
            "X-PHP-Originating-Script",
        ),
        doc="headers that go",
    )
    received: bool = option(
        BOOLEAN,
        True,
        doc="Received headers that the client brought go too; that of the MTA itself no milter "
        "sees (docs/headers.md)",
    )


def stripped(task: Task) -> tuple[str, ...]:
    """The names of the headers that this mail loses."""
    if not task.authenticated:
        return ()
    options = task.options(PrivacyOptions)
    if not options.authenticated:
        return ()
    return (*options.headers, *((RECEIVED,) if options.received else ()))


def with_privacy(plan: Plan, config: Config) -> Plan:
    """The plan without the section's options where it is switched off (``enabled = false``)."""
    if config.is_enabled(SECTION):
        return plan
    return replace(plan, sections={**plan.sections, PrivacyOptions: PrivacyOptions()})
