# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Filter `mailfleet.filter.dkim_txt`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_record import (
    txt_strings,
    txt_value,
    zone_text,
)

FORMS = ("zone", "strings")


def dkim_txt(
    value: object, form: str = "zone", record_name: str | None = None, ttl: int | None = None
) -> str | list[str]:
    """Return a key's TXT record in zone-file form, or its strings; raises AnsibleFilterError."""
    if form not in FORMS:
        raise AnsibleFilterError(f"dkim_txt: form {form!r} is none of {', '.join(FORMS)}")
    try:
        if isinstance(value, Mapping):
            value = txt_value(str(value.get("algorithm")), str(value.get("public_key")))
        if not isinstance(value, str):
            raise TypeError(f"the key is a {type(value).__name__}, not a text or a mapping")
        strings = txt_strings(value)
    except (ValueError, TypeError) as error:
        raise AnsibleFilterError(f"dkim_txt: {error}") from error
    if form == "strings":
        return strings
    data = zone_text(strings)
    if record_name is None:
        return data
    lifetime = "" if ttl is None else f"{int(ttl)} "
    return f"{record_name.rstrip('.')}. {lifetime}IN TXT {data}"


class FilterModule:
    """Names the filter for Ansible."""

    def filters(self) -> dict[str, Callable[..., str | list[str]]]:
        """Return the filters of this file."""
        return {"dkim_txt": dkim_txt}
