"""config_tree end to end: ansible-playbook over a local connection into temporary directories.

A run of ansible-playbook costs more than all it does here, so one run takes many steps: each step
is the same task of the same role with its own options, variables and modes.
"""

from __future__ import annotations

import json
import os
import sys
import tarfile
from dataclasses import dataclass, field
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
- name: Take the steps
  ansible.builtin.include_tasks: step.yml
  loop: "{{ steps }}"
  loop_control: {loop_var: step, label: "{{ step.number }}"}
"""
STEP = """\
- name: Change the host
  ansible.builtin.shell: "{{ step.before }}"
  when: step.before | length > 0
- name: Render the tree
  mailfleet.filter.config_tree: "{{ {'name': 'demo', 'state_directory': base ~ '/state'}
    | combine({} if step.options.state is defined
              else {'dest': base ~ '/etc', 'owner': me, 'group': my_group})
    | combine(step.options) }}"
  vars: {word: "{{ step.word }}"}
  register: __demo_tree
  check_mode: "{{ step.check }}"
  diff: true
  ignore_errors: true
  notify: Reload
- name: Let the handlers run
  ansible.builtin.meta: flush_handlers
- name: Keep the result and the host's files
  ansible.builtin.shell:
    cmd: |
      cat > results/{{ step.number }}
      test ! -e reloaded || mv reloaded results/{{ step.number }}.reloaded
      tar chf results/{{ step.number }}.tar --ignore-failed-read etc state 2>/dev/null || true
    chdir: "{{ base }}"
    stdin: "{{ __demo_tree | ansible.builtin.to_json }}"
"""
HANDLERS = """\
- name: Reload
  ansible.builtin.copy: {content: "", dest: "{{ base }}/reloaded"}
"""


@dataclass
class Step:
    """One call of the task, and after the run what it gave."""

    options: dict[str, Any]
    word: str = "53"
    check: bool = False
    before: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    reloaded: bool = False
    files: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.result[key]

    @property
    def failure(self) -> str:
        assert self.result["failed"] is True
        return str(self.result["msg"])


class Role:
    """A role with a template tree, and runs of it."""

    def __init__(self, root: Path, ansible: Ansible) -> None:
        self.root = root
        self.base = root / "host"
        (self.base / "results").mkdir(parents=True)
        self._ansible = ansible
        texts = {"tasks/main": TASKS, "tasks/step": STEP, "handlers/main": HANDLERS}
        for name, text in texts.items():
            self.write(f"{name}.yml", text)
        (root / "play.yml").write_text(PLAY.replace("PYTHON", sys.executable))

    def write(self, name: str, text: str | bytes) -> None:
        path = self.root / "roles" / "demo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def template(self, name: str, text: str | bytes) -> None:
        self.write(f"templates/tree/{name}", text)

    def run(self, *steps: Step) -> str:
        """Take the steps; fills them and returns what Ansible printed."""
        rows = [
            {
                "number": n,
                "options": s.options,
                "word": s.word,
                "check": s.check,
                "before": s.before,
            }
            for n, s in enumerate(steps)
        ]
        variables = {
            "base": str(self.base),
            "steps": rows,
            "me": str(os.getuid()),
            "my_group": str(os.getgid()),
        }
        file = self.root / "variables.json"
        file.write_text(json.dumps(variables))
        done = self._ansible.run(
            *("ansible-playbook", "-vvv", "-i", "localhost,", "-e", f"@{file}"),
            self.root / "play.yml",
            ANSIBLE_ROLES_PATH=str(self.root / "roles"),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        results = self.base / "results"
        for number, step in enumerate(steps):
            step.result = json.loads((results / str(number)).read_text())
            step.reloaded = (results / f"{number}.reloaded").exists()
            step.files = _contents(results / f"{number}.tar")
        return done.stdout + done.stderr


def _contents(path: Path) -> dict[str, str]:
    """Return what was below etc/ after a step, and `state` if there was any memory."""
    found: dict[str, str] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if member.name.startswith("state/"):
                found["state"] = ""
            elif stream is not None:
                text = stream.read().decode("utf-8", "backslashreplace")
                found[member.name.removeprefix("etc/")] = text
    return found


@pytest.fixture
def role(tmp_path: Path, ansible: Ansible) -> Role:
    return Role(tmp_path, ansible)


def test_the_whole_way(role: Role) -> None:
    """Check mode first, then placing, then nothing, a change, a refusal, and back."""
    role.template(
        "main.conf.j2",
        "{{ ansible_managed | ansible.builtin.comment }}\n"
        "# {{ template_path }} -> {{ template_destpath }}\n"
        "{% if true %}\nport = {{ word }}\n{% endif %}\n{% include 'part.j2' %}\n",
    )
    role.template("local.d/plain.inc", "{{ not a template }}\n")
    role.template("blob.bin", b"\0\xff\n")
    role.write("templates/part.j2", "\n  part {{ word }}")
    options = {
        "files": {"local.d/auth.inc": 'password = "correct-horse";\n'},
        "secrets": ["local.d/auth.inc"],
        "mode": "0640",
        "modes": {"local.d/auth.inc": "0600"},
        "validate": "sh -c '! grep -Hn bad %s/main.conf'",
    }
    checked = Step(options, check=True)
    placed, again, changed = Step(options), Step(options), Step(options, word="5353")
    refused, back = Step(options, word="bad"), Step({"state": "rolled_back"})
    output = role.run(checked, placed, again, changed, refused, back)

    names = ["blob.bin", "local.d/auth.inc", "local.d/plain.inc", "main.conf"]
    assert (checked["changed"], checked["changed_files"]) == (True, names)
    assert checked["validation"] == "passed"
    assert checked.files == {}
    diffs = {one.get("after_header", ""): one for one in checked["diff"]}
    assert "port = 53\n" in diffs[f"{role.base}/etc/main.conf"]["after"]

    assert (placed["changed_files"], placed.reloaded) == (names, True)
    etc = role.base / "etc"
    assert placed.files["main.conf"] == (
        f"#\n# Ansible managed\n#\n# tree/main.conf.j2 -> {etc}/main.conf\nport = 53\n\n  part 53\n"
    )
    assert placed.files["local.d/plain.inc"] == "{{ not a template }}\n"
    assert placed.files["blob.bin"] == "\0\\xff\n"
    assert oct((etc / "local.d/auth.inc").stat().st_mode)[-3:] == "600"

    assert (again["changed"], again["changed_files"], again["diff"]) == (False, [], [])
    assert not again.reloaded

    assert (changed["changed_files"], changed.reloaded) == (["main.conf"], True)
    assert "port = 5353\n" in changed.files["main.conf"]

    assert "is not valid, nothing was changed" in refused.failure
    assert f"{etc}/main.conf:5: port = bad" in refused.failure
    assert f"{etc}/main.conf:7: part bad" in refused.failure
    assert refused.files == changed.files
    assert not refused.reloaded

    assert (back["changed_files"], back["validation"]) == (["main.conf"], "passed")
    assert back.files == placed.files
    assert back.reloaded
    assert "correct-horse" not in output


def test_a_bad_template_names_file_and_line(role: Role) -> None:
    cases = {
        "undefined": ("a\n\n{{ nobody_set_this }}\n", 3, "'nobody_set_this' is undefined"),
        "syntax": ("a\n{% if %}\n", 2, "Syntax error in template"),
        "filter": ("a\n{{ 'x' | no_such_filter }}\n", 2, "No filter named"),
        "failing": ("\n\n\n{{ 'x' | mailfleet.filter.to_ucl }}\n", 4, "the top level is a str"),
    }
    for name, (template, _, _) in cases.items():
        role.write(f"templates/{name}/sub/a.conf.j2", template)
    steps = {name: Step({"source": name}) for name in cases}
    role.run(*steps.values())
    for name, (_, line, words) in cases.items():
        assert f"demo/templates/{name}/sub/a.conf.j2:{line}: " in steps[name].failure
        assert words in steps[name].failure
        assert steps[name].files == {}


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
    steps = [Step(options) for options, _ in BAD_OPTIONS]
    role.run(*steps)
    for step, (_, words) in zip(steps, BAD_OPTIONS, strict=True):
        assert words in step.failure
    assert not (role.base / "etc").exists()


def test_an_exclusive_tree_of_given_files_only(role: Role) -> None:
    options = {"exclusive": True, "files": {"a.conf": "1"}}
    placed = Step(options)
    cleaned = Step(options, before=f"touch {role.base}/etc/stray")
    role.run(placed, cleaned)
    assert placed["changed_files"] == ["a.conf"]
    assert (role.base / "etc").is_symlink()
    assert cleaned["removed_files"] == ["stray"]
    assert {"a.conf"} == cleaned.files.keys() - {"state"}
