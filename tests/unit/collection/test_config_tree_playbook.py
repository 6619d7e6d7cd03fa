"""config_tree end to end: ansible-playbook over a local connection into temporary directories."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ansible

PLAY = """\
- hosts: all
  gather_facts: false
  connection: local
  vars: {ansible_python_interpreter: PYTHON}
  roles: [demo]
"""
TASKS = """\
- name: Render the tree
  mailfleet.filter.config_tree: "{{ {'name': 'demo', 'state_directory': base ~ '/state'}
    | combine({} if rolling_back else {'dest': base ~ '/etc', 'owner': me, 'group': my_group})
    | combine(options) }}"
  register: __demo_tree
  notify: Reload
- name: Keep the result
  ansible.builtin.copy:
    content: "{{ __demo_tree | ansible.builtin.to_json }}"
    dest: "{{ base }}/result.json"
    mode: "0644"
  check_mode: false
  diff: false
"""
LOOP = (
    "  register:",
    '  loop: "{{ cases }}"\n  ignore_errors: true\n  register:',
)
HANDLERS = """\
- name: Reload
  ansible.builtin.debug: {msg: "reloading for {{ __demo_tree.changed_files }}"}
"""


class Role:
    """A role with a template tree, and runs of it."""

    def __init__(self, root: Path, ansible: Ansible, me: tuple[int, int]) -> None:
        self.root = root
        self.base = root / "host"
        self.base.mkdir()
        self._ansible = ansible
        self._me = me
        for name, text in (("tasks", TASKS), ("handlers", HANDLERS)):
            self.write(f"roles/demo/{name}/main.yml", text)
        self.write("play.yml", PLAY.replace("PYTHON", sys.executable))

    def write(self, name: str, text: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def template(self, name: str, text: str | bytes) -> None:
        self.write(f"roles/demo/templates/tree/{name}", text)

    def run(
        self, *flags: str, options: dict[str, Any] | None = None, **variables: Any
    ) -> subprocess.CompletedProcess[str]:
        values = {
            "base": str(self.base),
            "options": options or {},
            "rolling_back": (options or {}).get("state") == "rolled_back",
            "me": str(self._me[0]),
            "my_group": str(self._me[1]),
            **variables,
        }
        return self._ansible.run(
            "ansible-playbook",
            *flags,
            "-i",
            "localhost,",
            "-e",
            json.dumps(values),
            self.root / "play.yml",
            ANSIBLE_ROLES_PATH=str(self.root / "roles"),
        )

    def good(self, *flags: str, **arguments: Any) -> dict[str, Any]:
        done = self.run(*flags, **arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        result: dict[str, Any] = json.loads((self.base / "result.json").read_text())
        result["output"] = done.stdout
        return result

    def refusals(self, cases: list[dict[str, Any]]) -> list[str]:
        """Run the task with each of the options in one play; every one must fail."""
        looping = TASKS.replace("combine(options)", "combine(item)").replace(LOOP[0], LOOP[1])
        self.write("roles/demo/tasks/main.yml", looping)
        self.good(cases=cases)
        results = json.loads((self.base / "result.json").read_text())["results"]
        assert all(one["failed"] for one in results)
        return [one["msg"] for one in results]

    def bad(self, *flags: str, **arguments: Any) -> str:
        done = self.run(*flags, **arguments)
        assert done.returncode == 2, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def role(tmp_path: Path, ansible: Ansible) -> Role:
    import os

    return Role(tmp_path, ansible, (os.getuid(), os.getgid()))


def test_the_whole_way(role: Role) -> None:
    """Check mode first, then placing, then nothing, then a change, then back."""
    role.template(
        "main.conf.j2",
        "{{ ansible_managed | ansible.builtin.comment }}\n"
        "# {{ template_path }} -> {{ template_destpath }}\n"
        "{% if true %}\nport = {{ port }}\n{% endif %}\n{% include 'part.j2' %}\n",
    )
    role.template("local.d/plain.inc", "{{ not a template }}\n")
    role.template("blob.bin", b"\0\xff\n")
    role.write("roles/demo/templates/part.j2", "part {{ port }}")
    files = {"local.d/auth.inc": 'password = "correct-horse";\n'}
    options = {
        "files": files,
        "secrets": ["local.d/auth.inc"],
        "mode": "0640",
        "modes": {"local.d/auth.inc": "0600"},
        "validate": "grep -q port %s/main.conf",
    }
    first = role.good("--check", "--diff", options=options, port=53)
    assert first["changed"] is True
    assert first["changed_files"] == [
        "blob.bin",
        "local.d/auth.inc",
        "local.d/plain.inc",
        "main.conf",
    ]
    assert first["validation"] == "passed"
    assert "+port = 53" in first["output"]
    assert "correct-horse" not in first["output"]
    assert not (role.base / "etc").exists()
    assert not (role.base / "state").exists()

    placed = role.good("-vvv", options=options, port=53)
    assert placed["changed_files"] == first["changed_files"]
    assert "correct-horse" not in placed["output"]
    assert "reloading for" in placed["output"]
    etc = role.base / "etc"
    assert (etc / "main.conf").read_text() == (
        f"#\n# Ansible managed\n#\n# tree/main.conf.j2 -> {etc}/main.conf\nport = 53\npart 53\n"
    )
    assert (etc / "local.d/plain.inc").read_text() == "{{ not a template }}\n"
    assert (etc / "blob.bin").read_bytes() == b"\0\xff\n"
    assert oct((etc / "local.d/auth.inc").stat().st_mode)[-3:] == "600"

    again = role.good("--diff", options=options, port=53)
    assert (again["changed"], again["changed_files"], again["diff"]) == (False, [], [])
    assert "reloading for" not in again["output"]

    changed = role.good("--diff", options=options, port=5353)
    assert changed["changed_files"] == ["main.conf"]
    assert "-port = 53\n-part 53\n+port = 5353\n+part 5353" in changed["output"]

    back = role.good("--diff", options={"state": "rolled_back"})
    assert back["changed_files"] == ["main.conf"]
    assert back["validation"] == "passed"
    assert "port = 53\n" in (etc / "main.conf").read_text()


def test_a_bad_template_names_file_and_line(role: Role) -> None:
    cases = {
        "undefined": ("a\n\n{{ nobody_set_this }}\n", 3, "'nobody_set_this' is undefined"),
        "syntax": ("a\n{% if %}\n", 2, "Syntax error in template"),
        "filter": ("a\n{{ 'x' | no_such_filter }}\n", 2, "No filter named"),
        "failing": ("\n\n\n{{ 'x' | mailfleet.filter.to_ucl }}\n", 4, "the top level is a str"),
    }
    for name, (template, _, _) in cases.items():
        role.write(f"roles/demo/templates/{name}/sub/a.conf.j2", template)
    messages = role.refusals([{"source": name} for name in cases])
    for message, (name, (_, line, words)) in zip(messages, cases.items(), strict=True):
        assert f"roles/demo/templates/{name}/sub/a.conf.j2:{line}: " in message
        assert words in message
    assert not (role.base / "etc").exists()


def test_a_refused_tree_shows_the_commands_words_and_the_line(role: Role) -> None:
    role.template("a.conf.j2", "good\n  {{ word }} here\n")
    options = {"validate": "sh -c '! grep -Hn bad %s/a.conf'"}
    role.good(options=options, word="fine")
    text = role.bad(options=options, word="bad")
    assert "is not valid, nothing was changed" in text
    assert f"{role.base}/etc/a.conf:2: bad here" in text
    assert (role.base / "etc/a.conf").read_text() == "good\n  fine here\n"


BAD_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"source": "nowhere"}, "there is no templates/nowhere"),
    ({"files": {"../x": "y"}}, "not a path inside the tree"),
    ({"files": {"x": {"a": 1}}}, "files: x is not a text"),
    ({"mode": 416}, "quote it"),
    ({"modes": {"nothing.conf": "0600"}}, "modes names nothing.conf"),
    ({"secrets": ["nothing.conf"]}, "secrets names nothing.conf"),
    ({"name": "a/b"}, "is not a plain name"),
    ({"keep": 0}, "keep at least one"),
    ({"dest": "relative"}, "is not an absolute path"),
    ({"generation": 3}, "is for state: rolled_back only"),
    ({"exclude": ["*"]}, "the tree is empty"),
    ({"valdiate": "x"}, "valdiate"),
    ({"owner": "nobody-yet"}, "there is no user 'nobody-yet'"),
]


def test_bad_options_change_nothing(role: Role) -> None:
    role.template("a.conf", "a")
    messages = role.refusals([options for options, _ in BAD_OPTIONS])
    for message, (_, words) in zip(messages, BAD_OPTIONS, strict=True):
        assert words in message
    assert not (role.base / "etc").exists()


def test_an_exclusive_tree_of_given_files_only(role: Role) -> None:
    options = {"exclusive": True, "files": {"a.conf": "1"}}
    assert role.good(options=options)["changed_files"] == ["a.conf"]
    assert (role.base / "etc").is_symlink()
    (role.base / "etc" / "stray").write_text("x")
    assert role.good(options=options)["removed_files"] == ["stray"]
