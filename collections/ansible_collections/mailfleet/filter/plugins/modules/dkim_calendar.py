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

from typing import Any

from ansible_collections.mailfleet.filter.plugins.module_utils import (
    dkim_series,
    key_layouts,
    openssl_key,
    secret_arguments,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_step import Step

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


if __name__ == "__main__":
    main()
