"""Whether a mail fits a rule of the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from filter_engine.config.expression import Atom
from filter_engine.config.settings import SettingsRule, atoms_of
from filter_engine.config.settings_patterns import AddressPattern, TextPattern
from filter_engine.scan.task import Task, client_ip

Condition = Callable[[SettingsRule, Task], bool]


def fits(rule: SettingsRule, task: Task) -> bool:
    """Whether every condition of a rule holds, or what its expression makes of them."""
    if rule.expression is not None:
        places = atoms_of(rule)

        def worth(atom: Atom) -> float:
            return float(_holds(rule, task, *places[atom.name.lower()]))

        found = rule.expression.value(worth) > 0
    else:
        found = all(
            condition(rule, task)
            for name, condition in _CONDITIONS.items()
            if name in rule.origins and (name != "header" or rule.header)
        )
    return found is not rule.inverse


def _holds(rule: SettingsRule, task: Task, name: str, header: str) -> bool:
    if name == "header":
        return _has_header(header, rule.header[header], task)
    if name == "request_header":
        return _has_request_header(header, rule.request_header[header], task)
    return _CONDITIONS[name](rule, task)


def _any(patterns: Iterable[AddressPattern], addresses: Iterable[str]) -> bool:
    found = list(addresses)
    return any(pattern.fits(address) for pattern in patterns for address in found)


def _is_authenticated(rule: SettingsRule, task: Task) -> bool:
    return rule.authenticated is None or rule.authenticated is task.authenticated


def _is_local(rule: SettingsRule, task: Task) -> bool:
    return rule.local is None or rule.local is task.local


def _has_ip(rule: SettingsRule, task: Task) -> bool:
    return rule.ip is None or (task.ip is not None and task.ip in rule.ip)


def _has_client_ip(rule: SettingsRule, task: Task) -> bool:
    if rule.client_ip is None:
        return True
    peer = client_ip(task.envelope.peer)
    return peer is not None and peer in rule.client_ip


def _has_user(rule: SettingsRule, task: Task) -> bool:
    return _any(rule.user, [task.envelope.user] if task.envelope.user else [])


def _has_sender(rule: SettingsRule, task: Task) -> bool:
    sender = task.envelope.mail_from
    return _any(rule.sender, [] if sender is None else [sender])


def _has_rcpt(rule: SettingsRule, task: Task) -> bool:
    return _any(rule.rcpt, task.envelope.rcpt_to)


def _has_hostname(rule: SettingsRule, task: Task) -> bool:
    hostname = task.envelope.hostname
    return hostname is not None and any(pattern.fits(hostname) for pattern in rule.hostname)


def _has_from_mime(rule: SettingsRule, task: Task) -> bool:
    return _any(rule.from_mime, [a.email for a in task.message.from_addresses])


def _has_rcpt_mime(rule: SettingsRule, task: Task) -> bool:
    message = task.message
    return _any(rule.rcpt_mime, [a.email for a in (*message.to, *message.cc)])


def _has_headers(rule: SettingsRule, task: Task) -> bool:
    return all(_has_header(name, wanted, task) for name, wanted in rule.header.items())


def _has_request_headers(rule: SettingsRule, task: Task) -> bool:
    return all(
        _has_request_header(name, wanted, task) for name, wanted in rule.request_header.items()
    )


def _has_header(name: str, wanted: TextPattern | bool, task: Task) -> bool:
    return _fits_any(wanted, [header.value for header in task.message.get_all(name)])


def _has_request_header(name: str, wanted: TextPattern | bool, task: Task) -> bool:
    value = task.envelope.request_header(name)
    return _fits_any(wanted, [] if value is None else [value])


def _fits_any(wanted: TextPattern | bool, values: list[str]) -> bool:
    if isinstance(wanted, bool):
        return bool(values) is wanted
    return any(wanted.contained_in(value) for value in values)


def _has_selected(rule: SettingsRule, task: Task) -> bool:
    return rule.selector is None or any(rule.selector.values(task))


#: Attribute of the rule -> its condition, the cheap ones first.
_CONDITIONS: Mapping[str, Condition] = {
    "authenticated": _is_authenticated,
    "local": _is_local,
    "ip": _has_ip,
    "client_ip": _has_client_ip,
    "user": _has_user,
    "sender": _has_sender,
    "rcpt": _has_rcpt,
    "hostname": _has_hostname,
    "request_header": _has_request_headers,
    "from_mime": _has_from_mime,
    "rcpt_mime": _has_rcpt_mime,
    "header": _has_headers,
    "selector": _has_selected,
}
