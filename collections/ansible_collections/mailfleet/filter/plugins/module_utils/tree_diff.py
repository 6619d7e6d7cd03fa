"""The diff of a plan, for `--diff`: one entry a file; secret content never appears in it."""

from __future__ import annotations

import grp
import pwd

from ansible_collections.mailfleet.filter.plugins.module_utils.file_attributes import UNKNOWN_ID
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import FileState
from ansible_collections.mailfleet.filter.plugins.module_utils.tree_plan import Plan

MAX_DIFF_BYTES = 200_000


def diff_entries(dest: str, plan: Plan) -> list[dict[str, str]]:
    """Return Ansible's diff structure: content and attributes of every differing file."""
    entries: list[dict[str, str]] = []
    for path in sorted(plan.after):
        before, after = plan.before[path], plan.after[path]
        if before == after:
            continue
        header = f"{dest}/{path}"
        if _body(before) != _body(after):
            entries.append(_content(header, before, after, secret=path in plan.secret))
        if before.kind == after.kind == "file" and _attributes(before) != _attributes(after):
            entries.append(
                _entry(f"{header} (attributes)", _attributes(before), _attributes(after))
            )
    for path in plan.directories:
        text = f"attributes of directory {dest}/{path}".rstrip("/.") + " change\n"
        entries.append({"prepared": text})
    return entries


def _body(state: FileState) -> tuple[str, bytes, str]:
    return state.kind, state.content, state.target


def _entry(header: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": header, "after_header": header, "before": before, "after": after}


def _content(header: str, before: FileState, after: FileState, *, secret: bool) -> dict[str, str]:
    if secret:
        verb = {"absent": "appears", "file": "changes"}.get(before.kind, "changes")
        verb = "goes away" if after.kind == "absent" else verb
        return {"prepared": f"{header} {verb} (secret, content not shown)\n"}
    if before.kind == "other":
        return {"prepared": f"directory {header} goes away\n"}
    texts = [_text(state) for state in (before, after)]
    if None in texts:
        return {"prepared": f"{header} changes (binary or large, content not shown)\n"}
    return _entry(header, texts[0] or "", texts[1] or "")


def _text(state: FileState) -> str | None:
    if state.kind == "link":
        return f"link to {state.target}\n"
    if state.kind != "file":
        return ""
    if len(state.content) > MAX_DIFF_BYTES or b"\0" in state.content:
        return None
    try:
        return state.content.decode()
    except UnicodeDecodeError:
        return None


def _attributes(state: FileState) -> str:
    return f"owner {_user(state.uid)}\ngroup {_group(state.gid)}\nmode {state.mode:04o}\n"


def _user(uid: int) -> str:
    if uid == UNKNOWN_ID:
        return "(not there yet)"
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    if gid == UNKNOWN_ID:
        return "(not there yet)"
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
