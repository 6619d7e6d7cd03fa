"""Which mail is signed, and for which domain."""

from __future__ import annotations

from typing import Final

from filter_engine.checks.signing.names import is_safe
from filter_engine.checks.signing.options import SigningOptions
from filter_engine.dns.names import organisational_domain, to_ascii
from filter_engine.scan.question import Ask
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action

_REFUSED: Final = frozenset({Action.REJECT, Action.SOFT_REJECT, Action.DISCARD})


def is_eligible(task: Task, options: SigningOptions) -> bool:
    """Whether the mail is of a kind that this site signs: by login, network or direction."""
    user = task.envelope.user
    local = task.local and task.ip is not None
    if options.allowed_ids and task.settings_id not in options.allowed_ids:
        return False
    if options.forbidden_ids and task.settings_id in options.forbidden_ids:
        return False
    return (
        (options.sign_authenticated and user is not None)
        or task.ip in options.sign_networks
        or (options.sign_local and local)
        or (options.sign_inbound and not local and user is None)
    )


async def is_refused(task: Task, ask: Ask, options: SigningOptions) -> bool:
    """Whether a signature would be a waste: the mail is refused, or marked and not wanted so."""
    # Nothing is taken from it, so nobody needs it; but it is the last to have a say in the action.
    await ask.result("force_actions")
    if task.decide is None:
        return False
    action = task.decision.action
    return action in _REFUSED or (options.skip_spam_sign and action is not Action.NO_ACTION)


def signing_domain(task: Task, options: SigningOptions) -> str | None:
    """The domain that signs this message; None when it is not to be signed."""
    if not is_eligible(task, options):
        return None
    user = task.envelope.user
    local = task.local and task.ip is not None
    in_networks = task.ip in options.sign_networks
    recipients = task.envelope.rcpt_to
    whose = _whose(options, in_networks=in_networks, local=local, known=user is not None)
    chosen = {
        "header": _header_domain(task),
        "envelope": task.envelope.sender_domain,
        "auth": _login_domain(task),
        "recipient": recipients[0].rpartition("@")[2].lower() if recipients else "",
    }.get(whose, whose)
    domain = _registered(chosen, options)
    return domain if is_safe(domain) and may_use(task, options, domain) else None


def may_use(task: Task, options: SigningOptions, domain: str) -> bool:
    """Whether who sends this mail may have it signed in that domain's name.

    Compares login, envelope sender and From, as far as the options do not allow them to differ;
    with several From addresses, or without an envelope sender, nothing is signed unless allowed.
    """
    if not task.envelope.mail_from and not options.allow_envfrom_empty:
        return False
    if len(task.message.from_addresses) > 1 and not options.allow_hdrfrom_multiple:
        return False
    header, login = _header_domain(task), _login_domain(task)
    mismatch_allowed = (
        options.allow_hdrfrom_mismatch
        or (task.local and task.ip is not None and options.allow_hdrfrom_mismatch_local)
        or (task.ip in options.sign_networks and options.allow_hdrfrom_mismatch_sign_networks)
    )
    # Rspamd compares From with nothing when the sender is null, so that whoever logged in could
    # have mail in another hosted domain's name signed. Here the login stands in for the sender.
    sender = task.envelope.sender_domain or ("" if options.allow_username_mismatch else login)
    same_sender = _registered(header, options) == _registered(sender, options)
    if header and sender and not same_sender and not mismatch_allowed:
        return False
    if task.envelope.user is None or options.allow_username_mismatch:
        return True
    return _registered(login, options) == _registered(domain, options)


def _header_domain(task: Task) -> str:
    senders = task.message.from_addresses
    return senders[0].domain.lower() if senders else ""


def _login_domain(task: Task) -> str:
    user = task.envelope.user or ""
    return user.rpartition("@")[2].lower() if "@" in user else ""


def _whose(options: SigningOptions, *, in_networks: bool, local: bool, known: bool) -> str:
    """Which ``use_domain`` counts, by where the mail comes from."""
    if in_networks and options.use_domain_sign_networks:
        return options.use_domain_sign_networks
    if local and options.use_domain_sign_local:
        return options.use_domain_sign_local
    if not local and not known and options.use_domain_sign_inbound:
        return options.use_domain_sign_inbound
    return options.use_domain


def _registered(name: str, options: SigningOptions) -> str:
    name = to_ascii(name) or ""
    return organisational_domain(name) if options.use_esld else name
