# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Filter `mailfleet.filter.to_ucl`."""

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.mailfleet.filter.plugins.plugin_utils.ucl_text import UclError
from ansible_collections.mailfleet.filter.plugins.plugin_utils.ucl_text import to_ucl as write_ucl


def to_ucl(value: object, suffixes: bool = True) -> str:
    """Return data as UCL text; raises AnsibleFilterError naming the place in the data."""
    try:
        return write_ucl(value, suffixes=suffixes)
    except UclError as error:
        raise AnsibleFilterError(f"to_ucl: {error}") from error


class FilterModule:
    """Names the filter for Ansible."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters of this file."""
        return {"to_ucl": to_ucl}
