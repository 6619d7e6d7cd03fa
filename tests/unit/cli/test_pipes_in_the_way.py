"""A FIFO where a command expects a file: refused at once (each would hang, not fail)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from filter_engine.auth.signing_key import KeyRing, SigningKeyError
from filter_engine.cli.main import group
from filter_engine.lint.host import Host


def _run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(group, [str(word) for word in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.output


def _pipe(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    return path


def test_as_a_file_that_an_import_would_replace(tmp_path: Path) -> None:
    source = tmp_path / "env"
    source.write_text("ACTIONS=reject = 9;\n")
    _pipe(tmp_path / "site" / "local.d" / "actions.conf")
    status, said = _run("import", "env", source, "--to", tmp_path / "site", "-n")
    assert status == 1
    assert "actions.conf: cannot read it: not a regular file" in said


@pytest.mark.parametrize("kind", ["rmilter", "env", "custom-commands", "amavis-env"])
def test_as_the_source(tmp_path: Path, kind: str) -> None:
    status, said = _run("import", kind, _pipe(tmp_path / "source"))
    assert status == 1
    assert "not a regular file" in said


def test_as_an_include_of_rmilter(tmp_path: Path) -> None:
    pipe = _pipe(tmp_path / "pipe")
    (tmp_path / "rmilter.conf").write_text(f".include {pipe}\n")
    status, said = _run("import", "rmilter", tmp_path / "rmilter.conf")
    assert "pipe" in said
    assert status in (1, 3)


def test_in_a_tree_of_rspamds(tmp_path: Path) -> None:
    _pipe(tmp_path / "rspamd" / "local.d" / "options.inc")
    status, _ = _run("import", "rspamd", tmp_path / "rspamd")
    assert status in (0, 1, 3)


@pytest.mark.parametrize("file", ["local.d/options.inc", "override.d/worker-proxy.inc"])
def test_in_a_site(tmp_path: Path, file: str) -> None:
    _pipe(tmp_path / file)
    status, said = _run("configtest", f"--var=LOCAL_CONFDIR={tmp_path}")
    assert status == 1
    assert "not a regular file" in said


def test_as_a_list_of_addresses(tmp_path: Path) -> None:
    pipe = _pipe(tmp_path / "networks")
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d" / "options.inc").write_text(f'local_networks = "{pipe}";')
    status, said = _run("configtest", f"--var=LOCAL_CONFDIR={tmp_path}")
    assert status == 1
    assert "not a regular file" in said


def test_as_main_cf_of_a_host(tmp_path: Path) -> None:
    _pipe(tmp_path / "etc" / "postfix" / "main.cf")
    assert Host(tmp_path).text("/etc/postfix/main.cf") is None


def test_as_a_signing_key(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyError, match="not a regular file"):
        KeyRing().load(str(_pipe(tmp_path / "key")))
