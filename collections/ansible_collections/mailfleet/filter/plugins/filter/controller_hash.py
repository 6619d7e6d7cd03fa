# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Filter `mailfleet.filter.controller_hash`."""

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.mailfleet.filter.plugins.plugin_utils import controller_password


def controller_hash(password: object, salt: str) -> str:
    """Return the hash of a controller's password; raises AnsibleFilterError for what is no text."""
    if not isinstance(password, str):
        # Never the value: it is a secret.
        kind = type(password).__name__
        raise AnsibleFilterError(f"controller_hash: the password is a {kind}: quote it")
    return controller_password.controller_hash(str(password), str(salt))


class FilterModule:
    """Names the filter for Ansible."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters of this file."""
        return {"controller_hash": controller_hash}
