#!/usr/bin/python
# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Documentation of `mailfleet.filter.vault_secrets`; its action plugin does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_secrets
short_description: Makes passwords and keeps them in an encrypted file of the inventory
version_added: 0.1.0
author: The mailfleet authors (@mailfleet)
description:
  - Sees to it that an encrypted file of variables on the controller holds a random password by
    each name. What is there stays.
  - The file is encrypted with the vault secret of this run (C(--vault-password-file),
    C(--ask-vault-pass)). No password is shown, logged or returned; no host is contacted.
options:
  path:
    description: The file. Its directory is made; the file is readable by its owner alone.
    type: path
    required: true
  names:
    description: Names of the variables.
    type: list
    elements: str
    required: true
  renew:
    description: Those of the file whose value is replaced.
    type: list
    elements: str
    default: []
  length:
    description: Letters and digits of a password.
    type: int
    default: 32
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Says what would be made.
    support: full
  diff_mode:
    description: Shows names, never values.
    support: full
"""

EXAMPLES = r"""
- name: Have every password in the vault
  mailfleet.filter.vault_secrets:
    path: "{{ inventory_dir }}/group_vars/all/made.yml"
    names: [vault_redis_password, vault_filter_engine_enable_password]
  run_once: true
"""

RETURN = r"""
made:
  description: Names of what was made.
  type: list
  elements: str
  returned: success
renewed:
  description: Names of what was replaced.
  type: list
  elements: str
  returned: success
"""
