"""Runs a role's validation command on a staged tree and tells what it found."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping

from ansible_collections.mailfleet.filter.plugins.module_utils.tree_files import (
    FileState,
    TreeError,
)

TIMEOUT = 120.0  # seconds
MAX_OUTPUT = 8_000  # characters shown
_PLACE = re.compile(r"(?P<path>[^\s:\"'()\[\]]+)(?::|,? line |\(line )\s*(?P<line>\d+)")
_SECRET_WORD = re.compile(r"[^\s\"'=;:,{}()\[\]]{6,}")


class CommandMissing(TreeError):
    """The validation command is not installed on this host."""


class ValidationFailed(TreeError):
    """The command refused the staged tree; the message holds its output."""


def validate(
    command: str, staged: str, dest: str, files: Mapping[str, FileState], secret: Iterable[str]
) -> None:
    """Run the command (`%s` is the staged directory, no shell) with the directory as working one.

    Raises `CommandMissing`, or `ValidationFailed` with output in which the staged path reads as the
    live one and words of secret files are masked.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise TreeError(f"validate: {error}: {command}") from error
    if not any("%s" in word for word in words):
        raise TreeError(f'validate: "%s" (the staged directory) is missing in: {command}')
    argv = [word.replace("%s", staged) for word in words]
    program = shutil.which(argv[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None:
        raise CommandMissing(f"validate: {argv[0]} is not installed on this host")
    code, output = _run([program, *argv[1:]], staged)
    if code == 0:
        return
    secret_paths = set(secret)
    output = _mask(output, (files[path] for path in secret_paths if path in files))
    output = output.replace(staged, dest).strip()
    if len(output) > MAX_OUTPUT:
        output = output[:MAX_OUTPUT] + "\n(cut off)"
    places = _places(output, dest, files, secret_paths)
    reason = "timed out" if code is None else f"ended with status {code}"
    lines = [f"the tree for {dest} is not valid, nothing was changed: {argv[0]} {reason}", output]
    raise ValidationFailed("\n".join([*lines, *places]).rstrip())


def _run(argv: list[str], directory: str) -> tuple[int | None, str]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    with subprocess.Popen(  # noqa: S603 - the role's own command, no shell
        argv,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            # The whole session, since a command may have started others.
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return None, output.decode(errors="replace")
    return process.returncode, output.decode(errors="replace")


def _mask(output: str, secrets: Iterable[FileState]) -> str:
    """Replace every longer word of a secret file in the output."""
    words: set[str] = set()
    for state in secrets:
        words.update(_SECRET_WORD.findall(state.content.decode(errors="replace")))
    for word in sorted(words, key=len, reverse=True):
        output = output.replace(word, "********")
    return output


def _places(
    output: str, dest: str, files: Mapping[str, FileState], secret: set[str]
) -> Iterable[str]:
    """Show the rendered lines the output points to, as `path:line: text`."""
    shown: set[tuple[str, int]] = set()
    for found in _PLACE.finditer(output):
        path = os.path.normpath(found["path"].removeprefix(dest + "/"))
        number = int(found["line"])
        if (path, number) in shown or path in secret or path not in files:
            continue
        lines = files[path].content.decode(errors="replace").splitlines()
        if 1 <= number <= len(lines) and len(shown) < 5:
            shown.add((path, number))
            yield f"{dest}/{path}:{number}: {lines[number - 1].strip()}"
