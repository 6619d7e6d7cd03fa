#!/usr/bin/python
# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module `mailfleet.filter.dkim_key`: a DKIM key that is made once and never overwritten."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dkim_key
short_description: Makes a DKIM key once
version_added: 0.1.0
author: The mailfleet authors (@mailfleet)
description:
  - Makes a private key if there is none, and returns the DNS record of its public half.
  - A key that is there is never overwritten, whatever the options say. To change it, make one under
    a new selector.
  - The private key stays on the host; it is neither returned nor on any command line.
options:
  path:
    description:
      - File of the private key. Its directory must exist.
      - An existing one may be PEM or, for Ed25519, the base64 line of C(rspamadm dkim_keygen).
    type: path
    required: true
  algorithm:
    description: Kind of key.
    type: str
    choices: [rsa, ed25519]
    default: rsa
  bits:
    description:
      - Least size of an RSA key. An existing smaller key is an error, a larger one is fine.
    type: int
    choices: [2048, 3072, 4096]
    default: 2048
  domain:
    description: The signing domain, for RV(record_name).
    type: str
  selector:
    description: The selector, for RV(record_name).
    type: str
  private:
    description:
      - A private key to place instead of making one, PEM or base64 of it.
      - If another key is there, that is an error.
    type: str
  owner:
    description: Owner of the file.
    type: str
    default: root
  group:
    description: Group of the file.
    type: str
    default: root
  mode:
    description: Mode of the file, quoted and octal.
    type: str
    default: "0640"
requirements:
  - openssl (1.1.1 or newer) on the host
attributes:
  check_mode:
    description: Tells whether a key would be made; nothing is returned of a key that is not there.
    support: full
"""

EXAMPLES = r"""
- name: Make the signing key
  mailfleet.filter.dkim_key:
    path: /etc/dkimkeys/example.net.s1.key
    domain: example.net
    selector: s1
    group: filter_engine
  register: __key

- name: Show the record to publish
  ansible.builtin.debug:
    msg: "{{ __key.txt | mailfleet.filter.dkim_txt(record_name=__key.record_name) }}"
"""

RETURN = r"""
txt:
  description: Value of the TXT record. V(null) in check mode if there is no key yet.
  type: str
  returned: success
  sample: v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
public_key:
  description: Base64 of the public key, as in the C(p=) tag.
  type: str
  returned: success
algorithm:
  description: Kind of the key.
  type: str
  returned: success
  sample: ed25519
bits:
  description: Size of an RSA key.
  type: int
  returned: success
record_name:
  description: Owner name of the record, without a final dot.
  type: str
  returned: O(domain) and O(selector) are given
  sample: s1._domainkey.example.net
created:
  description: Whether the key was made (or in check mode would be).
  type: bool
  returned: success
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailfleet.filter.plugins.module_utils import (
    openssl_key,
    secret_arguments,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_record import (
    record_name,
    txt_value,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.file_attributes import (
    Owners,
    read_mode,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.key_text import as_pem

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "algorithm": {"type": "str", "choices": ["rsa", "ed25519"], "default": "rsa"},
    "bits": {"type": "int", "choices": [2048, 3072, 4096], "default": 2048},
    "domain": {"type": "str"},
    "selector": {"type": "str"},
    "private": {"type": "str", "no_log": True},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0640"},
}


def main() -> None:
    """Run the module."""
    module = secret_arguments.start(
        ARGUMENT_SPEC,
        required_together=[("domain", "selector")],
        supports_check_mode=True,
    )
    result: dict[str, Any] = {"changed": False, "created": False}
    try:
        if module.params["domain"] is not None:
            names = (module.params["selector"], module.params["domain"])
            result["record_name"] = record_name(*names)
        result.update(_ensure(module))
    except (openssl_key.KeyFileError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


def _ensure(module: AnsibleModule) -> dict[str, Any]:
    """Make the key or read the one there; returns what the module returns."""
    params = module.params
    path, check_mode = params["path"], module.check_mode
    mode = read_mode(params["mode"], "mode")
    if mode & 0o007:
        raise ValueError(
            f"mode {params['mode']} lets everybody at the private key: use 0640 or less"
        )
    owners = Owners(check_mode=check_mode)
    uid, gid = owners.uid(params["owner"]), owners.gid(params["group"])
    openssl = module.get_bin_path("openssl")
    if openssl is None and not check_mode:
        raise ValueError("openssl is not installed on this host: install the package openssl")
    created = False
    if not os.path.lexists(path):
        if not os.path.isdir(os.path.dirname(path)) and not check_mode:
            raise ValueError(f"{os.path.dirname(path)} is not a directory: create it first")
        if check_mode:
            nothing = dict.fromkeys(("txt", "public_key", "algorithm", "bits"))
            return {**nothing, "changed": True, "created": True}
        given = params["private"]
        key = (
            openssl_key.generate(openssl, params["algorithm"], params["bits"])
            if given is None
            else as_pem(given.encode())
        )
        created = openssl_key.place_new(path, key, uid=uid, gid=gid, mode=mode)
    if openssl is None:
        raise ValueError(f"openssl is not installed, so {path} cannot be checked")
    found = openssl_key.read(openssl, path)
    if params["private"] is not None:
        given = openssl_key.public_half(
            openssl, as_pem(params["private"].encode()), "the key given"
        )
        if given != found:
            raise ValueError(f"{path} holds another key than the one given; it is not overwritten")
    _check_strength(path, found, params)
    changed = openssl_key.correct_attributes(path, uid, gid, mode, check_mode=check_mode)
    return {
        "changed": created or changed,
        "created": created,
        "txt": txt_value(found.algorithm, found.value),
        "public_key": found.value,
        "algorithm": found.algorithm,
        "bits": found.bits,
    }


def _check_strength(path: str, found: openssl_key.PublicKey, params: dict[str, Any]) -> None:
    fix = "it is not replaced: make the new key under a new selector and path"
    if found.algorithm != params["algorithm"]:
        raise ValueError(f"{path} is a key of {found.algorithm}, not {params['algorithm']}; {fix}")
    if found.bits is not None and found.bits < params["bits"]:
        raise ValueError(f"{path} has {found.bits} bits, fewer than {params['bits']}; {fix}")


if __name__ == "__main__":
    main()
