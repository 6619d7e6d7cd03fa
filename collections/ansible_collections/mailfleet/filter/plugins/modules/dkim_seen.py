#!/usr/bin/python
# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module `mailfleet.filter.dkim_seen`: what DNS answers for the records of keys."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dkim_seen
short_description: Looks up the records of DKIM keys in DNS
version_added: 0.1.0
author: The mailfleet authors (@mailfleet)
description:
  - Asks every resolver, and every authoritative server of the zone, for the TXT record of each key
    and tells what each of them answered. Changes nothing.
  - An authoritative server counts once any of its addresses answers.
options:
  questions:
    description: Names and the values that should stand there.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the record.
        type: str
        required: true
      value:
        description: Value of the TXT record, one string.
        type: str
        required: true
  resolvers:
    description: The resolvers to ask; the first that answers finds the authoritative servers.
    type: list
    elements: dict
    required: true
    suboptions:
      address:
        description: Address of the resolver.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        default: 53
  authoritative:
    description: Whether the authoritative servers are asked too.
    type: bool
    default: true
  timeout:
    description: Seconds one server has for its answer; it is asked twice.
    type: float
    default: 3
requirements:
  - dnspython on the host
attributes:
  check_mode:
    description: Asks all the same.
    support: full
seealso:
  - module: mailfleet.filter.dkim_calendar
"""

EXAMPLES = r"""
- name: Look up the keys' records
  mailfleet.filter.dkim_seen:
    questions: "{{ __calendar.questions }}"
    resolvers:
      - address: 127.0.0.1
      - address: 192.0.2.53
  register: __seen
"""

RETURN = r"""
seen:
  description: What was found of each question.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the record.
      type: str
    right:
      description: Whether every server has this record and no other.
      type: bool
    why:
      description: Why not, server by server; empty when it is right.
      type: str
    servers:
      description: Every server that was asked, what it had and details.
      type: list
      elements: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_lookup import (
    Result,
    Server,
    look_up,
)

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "questions": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "value": {"type": "str", "required": True},
        },
    },
    "resolvers": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "default": 53},
        },
    },
    "authoritative": {"type": "bool", "default": True},
    "timeout": {"type": "float", "default": 3},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    results = look_up(
        [(one["name"], one["value"]) for one in params["questions"]],
        [Server(one["address"], one["port"]) for one in params["resolvers"]],
        params["timeout"],
        authoritative=params["authoritative"],
    )
    module.exit_json(changed=False, seen=[_plain(result) for result in results])


def _plain(result: Result) -> dict[str, Any]:
    servers = [
        {"server": str(look.server), "saw": look.saw, "detail": look.detail}
        for look in result.looks
    ]
    return {"name": result.name, "right": result.right, "why": result.why, "servers": servers}


if __name__ == "__main__":
    main()
