# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Filter `mailfleet.filter.public_resolvers`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ansible.errors import AnsibleFilterError
from ansible_collections.mailfleet.filter.plugins.plugin_utils import public_resolvers as known


def public_resolvers(addresses: Iterable[str]) -> list[str]:
    """Return the public resolvers among addresses; raises AnsibleFilterError."""
    try:
        return known.public_resolvers(addresses)
    except ValueError as error:
        raise AnsibleFilterError(f"public_resolvers: {error}") from error


class FilterModule:
    """Names the filter for Ansible."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filters of this file."""
        return {"public_resolvers": public_resolvers}
