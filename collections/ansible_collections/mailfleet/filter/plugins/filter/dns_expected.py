# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Filters `mailfleet.filter.dns_expected` and `mailfleet.filter.dns_zone`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailfleet.filter.plugins.plugin_utils.dns_expected import (
    expected,
    zone_fragment,
)
from ansible_collections.mailfleet.filter.plugins.plugin_utils.dns_site import (
    DnsSiteError,
    read_site,
)


def dns_expected(site: Mapping[str, Any]) -> dict[str, Any]:
    """Return the records of a site; raises AnsibleFilterError."""
    try:
        return expected(read_site(site))
    except DnsSiteError as error:
        raise AnsibleFilterError(f"dns_records: {error}") from error


def dns_zone(document: Mapping[str, Any]) -> str:
    """Return the records of a document in zone-file form; raises AnsibleFilterError."""
    try:
        return zone_fragment(document)
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"dns_zone: {type(error).__name__}: {error}") from error


class FilterModule:
    """Names the filters for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"dns_expected": dns_expected, "dns_zone": dns_zone}
