"""Aliases and domains of a site: what is resolved, and which way mail goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filter_engine.checks.alias_book import parse_unix
from filter_engine.checks.aliases import AliasesOptions
from filter_engine.config.findings import Severity
from filter_engine.config.loader import load
from filter_engine.headers.sections import sections
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.verdict import Finding

Scan = Callable[..., dict[str, list[Finding]]]
SYSTEM = """
# comment
postmaster: root
Support: one@a.example, two@a.example  # both
loop: pool
pool: loop
all: one@a.example, \\
  two@a.example,
  three@a.example
piped: "|/usr/bin/vacation", /var/mail/x, :include:/etc/list
"""
VIRTUAL = "contact@a.example support@a.example\n@old.example @a.example\n"
CONF = """
aliases {{
  local_domains = ["a.example", "b.example"];
  system_aliases = "{0}/aliases";
  virtual_aliases = "{0}/virtual";
  rspamd_aliases {{
    "own@a.example" = "x@b.example";
    "both@a.example" = ["y@b.example", "z@b.example"];
  }}
  {1}
}}
"""


def _options(directory: Path, more: str = "") -> AliasesOptions:
    (directory / "aliases").write_text(SYSTEM)
    (directory / "virtual").write_text(VIRTUAL)
    path = directory / "site.conf"
    path.write_text(CONF.format(directory, more))
    config = load(path, {}, {}, modules=sections(REGISTRY), groups=REGISTRY.groups())
    assert [f for f in config.findings if f.severity is not Severity.INFO] == []
    options = config.modules["aliases"]
    assert isinstance(options, AliasesOptions)
    return options


def test_a_file_of_aliases_is_read() -> None:
    found = parse_unix(SYSTEM)
    assert found["support"] == ("one@a.example", "two@a.example")
    assert found["all"] == ("one@a.example", "two@a.example", "three@a.example")
    assert found["piped"] == ()
    assert parse_unix("  lonely\n:x\nno colon\n") == {}


@pytest.mark.parametrize(
    ("rcpt", "said"),
    [
        ("postmaster@a.example", "postmaster@a.example -> root@a.example"),
        ("Contact@a.example", "Contact@a.example -> one@a.example, two@a.example"),
        ("support+now@a.example", "support+now@a.example -> one@a.example, two@a.example"),
        ("bob@old.example", "bob@old.example -> bob@a.example"),
        ("own@a.example", "own@a.example -> x@b.example"),
        ("both@a.example", "both@a.example -> y@b.example, z@b.example"),
        ("loop@a.example", "loop@a.example -> pool@a.example"),
        ("f.l+t@googlemail.com", "f.l+t@googlemail.com -> fl@gmail.com"),
        ("piped@a.example", ""),
        ("postmaster@else.example", ""),
    ],
)
def test_an_alias_is_resolved(scan: Scan, tmp_path: Path, rcpt: str, said: str) -> None:
    found = scan("email_plus_aliases", options=_options(tmp_path), rcpt_to=(rcpt,))
    assert [f.options for f in found.get("ALIAS_RESOLVED", [])] == ([(said,)] if said else [])


def test_options_say_how_far(scan: Scan, tmp_path: Path) -> None:
    one = _options(tmp_path, "expand_multiple = false; max_recursion_depth = 1;")
    found = scan("email_plus_aliases", options=one, rcpt_to=("contact@a.example",))
    assert found["ALIAS_RESOLVED"][0].options == ("contact@a.example -> support@a.example",)
    assert "ALIAS_RESOLVED" not in scan(
        "email_plus_aliases", options=one, rcpt_to=("both@a.example",)
    )
    off = _options(tmp_path, "enable_gmail_rules = false; enable_plus_aliases = false;")
    rcpt = ("f.l+t@gmail.com", "bob+x@a.example")
    assert not {"TAGGED_RCPT", "ALIAS_RESOLVED"} & set(
        scan("email_plus_aliases", options=off, rcpt_to=rcpt)
    )


@pytest.mark.parametrize(
    ("envelope", "symbol"),
    [
        ({"mail_from": "x@else.example", "rcpt_to": ("bob@a.example",)}, "LOCAL_INBOUND"),
        ({"mail_from": "bob@a.example", "rcpt_to": ("ann@b.example",)}, "LOCAL_INBOUND"),
        (
            {"mail_from": "bob@a.example", "user": "bob", "rcpt_to": ("ann@b.example",)},
            "INTERNAL_MAIL",
        ),
        (
            {"mail_from": "bob@a.example", "local": True, "rcpt_to": ("x@else.example",)},
            "LOCAL_OUTBOUND",
        ),
        (
            {
                "mail_from": "bob@a.example",
                "user": "b",
                "rcpt_to": ("ann@b.example", "x@else.example"),
            },
            "LOCAL_OUTBOUND",
        ),
        ({"mail_from": "x@else.example", "rcpt_to": ("y@else.example",)}, ""),
    ],
)
def test_which_way_mail_goes(
    scan: Scan, tmp_path: Path, envelope: dict[str, Any], symbol: str
) -> None:
    found = scan("email_plus_aliases", options=_options(tmp_path), **envelope)
    ways = {"LOCAL_INBOUND", "LOCAL_OUTBOUND", "INTERNAL_MAIL"} & set(found)
    assert ways == ({symbol} if symbol else set())


def test_nothing_is_resolved_without_a_site(scan: Scan) -> None:
    found = scan("email_plus_aliases", rcpt_to=("f.l@gmail.com",))
    assert set(found) == {"TAGGED_RCPT"}
