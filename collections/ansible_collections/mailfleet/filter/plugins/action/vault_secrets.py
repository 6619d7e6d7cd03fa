# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Action plugin `mailfleet.filter.vault_secrets`: random passwords in an encrypted file."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.vault import (
    VaultLib,
    VaultSecretsContext,
    is_encrypted,
    match_encrypt_secret,
)
from ansible.plugins.action import ActionBase
from ansible_collections.mailfleet.filter.plugins.plugin_utils.made_secrets import (
    MadeSecretsError,
    make,
    read,
    write,
)

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "names": {"type": "list", "elements": "str", "required": True},
    "renew": {"type": "list", "elements": "str", "default": []},
    "length": {"type": "int", "default": 32},
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHORTEST = 16


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """All of it happens in this process: a password reaches neither a host nor a command line."""

    _requires_connection = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return names only; raises AnsibleActionFail before anything is written."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        path = Path(options["path"])
        # Plain ones: ansible-core's words know where they come from, YAML cannot write those.
        names, renew = (list(map(str, options[key])) for key in ("names", "renew"))
        for name in (*names, *renew):
            if not _NAME.fullmatch(name):
                raise AnsibleActionFail(f"{name!r} is no name of a variable")
        if options["length"] < _SHORTEST:
            raise AnsibleActionFail(f"length is {options['length']}: at least {_SHORTEST}")
        vault = _vault()
        held = _held(vault, path)
        try:
            wanted = make(held, names, renew, options["length"])
        except MadeSecretsError as error:
            raise AnsibleActionFail(f"{path}: {error}") from error
        made = sorted(wanted.keys() - held.keys())
        renewed = sorted(name for name in held if wanted[name] != held[name])
        result |= {"changed": bool(made or renewed), "made": made, "renewed": renewed}
        if self._task.diff:
            result["diff"] = [_diff(path, held, wanted, renewed)]
        if result["changed"] and not self._task.check_mode:
            _replace(path, _encrypted(vault, write(wanted)))
        return result


def _vault() -> VaultLib:
    context = VaultSecretsContext.current(optional=True)
    if context is None or not context.secrets:
        raise AnsibleActionFail(
            "no vault password: give --vault-password-file FILE or --ask-vault-pass"
        )
    return VaultLib(secrets=context.secrets)


def _held(vault: VaultLib, path: Path) -> dict[str, Any]:
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise AnsibleActionFail(f"{path}: {error.strerror}") from error
    if not is_encrypted(octets):
        raise AnsibleActionFail(f"{path} is not encrypted: `ansible-vault encrypt` it, or move it")
    try:
        return read(vault.decrypt(octets))
    except (AnsibleError, MadeSecretsError) as error:
        raise AnsibleActionFail(f"{path}: {error}") from error


def _encrypted(vault: VaultLib, text: bytes) -> bytes:
    identity = constants.config.get_config_value("DEFAULT_VAULT_ENCRYPT_IDENTITY")
    name, secret = match_encrypt_secret(vault.secrets, encrypt_vault_id=identity)
    octets: bytes = vault.encrypt(text, secret=secret, vault_id=name)
    return octets


def _diff(
    path: Path, held: dict[str, Any], wanted: dict[str, Any], renewed: list[str]
) -> dict[str, str]:
    return {
        "before_header": str(path),
        "after_header": str(path),
        "before": "".join(f"{name}: hidden\n" for name in sorted(held)),
        "after": "".join(
            f"{name}: {'hidden, another one' if name in renewed else 'hidden'}\n"
            for name in sorted(wanted)
        ),
    }


def _replace(path: Path, octets: bytes) -> None:
    """Put the file in place whole, readable by its owner alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise AnsibleActionFail(f"{path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise AnsibleActionFail(f"{path}: {error.strerror}") from error
