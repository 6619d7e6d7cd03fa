"""Public resolvers among forwarders; the collection's list is the engine's."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mailfleet.filter.plugins.filter.public_resolvers import public_resolvers
from ansible_collections.mailfleet.filter.plugins.plugin_utils.public_resolvers import OPERATORS

from filter_engine.lint.rules import resolvers


def test_the_list_is_the_engines() -> None:
    assert OPERATORS == resolvers._PUBLIC


def test_every_spelling_of_an_address_is_found() -> None:
    asked = ["192.0.2.53", "8.8.8.8", "2606:4700:4700:0:0:0:0:1111", "2001:DB8::53"]
    assert public_resolvers(asked) == [
        "8.8.8.8 (Google)",
        "2606:4700:4700:0:0:0:0:1111 (Cloudflare)",
    ]


def test_a_name_is_no_address() -> None:
    with pytest.raises(AnsibleFilterError, match=r"public_resolvers: 'dns\.example'"):
        public_resolvers(["dns.example"])
