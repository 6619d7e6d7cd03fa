"""The calendar of DKIM and ARC keys: which step is due on a day. Pure: no files, no DNS, no keys.

future -> published -> active -> retiring -> revoked. `publish` takes the steps that only the day
decides, `activate` those that need what DNS was seen to answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from string import ascii_lowercase

from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_changes import (
    assigned,
    retired,
    returned,
    standing_in,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_series import (
    Policy,
    Series,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_states import (
    CalendarError,
    Key,
)

_PREFIXES = {"rsa": "r", "ed25519": "e"}


@dataclass(frozen=True)
class Seen:
    """What DNS was seen to answer for a key: whether it is right everywhere, and if not, why."""

    right: bool
    why: str = ""


@dataclass(frozen=True)
class Outcome:
    """Keys after the steps of a run, and what is to be said of them, a line each."""

    keys: list[Key]
    report: list[str]
    waiting: list[str]
    """Names of keys that are due and may not sign; the report says why."""


def publish(
    keys: Iterable[Key],
    series: Sequence[Series],
    policy: Policy,
    today: date,
    path: str,
    rotate: Collection[str] = (),
) -> list[Key]:
    """Revoke what has retired long enough and publish successors whose time has come.

    `path` is the pattern of private keys with `$domain` and `$selector`; `rotate` names domains
    whose keys change now. A new key comes without its public half, which is to be made.
    """
    left = assigned((key for key in keys if key.state != "future"), series)
    left = returned((_revoked_if_due(key, policy, today) for key in left), series)
    left = retired(left, series, today)
    for domain in rotate:
        if domain not in {one.domain for one in series}:
            raise CalendarError(f"no key of {domain} can be rotated: it is not among the domains")
    for one in series:
        mine = [key for key in left if key.series_id == one.id]
        asked = one.domain in rotate
        if one.shares is not None:
            leader = _newest(left, replace(one, domain=one.shares).id)
            if leader is not None and leader.selector not in {key.selector for key in mine}:
                left.append(_new(one, leader.selector, leader.path, today, leader.asked))
        elif _successor_is_due(mine, policy, today, asked):
            taken = {key.selector for key in left if key.domain == one.domain}
            selector = _selector(one, today, taken)
            where = path.replace("$domain", one.domain).replace("$selector", selector)
            left.append(_new(one, selector, where, today, asked))
        elif asked:
            # The successor that is published already need not wait for the end of the term.
            left = [
                replace(key, asked=True)
                if key.series_id == one.id and key.state == "published"
                else key
                for key in left
            ]
    return left


def adopt(
    keys: Sequence[Key],
    series: Sequence[Series],
    today: date,
    place: tuple[str, str, str],
    path: str,
) -> list[Key]:
    """Publish a key that somebody else made; `place` is (domain, selector, algorithm).

    A key that the calendar has is left as it is. Raises `CalendarError` when no series of the
    domain has that algorithm.
    """
    domain, selector, algorithm = place
    if any((key.domain, key.selector) == (domain, selector) for key in keys):
        return list(keys)
    fitting = [
        one
        for one in series
        if (one.domain, one.use, one.algorithm, one.shares) == (domain, "dkim", algorithm, None)
    ]
    fitting.sort(key=lambda one: one.first_selector != selector)
    if not fitting:
        raise CalendarError(
            f"{selector}._domainkey.{domain} is a key of {algorithm}, and the site wants none:"
            f" add the domain and {{selector: {selector}, algorithm: {algorithm}}}"
        )
    return [*keys, _new(fitting[0], selector, path, today, asked=True)]


def planned(keys: Sequence[Key], series: Sequence[Series], policy: Policy) -> list[Key]:
    """The future keys: whose dates follow from those that sign now."""
    found = []
    for one in series:
        current, pending = _in(keys, one, "active"), _in(keys, one, "published")
        if current is None or pending is not None or not policy.rotation or one.shares:
            continue
        change = current.since + timedelta(policy.rotation)
        publication = change - timedelta(policy.publish_lead)
        taken = {key.selector for key in keys if key.domain == one.domain}
        selector = _selector(one, publication, taken)
        dates = {"published": publication, "active": change}
        found.append(Key(one.domain, one.name, one.use, one.algorithm, selector, "future", dates))
    return found


def due(key: Key, current: Key | None, policy: Policy, keys: Iterable[Key] = ()) -> date:
    """The day a published key may sign, if its record is seen.

    `current` is the key it succeeds; `keys` are all. The first key of a new series, another
    algorithm say, stands in DNS as long as a successor does where the domain is signed for
    already: resolvers may still remember that there was no such record. A key that has signed
    before need not: its record never went.
    """
    published = key.dates["published"]
    ready = published + timedelta(policy.publish_lead)
    if current is None:
        return ready if "active" not in key.dates and _joins(key, keys) else published
    if key.asked or not policy.rotation:
        return ready
    return max(ready, current.since + timedelta(policy.rotation))


def _joins(key: Key, keys: Iterable[Key]) -> bool:
    """Whether the domain is signed for, and was before this key was published."""
    beside = [k for k in keys if (k.domain, k.use) == (key.domain, key.use)]
    published = key.dates["published"]
    return any(k.state == "active" for k in beside) and any(
        k.state in ("active", "retiring") and k.dates.get("active", published) < published
        for k in beside
    )


def questions(
    keys: Sequence[Key], series: Sequence[Series], roll_back: Collection[str] = ()
) -> list[Key]:
    """The keys whose records are to be looked up before `activate`."""
    known = {one.id for one in series}
    return [
        *(
            key
            for key in keys
            if key.series_id in known
            and (key.state in ("published", "active") or _is_named(key, roll_back, "retiring"))
        ),
        *standing_in(keys, series),
    ]


def activate(
    keys: Sequence[Key],
    series: Sequence[Series],
    policy: Policy,
    today: date,
    seen: Mapping[str, Seen],
    roll_back: Collection[str] = (),
) -> Outcome:
    """Let keys sign that are due and seen; `roll_back` names records of retiring keys.

    A key that is not among `seen` counts as not seen. Raises `CalendarError` for a key that
    cannot be rolled back to.
    """
    _check_roll_back(keys, series, roll_back)
    outcome = Outcome([key for key in keys if key.state != "future"], [], [])
    for one in series:
        for key in [k for k in outcome.keys if k.series_id == one.id]:
            if _is_named(key, roll_back, "retiring"):
                _switch(outcome, one, key, today, seen, " again")
        pending = _in(outcome.keys, one, "published")
        current = _in(outcome.keys, one, "active")
        if pending is not None:
            day = due(pending, current, policy, keys)
            if today >= day:
                _switch(outcome, one, pending, today, seen, "")
            else:
                look = seen.get(pending.name)
                state = "seen" if look and look.right else "not seen yet"
                outcome.report.append(f"{pending.name}: due on {day.isoformat()}, {state}")
    before = standing_in(outcome.keys, series)
    outcome.keys[:] = retired(outcome.keys, series, today)
    after = standing_in(outcome.keys, series)
    outcome.report.extend(
        f"{key.name} retires: it is not wanted any more" for key in before if key not in after
    )
    signing = [_in(outcome.keys, one, "active") for one in series] + after
    for key in filter(None, signing):
        look = seen.get(key.name)
        if look is not None and not look.right:
            outcome.report.append(f"{key.name} signs, but its record is not right: {look.why}")
    return outcome


def signing(
    keys: Sequence[Key], series: Sequence[Series], use: str, *, rsa_only: bool = False
) -> list[dict[str, object]]:
    """Return `{domain, selectors: [{selector, path}]}` of every domain: what the engine signs with.

    A domain without an active key has no selectors, so that nothing else signs for it. A key that
    is not wanted any more signs as long as none that is does (`dkim_changes`).
    """
    found: dict[str, list[dict[str, str]]] = {one.domain: [] for one in series}
    active = [_in(keys, one, "active") for one in series]
    for key in filter(None, [*active, *standing_in(keys, series)]):
        if key.use == use and (key.algorithm == "rsa" or not rsa_only):
            found[key.domain].append({"selector": key.selector, "path": key.path})
    return [{"domain": domain, "selectors": places} for domain, places in found.items()]


def _switch(
    outcome: Outcome, one: Series, key: Key, today: date, seen: Mapping[str, Seen], again: str
) -> None:
    """Make a key the one that signs, or say why it is not."""
    current = _in(outcome.keys, one, "active")
    look = seen.get(key.name, Seen(False, "its record was not looked up"))
    if not look.right:
        signer = current or next(
            (
                k
                for k in outcome.keys
                if k.state == "active" and (k.domain, k.use) == (one.domain, one.use)
            ),
            None,
        )
        stays = f"{signer.name} goes on signing" if signer else f"nothing signs for {one.domain}"
        outcome.waiting.append(key.name)
        outcome.report.append(f"{key.name} must not sign yet: {look.why}; {stays}")
        return
    words = f"{key.name} signs{again}"
    # Whatever was published before this one is not needed any more.
    outcome.keys[:] = [
        k.entering("retiring", today)
        if k.series_id == one.id and k.state == "published" and k != key and _older(k, key)
        else k
        for k in outcome.keys
    ]
    outcome.keys[outcome.keys.index(key)] = key.entering("active", today)
    if current is not None:
        outcome.keys[outcome.keys.index(current)] = current.entering("retiring", today)
        words += f", {current.name} retires"
    outcome.report.append(words)


def _check_roll_back(
    keys: Iterable[Key], series: Sequence[Series], roll_back: Collection[str]
) -> None:
    found = {key.name: key for key in keys}
    states = {name: key.state for name, key in found.items()}
    wanted = {one.id for one in series}
    for name in roll_back:
        state = states.get(name)
        if state == "retiring" and found[name].series_id not in wanted:
            raise CalendarError(
                f"{name} is of a key that is not wanted any more: name its algorithm again"
            )
        came_back = state == "published" and "active" in found[name].dates
        if state not in ("active", "retiring") and not came_back:
            known = ", ".join(sorted(n for n, s in states.items() if s == "retiring"))
            raise CalendarError(
                f"{name} is {state or 'no key'}: only a retiring key can sign again"
                f" ({known or 'there is none'})"
            )


def _successor_is_due(mine: Sequence[Key], policy: Policy, today: date, asked: bool) -> bool:
    if any(key.state == "published" for key in mine):
        return False
    current = next((key for key in mine if key.state == "active"), None)
    if current is None or asked:
        return True
    end = current.since + timedelta(policy.rotation)
    return bool(policy.rotation) and today >= end - timedelta(policy.publish_lead)


def _revoked_if_due(key: Key, policy: Policy, today: date) -> Key:
    if key.state == "retiring" and today >= key.since + timedelta(policy.overlap):
        return key.entering("revoked", today)
    return key


def _new(one: Series, selector: str, path: str, today: date, asked: bool) -> Key:
    return Key(
        one.domain,
        one.name,
        one.use,
        one.algorithm,
        selector,
        "published",
        {"published": today},
        asked,
        path=path,
    )


def _selector(one: Series, day: date, taken: Collection[str]) -> str:
    """The first selector while it is free, then one by date: r20261121, r20261121b ..."""
    if one.first_selector is not None and one.first_selector not in taken:
        return one.first_selector
    stem = f"{'a' if one.use == 'arc' else ''}{_PREFIXES[one.algorithm]}{day:%Y%m%d}"
    names = [stem, *(stem + letter for letter in ascii_lowercase[1:])]
    free = [name for name in names if name not in taken]
    if free:
        return free[0]
    raise CalendarError(f"{one.domain} has had 26 keys on {day.isoformat()}: wait a day")


def _in(keys: Iterable[Key], one: Series, state: str) -> Key | None:
    """The key of a series in a state; of several the one that was published last."""
    found = [k for k in keys if k.series_id == one.id and k.state == state]
    return max(reversed(found), key=lambda key: key.dates["published"], default=None)


def _older(key: Key, than: Key) -> bool:
    return key.dates["published"] <= than.dates["published"]


def _newest(keys: Iterable[Key], series_id: tuple[str, str, str, str]) -> Key | None:
    live = [k for k in keys if k.series_id == series_id and k.state in ("published", "active")]
    return max(live, key=lambda key: key.dates["published"], default=None)


def _is_named(key: Key, names: Collection[str], state: str) -> bool:
    return key.state == state and key.name in names
