"""Files of a site as variables of the role ``filter_engine``.

What is data goes to ``filter_engine_local_d`` and ``filter_engine_override_d``; what is not
(macros, templates, maps) to ``filter_engine_extra_files`` as it stands.
"""

from __future__ import annotations

import re
from typing import cast

from filter_engine.importers.outcome import Outcome, Plain, Remark
from filter_engine.importers.statements import statements
from filter_engine.ucl import UclError, parse, to_python
from filter_engine.ucl.masking import is_secret_name

_FOLDERS = {"local.d": "filter_engine_local_d", "override.d": "filter_engine_override_d"}
_EXTRA = "filter_engine_extra_files"


def to_variables(outcome: Outcome) -> Outcome:
    """The outcome with role variables in place of files.

    Values of settings that are secrets by their name go into ``secrets``, with a reference to
    them in their place.
    """
    found = Outcome(
        variables=dict(outcome.variables),
        secrets=dict(outcome.secrets),
        remarks=list(outcome.remarks),
    )
    tables: dict[str, dict[str, Plain]] = {}
    for path, text in sorted(outcome.files.items()):
        folder, _, name = path.partition("/")
        data = _data(text, path) if folder in _FOLDERS and "/" not in name else None
        if data is None:
            tables.setdefault(_EXTRA, {})[path] = text
            if "{{" in text or "{%" in text:
                reason = "Ansible takes {{ and {% in it for its own: mark the value !unsafe"
                found.remarks.append(Remark(path, 0, name, reason))
            continue
        stem = re.sub(r"\W", "_", name.rpartition(".")[0])
        hidden = _hide(data, f"vault_filter_engine_{stem}", found.secrets)
        tables.setdefault(_FOLDERS[folder], {})[name] = hidden
    for variable, table in tables.items():
        found.variables[variable] = table
    found.remarks.sort()
    return found


def _data(text: str, path: str) -> Plain:
    """The text as plain data; None where that would lose something."""
    if "{{" in text or "{%" in text or "{=" in text:
        return None
    if any(found.key.startswith(".") for top in statements(text) for found in top.walk()):
        return None
    if not path.endswith((".conf", ".inc")):
        return None
    try:
        return cast(Plain, to_python(parse(text, path)))
    except UclError:
        return None


def _hide(value: Plain, name: str, secrets: dict[str, Plain]) -> Plain:
    """The data with each secret replaced by a reference to the vault's variable."""
    if isinstance(value, dict):
        hidden: dict[str, Plain] = {}
        for key, inner in value.items():
            variable = f"{name}_{re.sub(r'[^0-9A-Za-z_]', '_', key)}"
            if is_secret_name(key) and inner is not None and not isinstance(inner, (dict, bool)):
                hidden[key] = "{{ " + _free(variable, inner, secrets) + " }}"
            else:
                hidden[key] = _hide(inner, variable, secrets)
        return hidden
    if isinstance(value, list):
        return [_hide(inner, name, secrets) for inner in value]
    return value


def _free(variable: str, value: Plain, secrets: dict[str, Plain]) -> str:
    """Note a secret under a name that no other one has."""
    name, number = variable, 2
    while name in secrets and secrets[name] != value:
        name, number = f"{variable}_{number}", number + 1
    secrets[name] = value
    return name
