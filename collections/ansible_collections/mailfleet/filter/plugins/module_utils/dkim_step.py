"""One run of the key calendar on a host: what is read, made, given, imported and written.

Module `dkim_calendar` is its interface; what is due follows from `dkim_calendar` beside this file.
"""

from __future__ import annotations

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
from ansible_collections.mailfleet.filter.plugins.module_utils.key_text import MAX_KEY_BYTES

CALENDAR = "calendar.json"
RECORDS = "dkim_records.json"


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
                    text = stream.read(MAX_KEY_BYTES + 1)
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
