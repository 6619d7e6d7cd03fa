# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The file of passwords that the fleet made for itself: what it holds, what is missing."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

_LETTERS = string.ascii_letters + string.digits
_HEAD = "# Made by playbooks/vault.yml. `ansible-vault view` shows it.\n---\n"


class MadeSecretsError(ValueError):
    """The file, or what is asked of it, makes no sense; the message holds no value."""


def read(text: bytes) -> dict[str, Any]:
    """The variables of a file in clear; raises MadeSecretsError for what is no mapping."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        # Its own message would quote the line.
        mark = getattr(error, "problem_mark", None)
        raise MadeSecretsError(
            f"not YAML{f' (line {mark.line + 1})' if mark else ''}: `ansible-vault edit` it"
        ) from None
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise MadeSecretsError("not variables (NAME: VALUE): `ansible-vault edit` it")
    return found


def make(
    held: Mapping[str, Any], names: Iterable[str], renew: Iterable[str], length: int
) -> dict[str, Any]:
    """What the file should hold: what it holds, and a password by each name that has none.

    Raises MadeSecretsError when one is to be renewed that is not there: it is set elsewhere.
    """
    again = set(renew)
    if strange := sorted(again - held.keys()):
        raise MadeSecretsError(
            f"{', '.join(strange)} cannot be renewed here: not made by this playbook"
        )
    missing = {name for name in names if not held.get(name)}
    return {**held, **{name: _password(length) for name in sorted(missing | again)}}


def write(variables: Mapping[str, Any]) -> bytes:
    """The file in clear."""
    return (_HEAD + yaml.safe_dump(dict(variables), sort_keys=True)).encode()


def _password(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
