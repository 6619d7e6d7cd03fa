"""Writing: nothing lost, nothing half done, no secret shown."""

from __future__ import annotations

import os

import pytest

from filter_engine.importers.outcome import ImportFaultError
from filter_engine.importers.redact import redact
from filter_engine.importers.write import State, apply, plan
from filter_engine.ucl.masking import HIDDEN


def test_new_same_changed(tmp_path) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d" / "a.conf").write_text("a = 1;\n")
    (tmp_path / "local.d" / "b.conf").write_text("b = 1;\n")
    (tmp_path / "local.d" / "b.conf").chmod(0o600)
    files = {"local.d/a.conf": "a = 1;\n", "local.d/b.conf": "b = 2;\n", "maps/c.map": "x\n"}
    changes = plan(files, tmp_path)
    assert [change.state for change in changes] == [State.SAME, State.CHANGED, State.NEW]
    assert "-b = 1;\n+b = 2;" in changes[1].diff
    assert not (tmp_path / "maps").exists(), "a plan touches nothing"
    backups = apply(changes, tmp_path)
    assert [path.read_text() for path in backups] == ["b = 1;\n"]
    assert backups[0].name == "b.conf.bak"
    assert (tmp_path / "local.d" / "b.conf").read_text() == "b = 2;\n"
    assert (tmp_path / "local.d" / "b.conf").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "maps" / "c.map").stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path / "local.d")) == ["a.conf", "b.conf", "b.conf.bak"]


def test_no_backup_is_overwritten(tmp_path) -> None:
    for text in ("1", "2", "3"):
        apply(plan({"a.conf": text}, tmp_path), tmp_path)
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {"a.conf": "3", "a.conf.bak": "1", "a.conf.bak.1": "2"}


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../b", "a//b", "", ".", "a\nb", "a\0"])
def test_paths_stay_below_the_directory(path: str, tmp_path) -> None:
    with pytest.raises(ImportFaultError):
        plan({path: "x"}, tmp_path)


def test_what_stands_in_the_way_is_named(tmp_path) -> None:
    (tmp_path / "local.d").write_text("a file")
    with pytest.raises(ImportFaultError, match=r"local\.d"):
        apply(plan({"local.d/a.conf": "a = 1;"}, tmp_path), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        'password="hunter2";',
        "enable_password = hunter2;",
        "password 'hunter2';",
        '"password": "hunter2"',
        'sentinel_password = "a\\"hunter2";',
        "password = <<EOD\nhunter2\nEOD\n",
        'api_key = ["hunter2", "x"];',
        "secret: hunter2",
        'password = "hunter2',
        "keypair { privkey = hunter2; }",
        'url = "http://user:hunter2@host/";',
        "key = <<EOD\n-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nEOD",
    ],
)
def test_secrets_are_hidden(text: str) -> None:
    assert "hunter2" not in redact(text)
    assert "(hidden" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "password = old SECRET;",
        "password SECRET SECRET;\nx = 1;",
        'password { a = "SECRET" }',
        'password "SECRET" { b = SECRET }',
        'password \n = "SECRET"',
        'password /* x */ = # y\n "SECRET"',
        'passwords = ["a]SECRET", "SECRET"]',
        'passwords = [\n"a",\n# SECRET\n"SECRET"]',
        'servers = "redis://:pa/SECRET@h";',
        'servers = "redis://:pa\\"SECRET SECRET@h";',
        "a = ['http://u:SECRET@h', 'http://v:SECRET@h'];",
        'url = "https://h/?a=b&token=SECRET";',
        'auth = "SECRET";',
        'headers { Authorization = "SECRET"; }',
        'headers = [{ "X-Api-Key" = "SECRET" }];',
        'h = "Authorization: Bearer SECRET";',
        'h = "Bearer SECRET";',
        'rule "x" { credentials = "SECRET"; fuzzy_key = SECRET; apiKeys = [SECRET] }',
        "# password = old SECRET\nx = 1;",
        "# password = [\n#   SECRET\n# ]\nx = 1;",
        "# password\n# SECRET\nx = 1;",
        '/* password = "\nSECRET" */ x = 1;',
        "x /* password = SECRET */ = 1;",
        "script = <<EOD\nlocal password = 'SECRET'\nEOD\n",
        '.include(password="SECRET") "x"\n',
        # What cannot be read shows no value at all.
        'reject = "SECRET',
        "a { b = SECRET",
        "} a = SECRET;",
        "a = 1; ] b = SECRET",
        "{% if x %}a = SECRET;{% endif %}",
        'a = "x" SECRET = y"z"',
    ],
)
def test_nothing_of_a_secret_is_shown(tmp_path, text: str) -> None:
    shown = redact(text)
    assert "SECRET" not in shown
    assert "(hidden" in shown
    (tmp_path / "a.conf").write_text(text)
    for after in ("x = 1;\n", text.replace("SECRET", "OTHER"), f"{text}\nb = 1;\n"):
        (change,) = plan({"a.conf": after}, tmp_path)
        assert "SECRET" not in change.diff
        assert change.diff


def test_what_is_no_secret_is_shown() -> None:
    text = (
        '# a comment\nreject = 15; keyfile = "/x"; selector = "mail"; symbol = "X";\n'
        '/* more */ rule "a" { map = "https://maps.example/list@1"; t = [1, {b = 2}]; }\n'
        'd = "Password protected";\n.include(try=true) "$LOCAL_CONFDIR/x.conf"\n'
    )
    assert redact(text) == text.replace("maps.example/list", HIDDEN)


def test_names_stay_and_the_rest_of_the_text(tmp_path) -> None:
    text = 'a = 1;\npassword = "x";\nservers = "redis://:x@h:1"; # note\nb { token = y }\n'
    assert redact(text) == (
        f'a = 1;\npassword = {HIDDEN};\nservers = "redis://{HIDDEN}@h:1"; # note\n'
        f"b {{ token = {HIDDEN} }}\n"
    )


def test_a_diff_of_secrets_alone_says_so(tmp_path) -> None:
    (tmp_path / "a.inc").write_text('password = "hunter1";\n')
    (change,) = plan({"a.inc": 'password = "hunter2";\n'}, tmp_path)
    assert change.state is State.CHANGED
    assert "hunter" not in change.diff
    assert "hidden" in change.diff


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner_and_group_stay(tmp_path) -> None:
    """Root writes for an engine that runs as another user."""
    (tmp_path / "local.d").mkdir(mode=0o750)
    os.chown(tmp_path, 0, 4321)
    os.chown(tmp_path / "local.d", 0, 4322)
    old = tmp_path / "local.d" / "old.conf"
    old.write_text("a = 1;\n")
    old.chmod(0o440)
    os.chown(old, 1234, 4323)
    files = {"local.d/old.conf": "a = 2;\n", "local.d/new.conf": "b;\n", "maps/c.map": "x\n"}
    apply(plan(files, tmp_path), tmp_path)

    def owner(path: str) -> tuple[int, int, int]:
        found = (tmp_path / path).stat()
        return found.st_uid, found.st_gid, found.st_mode & 0o777

    assert owner("local.d/old.conf") == (1234, 4323, 0o440)
    assert owner("local.d/old.conf.bak") == (1234, 4323, 0o440)
    assert owner("local.d/new.conf") == (0, 4322, 0o640)
    assert owner("maps") == (0, 4321, 0o750)
    assert owner("maps/c.map") == (0, 4321, 0o640)


@pytest.mark.parametrize("target", ["a.conf", "../outside", "nothing"])
def test_a_link_is_not_replaced(tmp_path, target: str) -> None:
    site = tmp_path / "site"
    site.mkdir()
    for file in (site / "a.conf", tmp_path / "outside"):
        file.write_text("old;\n")
    (site / "link.conf").symlink_to(target)
    with pytest.raises(ImportFaultError, match=f"symbolic link to {target}") as caught:
        plan({"link.conf": "new;\n"}, site)
    assert caught.value.file == str(site / "link.conf")
    assert (site / "link.conf").is_symlink()
    assert (tmp_path / "outside").read_text() == "old;\n"


def test_a_link_to_what_would_be_written_is_left(tmp_path) -> None:
    (tmp_path / "a.conf").write_text("same;\n")
    (tmp_path / "link.conf").symlink_to("a.conf")
    assert [c.state for c in plan({"link.conf": "same;\n"}, tmp_path)] == [State.SAME]


def test_a_link_that_comes_after_the_plan_is_not_replaced_either(tmp_path) -> None:
    changes = plan({"a.conf": "new;\n"}, tmp_path)
    (tmp_path / "a.conf").symlink_to("elsewhere")
    with pytest.raises(ImportFaultError, match="symbolic link"):
        apply(changes, tmp_path)
    assert (tmp_path / "a.conf").is_symlink()
