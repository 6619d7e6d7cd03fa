"""Fixes of old spellings: each on a tree with comments, and all of them twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from filter_engine.cli.migrate import migrate as migrate_command
from filter_engine.importers.migrate import Migration, choose, migrate
from filter_engine.importers.migrate_fixes import FIXES
from filter_engine.importers.outcome import ImportFaultError
from filter_engine.ucl import parse, to_python

OPTIONS = """\
#
# Charlotte IP Addresses
#
local_addrs [
    "127.0.0.0/8",
    "::1",
    "fdc1:d89e:b128:13a6::10"
    "192.0.2.1",
]

# Networks
local_networks [
    "203.0.113.54/32", # one
    "::1",
]
dns { timeout = 1s; } # after
"""


def tree(directory: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    return directory


def fixed(directory: Path, path: str, text: str, *names: str) -> tuple[Migration, str]:
    tree(directory, {path: text})
    result = migrate(directory, choose(FIXES, names or ("all",)))
    return result, result.files.get(path, text)


def test_fixes_are_called_by_number_name_or_all() -> None:
    assert [fix.number for fix in FIXES] == list(range(1, len(FIXES) + 1))
    assert [fix.number for fix in choose(FIXES, ["4", "metrics"])] == [1, 4]
    assert choose(FIXES, ["all"]) == list(FIXES)
    with pytest.raises(KeyError):
        choose(FIXES, ["99"])


@pytest.mark.parametrize("name", ["metric.conf", "metrics.conf"])
def test_metrics(tmp_path: Path, name: str) -> None:
    text = (
        "# mine\nactions {\n    # high\n    reject = 20;\n    add_header = 7;\n}\n"
        '# FOO is good\ngroup "x" { symbol "FOO" { weight = 3; } }\n'
    )
    result, _ = fixed(tmp_path, f"local.d/{name}", text)
    assert result.removed == (f"local.d/{name}",)
    actions, groups = result.files["local.d/actions.conf"], result.files["local.d/groups.conf"]
    assert to_python(parse(actions)) == {"reject": 20, "add_header": 7}
    assert "# mine" in actions
    assert "    # high\n" in actions
    assert groups == '# FOO is good\ngroup "x" { symbol "FOO" { weight = 3; } }\n'


def test_metrics_beside_actions_are_left_to_the_operator(tmp_path: Path) -> None:
    tree(tmp_path, {"local.d/actions.conf": "reject = 1;\n"})
    result, _ = fixed(tmp_path, "local.d/metrics.conf", "actions { reject = 2; }\n")
    assert (result.files, result.removed) == ({}, ())
    assert result.remarks[0].subject == "local.d/actions.conf"


def test_local_addrs_are_merged(tmp_path: Path) -> None:
    _, text = fixed(tmp_path, "local.d/options.inc", OPTIONS, "local-addrs")
    found = to_python(parse(text))
    assert isinstance(found, dict)
    assert "local_addrs" not in found
    assert set(found["local_networks"]) == {
        "203.0.113.54/32", "::1", "127.0.0.0/8", "fdc1:d89e:b128:13a6::10", "192.0.2.1",
    }  # fmt: skip
    assert found["local_networks"].count("::1") == 1
    assert "# Charlotte IP Addresses" in text
    assert '"203.0.113.54/32", # one' in text
    assert "dns { timeout = 1s; } # after\n" in text


def test_local_addrs_alone_are_renamed(tmp_path: Path) -> None:
    _, text = fixed(tmp_path, "local.d/options.inc", 'local_addrs = "192.0.2.1"; # a\n')
    assert text == 'local_networks = "192.0.2.1"; # a\n'


def test_a_map_is_not_merged(tmp_path: Path) -> None:
    text = 'local_addrs = "/etc/x.map";\nlocal_networks = "192.0.2.0/24";\n'
    result, after = fixed(tmp_path, "local.d/options.inc", text)
    assert after == text
    assert result.remarks[0].line == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("enable_test_patterns = true; # t\n", 'gtube_patterns = "all"; # t\n'),
        ("enable_test_patterns = no;\n", 'gtube_patterns = "reject";\n'),
    ],
)
def test_test_patterns(tmp_path: Path, text: str, expected: str) -> None:
    assert fixed(tmp_path, "override.d/options.inc", text, "3")[1] == expected


def test_fuzzy_mirroring(tmp_path: Path) -> None:
    text = 'count = 1; slaves "a, b"; expire = 90d;\n# c\nmasters = [\n  "x",\n];\n'
    _, after = fixed(tmp_path, "override.d/worker-fuzzy.inc", text)
    assert to_python(parse(after)) == {"count": 1, "expire": 90 * 86400.0}
    assert '# slaves "a, b";\n' in after
    assert '# masters = [\n# "x",\n# ];\n' in after


def test_files_and_options_that_were_renamed(tmp_path: Path) -> None:
    tree(tmp_path, {"local.d/rmilter_headers.conf": "use = [];\n"})
    result, after = fixed(
        tmp_path, "local.d/antivirus.conf", 'clamav { "attachments_only" = true; }\n'
    )
    assert after == "clamav { scan_mime_parts = true; }\n"
    assert result.files["local.d/milter_headers.conf"] == "use = [];\n"
    assert result.removed == ("local.d/rmilter_headers.conf",)


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    tree(
        tmp_path,
        {
            "local.d/options.inc": f"{OPTIONS}enable_test_patterns = true;\n",
            "local.d/metrics.conf": "actions { reject = 2; }\n",
            "override.d/worker-fuzzy.inc": 'slaves = "a"; masters = "b";\n',
            "local.d/antivirus.conf": "clamav { attachments_only = true; }\n",
        },
    )
    first = migrate(tmp_path, FIXES)
    assert sum(first.applied.values()) == 5
    tree(tmp_path, first.files)
    for path in first.removed:
        (tmp_path / path).unlink()
    second = migrate(tmp_path, FIXES)
    assert (second.files, second.removed) == ({}, ())
    assert not any(second.applied.values())


def test_a_broken_file_stops_everything(tmp_path: Path) -> None:
    with pytest.raises(ImportFaultError, match=r"local\.d/options\.inc:2: "):
        fixed(tmp_path, "local.d/options.inc", "a = 1;\n}\n")
    with pytest.raises(ImportFaultError, match=r"neither local\.d"):
        migrate(tmp_path / "local.d", FIXES)


def test_the_documentation_lists_the_fixes() -> None:
    guide = Path(__file__).resolve().parents[3] / "docs" / "import.md"
    rows = "".join(f"| {fix.number} | `{fix.name}` | {fix.summary} |\n" for fix in FIXES)
    assert rows in guide.read_text()


def test_a_tree_that_the_engine_would_refuse_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "local.d" / "metrics.conf"
    file.parent.mkdir()
    file.write_text("actions { reject = many; }\n")
    result = CliRunner().invoke(migrate_command, [str(tmp_path), "all"])
    assert result.exit_code == 1
    assert "the engine would refuse it: actions.reject" in result.output
    assert [path.name for path in file.parent.iterdir()] == ["metrics.conf"]
