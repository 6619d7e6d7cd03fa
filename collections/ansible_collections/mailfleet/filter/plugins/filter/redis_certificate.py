# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Filter `mailfleet.filter.redis_certificate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ansible.errors import AnsibleFilterError
from ansible_collections.mailfleet.filter.plugins.plugin_utils.redis_certificate import issue


def redis_certificate(
    password: object, name: str, addresses: Sequence[str], year: int
) -> dict[str, str]:
    """Return `authority` and `certificate`; raises AnsibleFilterError for what gives none."""
    if not isinstance(password, str):
        # Never the value: it is a secret.
        kind = type(password).__name__
        raise AnsibleFilterError(f"redis_certificate: the password is a {kind}: quote it")
    try:
        made = issue(str(password), str(name), [str(one) for one in addresses], int(year))
    except ValueError as error:
        raise AnsibleFilterError(f"redis_certificate: {error}") from None
    return {"authority": made.authority, "certificate": made.certificate}


class FilterModule:
    """Names the filter for Ansible."""

    def filters(self) -> dict[str, Callable[..., dict[str, str]]]:
        """Return the filters of this file."""
        return {"redis_certificate": redis_certificate}
