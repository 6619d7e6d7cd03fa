"""Secrets of every spelling in modules that no schema here serves: no command shows one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from filter_engine.cli.main import group
from filter_engine.ucl.masking import hide_in_text

FILES = {
    "clickhouse.conf": 'server = "127.0.0.1:8123"; api-key = "H1DE"; passphrase = "H1DE";'
    'secrets = ["H1DE"]; credentials = "H1DE"; token_header = "H1DE";'
    'password { inner = "H1DE" }',
    "metadata_exporter.conf": 'rules { x { backend = "http"; url = "http://h/?a=b&token=H1DE";'
    'headers { "X-Api-Key" = "H1DE" } } }',
    "gpt.conf": 'api_key { openai = "H1DE" } api_keys = ["H1DE"]; url = "http://u:pa/H1DE@h/x";',
    "external_services.conf": 'a { auth = "H1DE"; "x-api-key" = "H1DE"; bearer = "H1DE";'
    'client_secret_value = "H1DE" }',
    "fuzzy_check.conf": 'rule "x" { fuzzy_key = "H1DE"; fuzzy_shingles_key = "H1DE"; }',
    "arc.conf": 'sign_settings { key = "H1DE"; private = "H1DE" }'
    ' domain { "a.b" { key = "H1DE" } }',
    "rbl.conf": 'rbls { x { rbl = "H1DEabcdefghijklmnopqrst.zen.dq.spamhaus.net"; } }',
    "settings.conf": 'r { ip = "192.0.2.1"; request_header { "X-Token" = "H1DE"; Foo = "H1DE" }'
    'apply { symbols_disabled = ["A"] } }',
}


@pytest.mark.parametrize(
    "command",
    [
        ["configdump"],
        ["configdump", "-j"],
        ["configdump", "--origin"],
        ["configdump", "--diff-from", "DEFAULT"],
        ["configtest", "--no-host"],
        *(["config", "explain", name.partition(".")[0]] for name in FILES),
    ],
    ids=" ".join,
)
def test_no_secret_is_shown(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "local.d").mkdir()
    for name, text in FILES.items():
        (tmp_path / "local.d" / name).write_text(text)
    done = CliRunner().invoke(group, [*command, f"--var=LOCAL_CONFDIR={tmp_path}"])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "H1DE" not in done.output
    assert "h1deabc" not in done.output
    if command[0] == "configdump":
        assert done.output.count("(hidden)") >= 15


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://h/x?token=abc&page=2", "https://h/x?token=*&page=2"),
        ("http://h/?page=2;api_key=a#f", "http://h/?page=2;api_key=*#f"),
        ("abcdefghij.zen.dq.spamhaus.net", "*.zen.dq.spamhaus.net"),
        ("see '12345678ab.combined.mail.abusix.zone'", "see '*.combined.mail.abusix.zone'"),
        ("zen.spamhaus.org", "zen.spamhaus.org"),
        ("your_key.zen.dq.spamhaus.net", "your_key.zen.dq.spamhaus.net"),
        ("a = token; b?c=d", "a = token; b?c=d"),
    ],
)
def test_secrets_inside_values(text: str, shown: str) -> None:
    assert hide_in_text(text, "*") == shown
