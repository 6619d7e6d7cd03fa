#!/usr/bin/python
# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module `mailfleet.filter.config_tree`: places a tree the action plugin rendered."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_tree
short_description: Renders a whole configuration tree, validates it and swaps it in
version_added: 0.1.0
author: The mailfleet authors (@mailfleet)
description:
  - Renders the files below a directory of the role's C(templates/) on the controller, sends them in
    one go, stages them on the host, runs a validation command on the staged tree and puts it in
    place atomically.
  - Files that only make sense together are validated together. If anything fails, nothing changes.
  - The last good trees are kept for O(state=rolled_back).
options:
  name:
    description:
      - Name of the tree. Its memory is O(state_directory)/NAME.
    type: str
    required: true
  state:
    description:
      - V(present) renders and places the tree.
      - V(rolled_back) brings back a kept generation, which is validated as well. Then only O(name)
        is needed.
    type: str
    choices: [present, rolled_back]
    default: present
  source:
    description:
      - Directories below C(templates/) of the role. Files ending in C(.j2) are rendered with the
        task's variables and lose the suffix, others are copied as they are; sub-directories stay.
      - With several, a later one wins over an earlier one.
    type: list
    elements: str
    default: [tree]
  exclude:
    description: Globs of files of O(source), as named on the host, that this host does not get.
    type: list
    elements: str
    default: []
  files:
    description: Further files, path to text. They win over those of O(source).
    type: dict
    default: {}
  dest:
    description: The live directory. Required for O(state=present).
    type: path
  exclusive:
    description:
      - V(true) if the whole directory belongs to the tree. Files not rendered are removed. O(dest)
        is then a link to the current generation in a directory beside it, swapped by C(rename(2));
        an existing directory is moved aside as generation 0 and kept.
      - V(false) if it is shared. Only files the tree rendered earlier are removed. Every changed
        file is placed by C(rename(2)), and all are put back if one cannot be placed.
    type: bool
    default: false
  validate:
    description:
      - Command for the staged tree; C(%s) stands for its directory, which is also the working
        directory. No shell.
      - With O(exclusive=false) the staged tree is a copy of O(dest) with the changes applied.
      - Runs before a change only. In check mode a missing command is passed over, and before a
        tree's first run a failure is a warning.
    type: str
  owner:
    description: Owner of files and of directories the tree makes.
    type: str
    default: root
  group:
    description: Group of files and of directories the tree makes.
    type: str
    default: root
  mode:
    description: Mode of files, quoted and octal.
    type: str
    default: "0644"
  directory_mode:
    description:
      - Mode of directories the tree makes, quoted and octal. In a shared directory those that were
        there before are left alone.
    type: str
    default: "0755"
  modes:
    description: Exceptions to O(mode), by path or glob.
    type: dict
    default: {}
  owners:
    description: Exceptions to O(owner) and O(group), by path or glob, as C(owner:group).
    type: dict
    default: {}
  secrets:
    description: Paths or globs of files whose content never appears in a diff or an error.
    type: list
    elements: str
    default: []
  keep:
    description: How many earlier trees are kept, besides the current one and the one found first.
    type: int
    default: 5
  generation:
    description:
      - The generation to bring back with O(state=rolled_back). By default the one before the
        current.
    type: int
  state_directory:
    description: Where trees have their memory, a directory for root only.
    type: path
    default: /var/lib/mailfleet/config_tree
attributes:
  check_mode:
    description: Renders, compares and validates without leaving anything on the host.
    support: full
  diff_mode:
    description: Shows every file before and after, secrets masked.
    support: full
notes:
  - Templates behave as in M(ansible.builtin.template) with its defaults; C(ansible_managed) and the
    C(template_*) variables are there.
"""

EXAMPLES = r"""
- name: Render the tree
  mailfleet.filter.config_tree:
    name: unbound
    dest: /etc/unbound
    validate: unbound-checkconf %s/unbound.conf
    group: unbound
    mode: "0640"
    directory_mode: "0750"
  register: __resolver_tree
  notify: Reload unbound

- name: Restart only for the part that needs it
  ansible.builtin.service:
    name: unbound
    state: restarted
  when: "'unbound.conf' in __resolver_tree.changed_files"

- name: Go back to the last good tree
  mailfleet.filter.config_tree:
    name: unbound
    state: rolled_back
"""

RETURN = r"""
changed_files:
  description:
    - Files that were added or changed, relative to O(dest). Directories whose attributes changed
      end with a slash.
  type: list
  elements: str
  returned: success
  sample: [local.d/options.inc]
removed_files:
  description: Files that were removed.
  type: list
  elements: str
  returned: success
generation:
  description: Number of the current generation.
  type: int
  returned: success
  sample: 3
validation:
  description: How the validation went (V(passed)), or why there was none.
  type: str
  returned: success
  sample: passed
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailfleet.filter.plugins.module_utils.file_attributes import (
    FileAttributeError,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_apply import Request, TreeRun
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_diff import diff_entries
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import TreeError, unpack

# What the action plugin hands over; the rest of the documented options is its own.
ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "rolled_back"], "default": "present"},
    "dest": {"type": "path"},
    "exclusive": {"type": "bool"},
    "validate": {"type": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "directory_mode": {"type": "str", "default": "0755"},
    "keep": {"type": "int", "default": 5},
    "generation": {"type": "int"},
    "state_directory": {"type": "path", "default": "/var/lib/mailfleet/config_tree"},
    # Content is a secret as far as logs go.
    "_payload": {"type": "str", "no_log": True},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    if params["state"] == "present" and params["_payload"] is None:
        module.fail_json(msg="this module needs its action plugin: call it from a playbook task")
    request = Request(
        state_directory=os.path.join(params["state_directory"], params["name"]),
        dest=params["dest"],
        exclusive=params["exclusive"],
        validate=params["validate"],
        keep=params["keep"],
        check_mode=module.check_mode,
        directory_owner=params["owner"],
        directory_group=params["group"],
        directory_mode=int(params["directory_mode"], 8),
    )
    try:
        run = TreeRun(request)
        if params["state"] == "rolled_back":
            outcome = run.roll_back(params["generation"])
        else:
            outcome = run.apply(unpack(params["_payload"]))
    except (TreeError, FileAttributeError, OSError) as error:
        module.fail_json(msg=str(error))
    for warning in outcome.warnings:
        module.warn(warning)
    result = {
        "changed": outcome.plan.changed,
        "changed_files": outcome.plan.changed_files,
        "removed_files": outcome.plan.removed_files,
        "generation": outcome.generation,
        "validation": outcome.validation,
    }
    if module._diff:
        result["diff"] = diff_entries(outcome.dest, outcome.plan)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
