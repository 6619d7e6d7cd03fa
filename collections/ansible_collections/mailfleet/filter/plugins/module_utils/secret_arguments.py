"""Modules that are given secrets: a misspelt argument is named, and its value never shown.

Ansible masks what stands under the names a module declares, and shows all others with `-vvv`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils import basic

Spec = Mapping[str, Mapping[str, Any]]
_MASKED = {"type": "raw", "no_log": True}


def start(spec: Spec, **more: Any) -> basic.AnsibleModule:
    """Return the module, or end it when it was given what `spec` does not have.

    `more` goes to `AnsibleModule`. Ansible's own refusal comes too late: its result holds the
    values as they were given.
    """
    given = basic._load_params()  # what Ansible offers to who must look before it does
    wrong = _unknown(given, spec)
    for name, option in spec.items():
        if "options" in option and given.get(name) is not None:
            wrong += _wrong_entries(name, given[name], option["options"])
    if wrong:
        declared = {n: _shown(v, spec.get(n)) for n, v in given.items() if not _internal(n)}
        module = basic.AnsibleModule(argument_spec=declared, supports_check_mode=True)
        module.fail_json(msg="arguments that cannot be: " + "; ".join(wrong))
    return basic.AnsibleModule(argument_spec=dict(spec), **more)


def _unknown(given: Mapping[str, Any], spec: Spec, within: str = "") -> list[str]:
    return [
        f"{within}{name} is none of {', '.join(sorted(spec))}"
        for name in sorted(map(str, given))
        if name not in spec and (within or not _internal(name))
    ]


def _wrong_entries(name: str, value: Any, options: Spec) -> list[str]:
    if not _is_list_of_mappings(value):
        return [f"{name} is not a list of mappings"]
    return [
        f"{text} (entry {number})"
        for number, one in enumerate(value, 1)
        for text in _unknown(one, options, f"{name}.")
    ]


def _shown(value: Any, option: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """How an argument is declared to be shown: whole, in part or not at all."""
    if option is None or option.get("no_log"):
        return _MASKED
    inner = option.get("options")
    if inner is None or value is None:
        return {"type": "raw"}
    if not _is_list_of_mappings(value):
        return _MASKED
    names = {str(name) for one in value for name in one}
    # Not more than that: a selector of one letter would be masked wherever that letter stands.
    options = {name: _shown(None, inner.get(name)) for name in names}
    return {"type": "list", "elements": "dict", "options": options}


def _is_list_of_mappings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


def _internal(name: str) -> bool:
    return name.startswith("_ansible_")
