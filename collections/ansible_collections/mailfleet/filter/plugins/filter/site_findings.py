# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Filter `mailfleet.filter.site_findings`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailfleet.filter.plugins.plugin_utils import site_rules
from ansible_collections.mailfleet.filter.plugins.plugin_utils.site_host import DescriptionError


def site_findings(hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with a site's hosts together; raises AnsibleFilterError."""
    try:
        return site_rules.site_findings(hosts)
    except DescriptionError as error:
        raise AnsibleFilterError(f"site_findings: {error}") from error


class FilterModule:
    """Names the filter for Ansible."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filters of this file."""
        return {"site_findings": site_findings}
