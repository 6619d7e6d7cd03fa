"""What SPF, DKIM and DMARC share: whose mail they leave alone, and how DKIM sees a message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from filter_engine.auth.canonical import SignedContent
from filter_engine.auth.dkim_sign import SignedHeader
from filter_engine.config.kinds import BOOLEAN
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import Section, option
from filter_engine.dns.names import cleaned_host
from filter_engine.headers.privacy import stripped
from filter_engine.message import Message
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action


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


def author_domains(message: Message) -> tuple[str, ...]:
    """The domains of the From addresses as people read them, each once, the first first."""
    found = (cleaned_host(address.domain) for address in message.from_addresses)
    return tuple(dict.fromkeys(filter(None, found)))


def leaving_content(task: Task) -> SignedContent:
    """The message as it leaves this host: what privacy takes away is not signed."""
    return signed_content(task.message, stripped(task))


def leaving_headers(task: Task, headers: Sequence[SignedHeader]) -> Sequence[SignedHeader]:
    """The headers to sign that leave as they are: not Subject, where the action rewrites it."""
    if task.decide is None or task.decision.action is not Action.REWRITE_SUBJECT:
        return headers
    return tuple(header for header in headers if header.name != b"subject")


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
