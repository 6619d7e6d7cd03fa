"""What SPF, DKIM and DMARC share: whose mail they leave alone, and how DKIM sees a message."""

from __future__ import annotations

from collections.abc import Iterable

from filter_engine.auth.canonical import SignedContent
from filter_engine.config.kinds import BOOLEAN
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import Section, option
from filter_engine.message import Message
from filter_engine.scan.task import Task


@options_class
class SenderPolicyOptions(Section):
    """Options that the sections spf, dkim and dmarc share."""

    check_local: bool = option(BOOLEAN, False, doc="also check mail from local networks")
    check_authed: bool = option(BOOLEAN, False, doc="also check mail of logged-in users")


def is_exempt(task: Task, options: SenderPolicyOptions) -> bool:
    """Whether the site's own mail is at hand: from a local address, or of a logged-in user.

    Without a client address nothing is known of the sender, so the checks run.
    """
    if task.authenticated and not options.check_authed:
        return True
    return task.local and task.ip is not None and not options.check_local


def signed_content(message: Message, without: Iterable[str] = ()) -> SignedContent:
    """Header fields and body as DKIM looks at them, ``without`` the headers of these names."""
    gone = {name.lower() for name in without}
    return SignedContent(
        (
            (field.name.encode("ascii", "replace"), field.raw)
            for field in message.headers
            if not gone or field.name.lower() not in gone
        ),
        message.body,
    )
