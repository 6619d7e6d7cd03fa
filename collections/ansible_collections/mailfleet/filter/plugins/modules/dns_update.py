#!/usr/bin/python
# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module `mailfleet.filter.dns_update`: publishes records, and touches no one else's."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_update
short_description: Publishes DNS records by dynamic update
version_added: 0.1.0
author: The mailfleet authors (@mailfleet)
description:
  - Asks an authoritative server what stands there and changes what differs (RFC 2136), signed with
    a TSIG key (RFC 8945).
  - >-
    Only records that this module published are ever changed or removed; it remembers them in
    O(state). A record of another's that cannot stand beside a wanted one (a second SPF record,
    another MX) makes it fail, unless O(adopt) is set. One that is as wanted already is left to
    whoever made it.
  - One zone is changed at once or not at all, and only if it still is as it was when it was looked
    at.
options:
  server:
    description: Address of the zones' primary server.
    type: str
    required: true
  port:
    description: Port of the server.
    type: int
    default: 53
  records:
    description:
      - All the records that should be, as P(mailfleet.filter.dns_expected#filter) returns them.
        What was published before and is no longer among them is removed.
      - A record of a zone that the server does not have is returned in RV(elsewhere).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name, absolute, without final dot.
        type: str
        required: true
      type:
        description: Type.
        type: str
        required: true
      ttl:
        description: Lifetime in seconds.
        type: int
        required: true
      value:
        description: Data in zone form; the plain text for TXT.
        type: str
        required: true
      rivals:
        description:
          - Which records of that name and type cannot stand beside it; empty for all, a text for
            those that begin so, null for none.
        type: str
      reason:
        description: Why it exists; not used here.
        type: str
      domain:
        description: Whom it serves; not used here.
        type: str
  key_name:
    description: Name of the TSIG key.
    type: str
  key_algorithm:
    description: Its algorithm.
    type: str
    choices: [hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512, hmac-sha1]
    default: hmac-sha256
  key_secret:
    description: Its secret in base64.
    type: str
  key_file:
    description:
      - File on the host with the key as BIND's tools write it, in place of O(key_name) and
        O(key_secret).
    type: path
  state:
    description: File that remembers what was published. Its directory must exist.
    type: path
    required: true
  adopt:
    description:
      - Whether records that nobody here made, and that are in the way, are replaced, and those that
        are as wanted already become this module's, to change and to remove later.
    type: bool
    default: false
  timeout:
    description: Seconds to wait for one answer.
    type: int
    default: 10
requirements:
  - python3-dnspython (2.3 or newer) on the host
attributes:
  check_mode:
    description: The server is asked and nothing is sent to it that changes it.
    support: full
  diff_mode:
    description: Shows the records that change in zone form.
    support: full
"""

EXAMPLES = r"""
- name: Publish the site's records
  mailfleet.filter.dns_update:
    server: 192.0.2.53
    key_name: mail
    key_secret: "{{ vault_dns_key }}"
    records: "{{ document.records }}"
    state: /var/lib/mailfleet/dns/published.json
"""

RETURN = r"""
added:
  description: Records that were added, in zone form.
  type: list
  elements: str
  returned: success
removed:
  description: Records that were removed, in zone form.
  type: list
  elements: str
  returned: success
elsewhere:
  description: Names and types of wanted records whose zone this server does not have.
  type: list
  elements: str
  returned: success
conflicts:
  description: Records of others that are in the way; the module fails where there are any.
  type: list
  elements: str
  returned: always
zones:
  description: The zones that were looked at.
  type: list
  elements: str
  returned: success
"""

import traceback
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.mailfleet.filter.plugins.module_utils import (
    dns_published,
    secret_arguments,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dns_plan import (
    Change,
    Present,
    Slot,
    Wanted,
    plan,
)

try:
    from ansible_collections.mailfleet.filter.plugins.module_utils import dns_server

    NO_LIBRARY = ""
except ImportError:
    NO_LIBRARY = traceback.format_exc()

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "server": {"type": "str", "required": True},
    "port": {"type": "int", "default": 53},
    "records": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "type": {"type": "str", "required": True},
            "ttl": {"type": "int", "required": True},
            "value": {"type": "str", "required": True},
            "rivals": {"type": "str"},
            "reason": {"type": "str"},
            "domain": {"type": "str"},
        },
    },
    "key_name": {"type": "str"},
    "key_algorithm": {
        "type": "str",
        "choices": ["hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha1"],
        "default": "hmac-sha256",
    },
    "key_secret": {"type": "str", "no_log": True},
    "key_file": {"type": "path", "no_log": False},
    "state": {"type": "path", "required": True},
    "adopt": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 10},
}


def main() -> None:
    """Run the module."""
    module = secret_arguments.start(
        ARGUMENT_SPEC,
        required_together=[("key_name", "key_secret")],
        mutually_exclusive=[("key_name", "key_file"), ("key_secret", "key_file")],
        supports_check_mode=True,
    )
    if NO_LIBRARY:
        if module.check_mode:  # the package is what a real run installs first
            module.exit_json(
                changed=True, added=[], removed=[], elsewhere=[], conflicts=[], zones=[]
            )
        module.fail_json(msg=missing_required_lib("dnspython"), exception=NO_LIBRARY)
    try:
        result = _publish(module)
    except (dns_server.ServerError, OSError, ValueError) as error:
        module.fail_json(msg=str(error), conflicts=[])
    if result["conflicts"]:
        module.fail_json(
            msg="records that nobody here made are in the way, nothing was changed: "
            + "; ".join(result["conflicts"])
            + ". Remove them, or set adopt to have them replaced.",
            **result,
        )
    module.exit_json(**result)


def _publish(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    server = dns_server.Server(params["server"], params["port"], _key(params), params["timeout"])
    wanted = _wanted(params["records"])
    state = dns_published.read(params["state"])
    slots = dict.fromkeys((*wanted, *state.owned, *state.intended))
    zones = {slot: server.zone_of(slot[0]) for slot in slots}
    here = {slot: one for slot, one in wanted.items() if zones[slot]}
    present = {slot: server.present(slot) for slot in slots if zones[slot]}
    mine = _mine(state, present)
    made = plan(here, present, mine, adopt=params["adopt"])
    after = dns_published.Published(
        {**made.owned, **_away(state.owned, zones)}, _away(state.intended, zones)
    )
    changed = bool(made.changes)
    if not made.conflicts and not module.check_mode:
        owned = {**mine, **_away(state.owned, zones)}
        for zone in dict.fromkeys(zones[change.slot] for change in made.changes):
            assert zone is not None
            ours = {slot: made.owned[slot] for slot in made.owned if zones[slot] == zone}
            others = {slot: texts for slot, texts in owned.items() if zones[slot] != zone}
            changes = [one for one in made.changes if zones[one.slot] == zone]
            _send(server, zone, changes, params["state"], owned, after.intended)
            # At once: should the next zone be refused, these are ours all the same.
            owned = {**others, **ours}
            dns_published.write(params["state"], dns_published.Published(owned, after.intended))
        changed = dns_published.write(params["state"], after) or changed
    elif not made.conflicts:
        changed = changed or after.text() != state.text()
    return {
        "changed": changed and not made.conflicts,
        "added": [line for one in made.changes for line in _lines(one.slot, one.ttl, one.add)],
        "removed": [
            line for one in made.changes for line in _lines(one.slot, one.before.ttl, one.remove)
        ],
        "elsewhere": [" ".join(slot) for slot in wanted if not zones[slot]],
        "conflicts": [str(conflict) for conflict in made.conflicts],
        "zones": sorted({zone for zone in zones.values() if zone}),
        "diff": _diff(made.changes, params["server"]),
    }


def _mine(
    state: dns_published.Published, present: Mapping[Slot, Present]
) -> dict[Slot, tuple[str, ...]]:
    """Return the records of these zones that are ours, with those an update brought whose end
    nobody saw."""
    mine = {slot: texts for slot, texts in state.owned.items() if slot in present}
    for slot, texts in state.intended.items():
        if slot in present:
            came = (text for text in texts if text in present[slot].data)
            mine[slot] = tuple(dict.fromkeys((*mine.get(slot, ()), *came)))
    return mine


def _away(
    records: dns_published.Records, zones: Mapping[Slot, str | None]
) -> dict[Slot, tuple[str, ...]]:
    """Those of zones that the server does not have (any more)."""
    return {slot: texts for slot, texts in records.items() if not zones[slot]}


def _send(
    server: dns_server.Server,
    zone: str,
    changes: list[Change],
    path: str,
    owned: dns_published.Records,
    intended: dns_published.Records,
) -> None:
    """Change a zone; what is added is noted before, in case nobody sees how it ends."""
    added = {
        one.slot: tuple(text for text in one.add if text not in one.before.data) for one in changes
    }
    added = {slot: texts for slot, texts in added.items() if texts}
    if added:
        dns_published.write(path, dns_published.Published(owned, {**intended, **added}))
    try:
        _apply(server, zone, changes)
    except dns_server.RefusedError:
        # Nothing came of it: who makes these records now is somebody else.
        dns_published.write(path, dns_published.Published(owned, intended))
        raise


def _key(params: Mapping[str, Any]) -> dns_server.TsigKey | None:
    if params["key_file"]:
        with open(params["key_file"], encoding="utf-8", errors="replace") as file:
            return dns_server.read_key(file.read(dns_server.MAX_KEY_FILE), params["key_file"])
    if params["key_name"]:
        return dns_server.TsigKey(params["key_name"], params["key_algorithm"], params["key_secret"])
    return None


def _wanted(records: Iterable[Mapping[str, Any]]) -> dict[Slot, Wanted]:
    found: dict[Slot, Wanted] = {}
    for record in records:
        slot = (record["name"].rstrip(".").lower(), record["type"].upper())
        text = dns_server.rdata_of(slot[1], record["value"]).to_text()
        known = found.get(slot, Wanted(record["ttl"], (), ()))
        rivals = () if record["rivals"] is None else (record["rivals"],)
        found[slot] = Wanted(
            known.ttl,
            tuple(dict.fromkeys((*known.data, text))),
            tuple(dict.fromkeys((*known.rivals, *rivals))),
        )
    return found


def _apply(server: dns_server.Server, zone: str, changes: list[Change]) -> None:
    """Change a zone, then look whether each set is as it should be."""
    server.update(zone, changes)
    for change in changes:
        now = server.present(change.slot)
        if set(change.add) - set(now.data) or set(change.remove) & set(now.data):
            raise dns_server.ServerError(
                f"{server.label} took the update and {' '.join(change.slot)} is not as it should "
                "be: is there a CNAME of that name, or is it another server's copy?"
            )


def _lines(slot: Slot, ttl: int, texts: Iterable[str]) -> list[str]:
    return [f"{slot[0]}. {ttl} IN {slot[1]} {text}" for text in texts]


def _diff(changes: Iterable[Change], server: str) -> dict[str, str]:
    before, after = [], []
    for change in changes:
        before += _lines(change.slot, change.before.ttl, change.before.data)
        stay = [
            text
            for text in change.before.data
            if text not in change.remove and text not in change.add
        ]
        ttl = change.ttl if change.add else change.before.ttl
        after += _lines(change.slot, ttl, [*stay, *change.add])
    return {
        "before": "".join(f"{line}\n" for line in sorted(before)),
        "after": "".join(f"{line}\n" for line in sorted(after)),
        "before_header": f"zones at {server}",
        "after_header": f"zones at {server}",
    }


if __name__ == "__main__":
    main()
