# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Action plugin `mailfleet.filter.config_tree`: renders a tree, places it with one module call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import Templar, generate_ansible_template_vars, trust_as_template
from ansible_collections.mailfleet.filter.plugins.module_utils.file_attributes import (
    FileAttributeError,
    read_mode,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    TreeError,
    WantedFile,
    check_relative_path,
    pack,
)
from ansible_collections.mailfleet.filter.plugins.plugin_utils.template_line import error_place
from ansible_collections.mailfleet.filter.plugins.plugin_utils.template_tree import (
    PathRules,
    SourceFile,
    find_sources,
)

# As ansible.builtin.template does it.
JINJA_OVERRIDES = {"trim_blocks": True, "lstrip_blocks": False}

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "rolled_back"], "default": "present"},
    "source": {"type": "list", "elements": "str", "default": ["tree"]},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "files": {"type": "dict", "default": {}},
    "dest": {"type": "path"},
    "exclusive": {"type": "bool"},
    "validate": {"type": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "raw", "default": "0644"},
    "directory_mode": {"type": "raw", "default": "0755"},
    "modes": {"type": "dict", "default": {}},
    "owners": {"type": "dict", "default": {}},
    "secrets": {"type": "list", "elements": "str", "default": []},
    "keep": {"type": "int", "default": 5},
    "generation": {"type": "int"},
    "state_directory": {"type": "path", "default": "/var/lib/mailfleet/config_tree"},
}


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """Renders with the task's variables; the host sees content, never a template."""

    _requires_connection = True
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the module's result; raises AnsibleActionFail before the host is touched."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        try:
            arguments = self._module_arguments(options, variables)
        except (TreeError, FileAttributeError) as error:
            raise AnsibleActionFail(str(error)) from error
        result: dict[str, Any] = self._execute_module(
            module_name="mailfleet.filter.config_tree", module_args=arguments, task_vars=variables
        )
        return result

    def _module_arguments(
        self, options: dict[str, Any], variables: dict[str, Any]
    ) -> dict[str, Any]:
        if "/" in options["name"] or options["name"] in ("", ".", ".."):
            raise TreeError(f"name {options['name']!r} is not a plain name")
        if options["keep"] < 1:
            raise TreeError(f"keep is {options['keep']}: keep at least one tree to roll back to")
        if options["dest"] is not None and not os.path.isabs(options["dest"]):
            raise TreeError(f"dest {options['dest']!r} is not an absolute path")
        shared = ("name", "state", "dest", "exclusive", "validate", "owner", "group", "keep")
        arguments = {key: options[key] for key in (*shared, "state_directory")}
        if options["state"] == "rolled_back":
            return {**arguments, "generation": options["generation"]}
        if options["dest"] is None:
            raise TreeError("dest is missing: name the live directory")
        if options["generation"] is not None:
            raise TreeError("generation is for state: rolled_back only")
        arguments["exclusive"] = bool(options["exclusive"])
        read_mode(options["directory_mode"], "directory_mode")
        arguments["directory_mode"] = options["directory_mode"]
        arguments["_payload"] = pack(self._wanted_files(options, variables))
        return arguments

    def _wanted_files(self, options: dict[str, Any], variables: dict[str, Any]) -> list[WantedFile]:
        contents = self._contents(options, variables)
        if not contents:
            raise TreeError("the tree is empty: it has neither templates nor files")
        default_mode = read_mode(options["mode"], "mode")
        for path, mode in options["modes"].items():
            read_mode(mode, f"modes: {path}")
        modes = PathRules("modes", options["modes"])
        owners = PathRules("owners", {path: str(o) for path, o in options["owners"].items()})
        secrets = PathRules("secrets", dict.fromkeys(options["secrets"], "secret"))
        for rules in (modes, owners, secrets):
            rules.check(contents, options["exclude"])
        wanted = []
        for path, content in sorted(contents.items()):
            mode = modes.value(path)
            owner, _, group = (owners.value(path) or "").partition(":")
            wanted.append(
                WantedFile(
                    path=path,
                    content=content,
                    mode=default_mode if mode is None else read_mode(mode, f"modes: {path}"),
                    owner=owner or options["owner"],
                    group=group or options["group"],
                    secret=secrets.value(path) is not None,
                )
            )
        return wanted

    def _contents(self, options: dict[str, Any], variables: dict[str, Any]) -> dict[str, bytes]:
        roots = self._source_roots(options)
        renderer = _Renderer(self._templar, self._loader, roots, options["dest"], variables)
        contents = {
            path: renderer.content(path, source)
            for path, source in find_sources(roots, options["exclude"]).items()
        }
        for path, text in options["files"].items():
            if not isinstance(text, str):
                raise TreeError(f"files: {path} is not a text: render it to text first")
            contents[check_relative_path(path)] = str(text).encode()
        return contents

    def _source_roots(self, options: dict[str, Any]) -> list[str]:
        roots = []
        for name in options["source"]:
            try:
                root = self._find_needle("templates", name)
            except AnsibleError as error:
                if options["files"] and "source" not in self._task.args:
                    continue  # only `files`, and no tree was asked for
                raise AnsibleActionFail(f"there is no templates/{name}: {error}") from error
            if not os.path.isdir(root):
                raise TreeError(f"{root} is not a directory")
            roots.append(root)
        return roots


class _Renderer:
    """Renders templates in one Jinja environment for all files of a tree."""

    def __init__(
        self,
        templar: Templar,
        loader: Any,
        roots: list[str],
        dest: str,
        variables: dict[str, Any],
    ) -> None:
        self._loader = loader
        self._dest = dest
        self._variables = variables
        self._roots = roots
        bases = [*variables.get("ansible_search_path", []), loader.get_basedir()]
        self._searchpath = [*reversed(roots)]
        for base in bases:
            self._searchpath += [os.path.join(base, "templates"), base]
        self._templar = templar.copy_with_new_env(searchpath=self._searchpath)

    def content(self, path: str, source: SourceFile) -> bytes:
        """Return the file's bytes; raises AnsibleActionFail with template and line."""
        if not source.is_template:
            return Path(source.full_path).read_bytes()
        name = source.full_path
        for root in self._roots:
            if name.startswith(root + os.sep):
                name = os.path.relpath(name, os.path.dirname(root))
        added = generate_ansible_template_vars(
            path=name, fullpath=source.full_path, dest_path=os.path.join(self._dest, path)
        )
        if "ansible_managed" in self._variables:
            added.pop("ansible_managed")
        self._templar.available_variables = {**self._variables, **added}
        try:
            text = self._loader.get_text_file_contents(source.full_path)
            rendered = self._templar.template(
                trust_as_template(text), escape_backslashes=False, overrides=JINJA_OVERRIDES
            )
        except (AnsibleError, UnicodeDecodeError) as error:
            place = error_place(error, source.full_path, self._searchpath)
            origin = getattr(error, "obj", None)
            raise AnsibleActionFail(f"{place}: {error}", obj=origin) from error
        if rendered is None:
            return b""
        if isinstance(rendered, dict | list):
            fix = "write it with a filter such as mailfleet.filter.to_ucl"
            raise AnsibleActionFail(f"{source.full_path} renders to data, not to text: {fix}")
        return str(rendered).encode()
