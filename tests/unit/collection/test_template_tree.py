"""Finding the files of a template tree, and the line an error is about."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils.file_attributes import (
    FileAttributeError,
    read_mode,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    TreeError,
    WantedFile,
    check_relative_path,
    pack,
    unpack,
)
from ansible_collections.mailfleet.filter.plugins.plugin_utils.template_line import error_place
from ansible_collections.mailfleet.filter.plugins.plugin_utils.template_tree import (
    PathRules,
    find_sources,
)


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")


def test_suffixes_go_and_litter_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a.conf.j2", "sub/b", "sub/.gitkeep", "c.conf~", ".d.swp", ".hidden")
    found = find_sources([str(tmp_path)], [])
    assert {path: source.is_template for path, source in found.items()} == {
        "a.conf": True,
        "sub/b": False,
        ".hidden": False,
    }


def test_a_later_directory_wins_and_globs_leave_out(tmp_path: Path) -> None:
    write(tmp_path, "one/a", "one/b.j2", "one/sub/c", "two/b")
    roots = [str(tmp_path / "one"), str(tmp_path / "two")]
    found = find_sources(roots, ["sub/*"])
    assert sorted(found) == ["a", "b"]
    assert found["b"].full_path == str(tmp_path / "two/b")


def test_two_sources_of_one_file(tmp_path: Path) -> None:
    write(tmp_path, "a", "a.j2")
    with pytest.raises(TreeError, match="both make a: remove one"):
        find_sources([str(tmp_path)], [])


def test_links_out_of_the_tree_are_refused_others_followed(tmp_path: Path) -> None:
    write(tmp_path, "tree/a", "secret")
    (tmp_path / "tree/b").symlink_to("a")
    assert sorted(find_sources([str(tmp_path / "tree")], [])) == ["a", "b"]
    (tmp_path / "tree/c").symlink_to("../secret")
    with pytest.raises(TreeError, match="c is a link out of the tree"):
        find_sources([str(tmp_path / "tree")], [])
    (tmp_path / "tree/c").unlink()
    (tmp_path / "tree/d").symlink_to(tmp_path)
    with pytest.raises(TreeError, match="d is a link to a directory"):
        find_sources([str(tmp_path / "tree")], [])


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/../b", "a//b", "./a", "a/", "a\0", "a\nb"])
def test_paths_that_leave_the_tree(path: str) -> None:
    with pytest.raises(TreeError, match="not a path inside the tree"):
        check_relative_path(path)


def test_rules_by_path_and_glob() -> None:
    rules = PathRules("modes", {"a.inc": "0600", "*.inc": "0640", "sub/*": "0644"})
    found = [rules.value(path) for path in ("a.inc", "b.inc", "sub/x", "c")]
    assert found == ["0600", "0640", "0644", None]
    rules.check(["a.inc"], [])
    with pytest.raises(TreeError, match=r"modes names a\.inc, which the tree does not have"):
        rules.check(["b.inc"], [])
    rules.check(["b.inc"], ["a.*"])


@pytest.mark.parametrize("mode", [416, 640, "rw-r-----", "0888", "640 ", "64000"])
def test_modes_that_are_none(mode: object) -> None:
    with pytest.raises(FileAttributeError, match="0640"):
        read_mode(mode, "mode")


def test_a_tree_travels_unharmed() -> None:
    files = [
        WantedFile("a", bytes(range(256)) * 10, 0o640, "root", "mail", True),
        WantedFile("ü/b", "ü\n".encode(), 0o4755, "0", "0"),
    ]
    assert list(unpack(pack(files)).values()) == files


@pytest.mark.parametrize(
    "payload", ["", "x", "e30=", pack([])[:-4], "eJyrVkrLz1eyUkpKLFKqBQAdegQ0"]
)
def test_a_damaged_payload(payload: str) -> None:
    with pytest.raises(TreeError, match="did not arrive in one piece"):
        unpack(payload)


def test_a_payload_may_not_place_files_elsewhere() -> None:
    with pytest.raises(TreeError, match="not a path inside the tree"):
        unpack(pack([WantedFile("../etc/shadow", b"", 0o600, "0", "0")]))


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("'port' is undefined", 2),
        ("object of type 'dict' has no attribute 'address'", 3),
        ("The filter plugin 'mailfleet.filter.to_ucl' failed: x", 4),
        ("something without a name", None),
    ],
)
def test_the_line_of_an_error(tmp_path: Path, message: str, line: int | None) -> None:
    template = tmp_path / "a.j2"
    template.write_text("port\n{{ port }}\n{{ x.address }}\n{{ y | mailfleet.filter.to_ucl }}\n")
    place = error_place(ValueError(message), str(template), [])
    assert place == (str(template) if line is None else f"{template}:{line}")


def test_the_line_in_an_included_template(tmp_path: Path) -> None:
    (tmp_path / "part.j2").write_text("\n\n{{ port }}\n")
    (tmp_path / "a.j2").write_text("{% include 'part.j2' %}{% include 'a.j2' %}\n")
    place = error_place(ValueError("'port' is undefined"), str(tmp_path / "a.j2"), [str(tmp_path)])
    assert place == f"{tmp_path}/part.j2:3"
