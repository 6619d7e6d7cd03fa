#!/usr/bin/python
# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module `mailfleet.filter.dkim_calendar`: DKIM and ARC keys with a calendar."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dkim_calendar
short_description: Keeps DKIM and ARC keys by a calendar
version_added: 0.1.0
author: The mailfleet authors (@mailfleet)
description:
  - Takes the steps that are due of the keys of all domains, from future over published, active and
    retiring to revoked.
  - The state is one file on the host, the private keys lie beside it. They are made here or handed
    over once, never overwritten, removed or returned.
  - O(step=publish) does what the day alone decides, O(step=activate) what DNS must have been seen
    to answer first.
options:
  step:
    description: What to do; V(show) changes nothing.
    type: str
    choices: [show, publish, activate]
    default: show
  path:
    description:
      - Path of a private key, with C($domain) and C($selector).
      - Its directory must exist and holds the other files too.
    type: str
    required: true
  domains:
    description:
      - Domains to sign for, names or mappings C({domain, selectors, shares}).
      - C(shares) names a domain whose private keys are used.
    type: list
    elements: raw
    required: true
  selectors:
    description:
      - The keys of a domain that says nothing else, mappings C({selector, algorithm}).
      - C(selector) names the first key, or after a change the next one; others are named by date.
    type: list
    elements: dict
    default: [{selector: mail, algorithm: rsa}]
  arc:
    description: What seals; V(shared) the DKIM keys, V(own) a key of its own for each domain.
    type: str
    choices: [none, shared, own]
    default: none
  rotation:
    description: Days a key signs before its successor does; 0 for ever.
    type: int
    default: 180
  publish_lead:
    description: Days a successor's record stands in DNS before it signs.
    type: int
    default: 14
  overlap:
    description: Days the record of a retired key still stands.
    type: int
    default: 14
  today:
    description: The day to reckon with, C(YYYY-MM-DD).
    type: str
    required: true
  day_given:
    description:
      - Whether a person gave O(today). The day of a clock is refused where it is earlier than the
        last run's, or later by more than O(rotation) days.
    type: bool
    default: false
  ttl:
    description: Lifetime of the records in seconds.
    type: int
    default: 3600
  rsa_bits:
    description: Size of new RSA keys.
    type: int
    choices: [2048, 3072, 4096]
    default: 2048
  rotate:
    description: Domains whose keys change now (O(step=publish)).
    type: list
    elements: str
    default: []
  roll_back:
    description:
      - Names of records of retiring keys that are to sign again (O(step=activate)).
      - A name is carried out once, and again only after a run without it.
    type: list
    elements: str
    default: []
  seen:
    description: What DNS answered, as M(mailfleet.filter.dkim_seen) returns it (O(step=activate)).
    type: list
    elements: dict
    default: []
  given:
    description: Keys from a vault (O(step=publish)).
    type: list
    elements: dict
    default: []
    suboptions:
      domain:
        description: The signing domain.
        type: str
        required: true
      selector:
        description: The selector.
        type: str
        required: true
      private:
        description: The private key as PEM, or as base64 of it without its BEGIN and END lines.
        type: str
        required: true
  imports:
    description: Keys of another mail system on this host (O(step=publish)).
    type: list
    elements: dict
    default: []
    suboptions:
      layout:
        description: How the files are named.
        type: str
        choices: [amavis, docker-mailserver, opendkim, rspamd]
        required: true
      path:
        description: Directory of the keys; for V(amavis) it may be its configuration file.
        type: path
        required: true
  owner:
    description: Owner of the files.
    type: str
    default: root
  group:
    description: Group of the files.
    type: str
    default: root
  mode:
    description: Mode of the private keys, quoted and octal.
    type: str
    default: "0640"
requirements:
  - openssl (1.1.1 or newer) on the host
attributes:
  check_mode:
    description: Tells the steps; keys that are not there have no record yet.
    support: full
  diff_mode:
    description: Shows calendar and records, never a private key.
    support: full
seealso:
  - module: mailfleet.filter.dkim_seen
  - module: mailfleet.filter.dkim_key
"""

EXAMPLES = r"""
- name: Publish the keys whose time has come
  mailfleet.filter.dkim_calendar:
    step: publish
    path: /etc/dkimkeys/$domain.$selector.key
    domains: [example.net]
    today: "2026-11-21"
  register: __calendar
"""

RETURN = r"""
records:
  description: What must stand in DNS (docs/keys.md).
  type: list
  elements: dict
  returned: success
questions:
  description: Records to look up before O(step=activate), C({name, value}) each.
  type: list
  elements: dict
  returned: success
signing:
  description: The keys that sign, C({domain, selectors}) with C(selector) and C(path) of each.
  type: list
  elements: dict
  returned: success
sealing:
  description: The keys that seal (ARC), of the same form; empty for O(arc=none).
  type: list
  elements: dict
  returned: success
report:
  description: What was done and what could not be, a line each.
  type: list
  elements: str
  returned: success
waiting:
  description: Names of keys that are due and may not sign yet.
  type: list
  elements: str
  returned: success
"""

import os
from datetime import date
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailfleet.filter.plugins.module_utils import (
    dkim_calendar,
    dkim_changes,
    dkim_last_run,
    dkim_series,
    key_layouts,
    openssl_key,
    secret_arguments,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_keyring import Keyring
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_record import record_name
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_states import (
    CalendarError,
    Key,
    records,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.file_attributes import (
    Owners,
    read_mode,
)

CALENDAR = "calendar.json"
RECORDS = "dkim_records.json"
_LIST = {"type": "list", "elements": "dict", "default": []}
_NAMES = {"type": "list", "elements": "str", "default": []}

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "step": {"type": "str", "choices": ["show", "publish", "activate"], "default": "show"},
    "path": {"type": "str", "required": True},
    "domains": {"type": "list", "elements": "raw", "required": True},
    "selectors": {
        "type": "list",
        "elements": "dict",
        "default": [{"selector": "mail", "algorithm": "rsa"}],
    },
    "arc": {"type": "str", "choices": list(dkim_series.ARC_CHOICES), "default": "none"},
    "rotation": {"type": "int", "default": 180},
    "publish_lead": {"type": "int", "default": 14},
    "overlap": {"type": "int", "default": 14},
    "today": {"type": "str", "required": True},
    "day_given": {"type": "bool", "default": False},
    "ttl": {"type": "int", "default": 3600},
    "rsa_bits": {"type": "int", "choices": [2048, 3072, 4096], "default": 2048},
    "rotate": _NAMES,
    "roll_back": _NAMES,
    "seen": _LIST,
    "given": {
        **_LIST,
        "options": {
            "domain": {"type": "str", "required": True},
            "selector": {"type": "str", "required": True},
            "private": {"type": "str", "required": True, "no_log": True},
        },
    },
    "imports": {
        **_LIST,
        "options": {
            "layout": {"type": "str", "required": True, "choices": list(key_layouts.LAYOUTS)},
            "path": {"type": "path", "required": True},
        },
    },
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0640"},
}


def main() -> None:
    """Run the module."""
    module = secret_arguments.start(ARGUMENT_SPEC, supports_check_mode=True)
    try:
        result = Step(module).run()
    except (openssl_key.KeyFileError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


class Step:
    """One step of the calendar on this host."""

    def __init__(self, module: AnsibleModule) -> None:
        params = module.params
        self.params, self.check_mode = params, module.check_mode
        self.series = dkim_series.wanted(params["domains"], params["selectors"], params["arc"])
        self.policy = dkim_series.Policy(
            params["rotation"], params["publish_lead"], params["overlap"]
        )
        self.today = _day(params["today"])
        self.report: list[str] = []
        self.waiting: list[str] = []
        self.changed = False
        self.roll_back: list[str] = []
        self.keyring = self._keyring(module)

    def _keyring(self, module: AnsibleModule) -> Keyring:
        params, show = self.params, self.params["step"] == "show"
        directory = os.path.dirname(params["path"])
        if "$" in directory or "$selector" not in params["path"]:
            raise CalendarError("path has $selector, and $domain, in the name of the file only")
        if not os.path.isdir(directory) and not (self.check_mode or show):
            raise CalendarError(f"{directory} is not a directory: create it first")
        mode = read_mode(params["mode"], "mode")
        if mode & 0o007:
            raise CalendarError(f"mode {params['mode']} lets everybody at the private keys")
        openssl = module.get_bin_path("openssl")
        if openssl is None and not (self.check_mode or show):
            raise CalendarError(
                "openssl is not installed on this host: install the package openssl"
            )
        owners = Owners(check_mode=self.check_mode or show)
        return Keyring(
            openssl=openssl or "",
            calendar=os.path.join(directory, CALENDAR),
            records=os.path.join(directory, RECORDS),
            uid=owners.uid(params["owner"]),
            gid=owners.gid(params["group"]),
            key_mode=mode,
            rsa_bits=params["rsa_bits"],
        )

    def run(self) -> dict[str, Any]:
        """Do the step; what the module returns."""
        if self.params["step"] == "show" or self.check_mode:
            return self._run()
        with self.keyring.locked():
            return self._run()

    def _run(self) -> dict[str, Any]:
        params = self.params
        keys = dkim_changes.assigned(self.keyring.load(), self.series)
        last = self.keyring.load_last_run()
        self.roll_back = [name for name in params["roll_back"] if name not in last.rolled_back]
        if params["step"] != "show" and not params["day_given"]:
            before = last.day or dkim_last_run.newest(keys)
            dkim_last_run.check_day(self.today, before, self.policy.rotation)
        if params["step"] == "publish":
            keys = self._publish(keys)
        elif params["step"] == "activate":
            keys = self._activate(keys)
        result: dict[str, Any] = {}
        if params["step"] != "show":
            known = [key for key in keys if key.public_key]
            future = dkim_calendar.planned(keys, self.series, self.policy)
            diff = self.keyring.save([*known, *future], params["ttl"], check_mode=self.check_mode)
            self.changed |= bool(diff) or known != [k for k in keys if k.state != "future"]
            result["diff"] = diff
            if not self.check_mode:
                self.keyring.save_last_run(self._this_run(keys, last))
        return {**result, **self._facts(keys), "changed": self.changed}

    def _activate(self, keys: list[Key]) -> list[Key]:
        params = self.params
        seen = {one["name"]: _seen(one) for one in params["seen"]}
        outcome = dkim_calendar.activate(
            keys, self.series, self.policy, self.today, seen, self.roll_back
        )
        self.report, self.waiting = outcome.report, outcome.waiting
        active = {key.name for key in outcome.keys if key.state == "active"}
        self.report += [
            f"{name} was rolled back to before and has retired since: it is not again while"
            " dkim_keys_roll_back still names it"
            for name in params["roll_back"]
            if name not in self.roll_back and name not in active
        ]
        return outcome.keys

    def _this_run(self, keys: list[Key], last: dkim_last_run.LastRun) -> dkim_last_run.LastRun:
        """What the next run is to know; a verb that is given no more may be given again."""
        params = self.params
        done = set(last.rolled_back)
        if params["step"] == "activate":
            done |= {key.name for key in keys if key.state == "active"}
        return dkim_last_run.LastRun(
            last.followed_by(self.today, day_given=params["day_given"]),
            tuple(sorted(done.intersection(params["roll_back"]))),
        )

    def _publish(self, keys: list[Key]) -> list[Key]:
        params, path = self.params, self.params["path"]
        for one in params["given"]:
            keys = self._given(keys, one)
        for one in params["imports"]:
            keys = self._imported(keys, one)
        before = {key.name: key.state for key in keys}
        keys = dkim_calendar.publish(
            keys, self.series, self.policy, self.today, path, params["rotate"]
        )
        for key in keys:
            if before.get(key.name, "future") not in (key.state, "future"):
                self.report.append(f"{key.name} is {key.state} now")
            elif key.name not in before:
                self.report.append(f"{key.name} is to be published now")
        if self.check_mode:
            self.changed |= any(not key.public_key for key in keys if key.state != "future")
        else:
            keys = self.keyring.complete(keys)
        self.changed |= self.keyring.correct_attributes(keys, check_mode=self.check_mode)
        return keys

    def _given(self, keys: list[Key], one: dict[str, Any]) -> list[Key]:
        domain, selector = str(one["domain"]), str(one["selector"])
        name = f"the given key {record_name(selector, domain)}"
        return self._adopt(keys, domain, selector, str(one["private"]).encode(), name)

    def _imported(self, keys: list[Key], one: dict[str, Any]) -> list[Key]:
        domains = {series.domain for series in self.series if series.shares is None}
        found, left = key_layouts.find(str(one["layout"]), str(one["path"]), domains)
        self.report += [f"not imported: {line}" for line in left]
        for key in found:
            try:
                with open(key.path, "rb") as stream:
                    text = stream.read(openssl_key.MAX_KEY_BYTES + 1)
            except OSError as error:
                raise CalendarError(f"{key.path} cannot be read: {error.strerror}") from error
            try:
                keys = self._adopt(keys, key.domain, key.selector, text, key.path)
            except CalendarError as error:
                self.report.append(f"not imported: {key.path}: {error}")
        return keys

    def _adopt(
        self, keys: list[Key], domain: str, selector: str, text: bytes, name: str
    ) -> list[Key]:
        if not self.keyring.openssl:
            raise CalendarError(f"openssl is not installed, so {name} cannot be checked")
        public = self.keyring.inspect(text, name)
        path = self.params["path"].replace("$domain", domain).replace("$selector", selector)
        place = (domain, selector, public.algorithm)
        adopted = dkim_calendar.adopt(keys, self.series, self.today, place, path)
        if len(adopted) > len(keys):
            self.report.append(f"{adopted[-1].name} was handed over")
        if self.check_mode:
            self.changed |= len(adopted) > len(keys)
        else:
            self.changed |= self.keyring.place(path, text, name)
        return adopted

    def _facts(self, keys: list[Key]) -> dict[str, Any]:
        params = self.params
        known = [key for key in keys if key.public_key]
        asked = dkim_calendar.questions(known, self.series, self.roll_back)
        use = {"none": "", "shared": "dkim", "own": "arc"}[params["arc"]]
        return {
            "records": records(known, params["ttl"]),
            "questions": [{"name": key.name, "value": key.value} for key in asked],
            "signing": dkim_calendar.signing(known, self.series, "dkim"),
            # Hardly anybody verifies a seal of Ed25519.
            "sealing": dkim_calendar.signing(known, self.series, use, rsa_only=True) if use else [],
            "report": self.report,
            "waiting": self.waiting,
        }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CalendarError(f"today {text!r} is not a day: write YYYY-MM-DD") from error


def _seen(one: dict[str, Any]) -> dkim_calendar.Seen:
    return dkim_calendar.Seen(one.get("right") is True, str(one.get("why", "")))


if __name__ == "__main__":
    main()
