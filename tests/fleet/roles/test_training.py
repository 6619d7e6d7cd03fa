"""Roles filter_engine and dovecot have mail learnt: the unit, and the program that Dovecot runs."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
import yaml

import rendered_tree
from filter_engine.training.drop_directory import DropDirectory, Dropped
from lessons import SPAM, lesson

UNIT = rendered_tree.ROLES / "filter_engine/templates/learn_units/mailfleet-learn.service.j2"
DOVECOT = rendered_tree.ROLES / "dovecot"
MAIL = lesson(SPAM)


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    directory = tmp_path_factory.mktemp("unit")
    write = {
        "ansible.builtin.template": {
            "src": str(UNIT),
            "dest": str(directory / "unit"),
            "mode": "0600",
        }
    }
    rendered_tree.render(directory / "x", site="single_host", tasks=[write])
    return (directory / "unit").read_text().splitlines()


def test_the_unit_s_command_is_one_of_the_engine(unit: list[str], tmp_path: Path) -> None:
    (line,) = (line for line in unit if line.startswith("ExecStart="))
    program, *words = shlex.split(line.partition("=")[2])
    assert program.endswith("/bin/filter-engine")
    directories = "/var/spool/mailfleet-train"
    assert words[-4:] == ["--spam", f"{directories}/spam", "--ham", f"{directories}/ham"]
    words = [word.replace("/etc/filter_engine", str(tmp_path)) for word in words]
    # Refused after its arguments were understood: this site has no classifier.
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d/classifier-bayes.conf").write_text("enabled = false;\n")
    done = subprocess.run(
        [sys.executable, "-m", "filter_engine.cli.main", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr[:35]) == (78, "filter-engine: nothing was learnt: ")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_unit(unit: list[str], tmp_path: Path) -> None:
    path = tmp_path / "mailfleet-learn.service"
    # The release is not here; systemd wants a program that is.
    path.write_text(
        "\n".join(unit).replace("/opt/filter_engine/current/bin/filter-engine", sys.executable)
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert path.name not in done.stderr


class Spool:
    """The directories that role dovecot makes, and its program."""

    def __init__(self, folder: Path, **variables: object) -> None:
        environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
        environment.filters["quote"] = shlex.quote
        environment.filters["comment"] = lambda text: f"# {text}"
        template = (DOVECOT / "templates/tree/sieve/pipe/train.j2").read_text()
        known = yaml.safe_load((DOVECOT / "defaults/main.yml").read_text())
        known |= yaml.safe_load((DOVECOT / "vars/main.yml").read_text())
        known |= {"ansible_managed": "managed", "dovecot_train_directory": str(folder)} | variables
        self.program = folder / "train"
        self.program.write_text(environment.from_string(template).render(known) + "\n")
        self.program.chmod(0o755)
        self.folder = folder
        for kind in ("spam", "ham"):
            for part in ("tmp", "new"):
                (folder / kind / part).mkdir(parents=True)

    def train(self, *words: str, mail: bytes = MAIL) -> subprocess.CompletedProcess[bytes]:
        # Pigeonhole gives its programs hardly any environment.
        return subprocess.run(
            [self.program, *words], input=mail, env={}, capture_output=True, check=False
        )

    def waiting(self, kind: str) -> list[Dropped]:
        found = DropDirectory(self.folder / kind, spam=True, limit=10**7).look()
        return [mail for _, mail in found if isinstance(mail, Dropped)]

    def left(self) -> list[Path]:
        return list(self.folder.glob("*/tmp/*"))


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    folder = tmp_path / "it's a spool"
    folder.mkdir()
    return Spool(folder)


def test_a_mail_is_put_where_the_engine_looks(spool: Spool) -> None:
    assert spool.train("spam", "alice@example.net").returncode == 0
    (mail,) = spool.waiting("spam")
    assert (mail.raw, mail.user) == (MAIL, "alice@example.net")
    (path,) = spool.folder.glob("spam/new/*")
    assert path.stat().st_mode & 0o777 == 0o640
    assert spool.waiting("ham") == spool.left() == []


@pytest.mark.parametrize(
    "user", ["", "../../etc/x", "a b@example.net", "$(id)@example.net", "a\nb"]
)
def test_a_user_that_is_no_plain_address_is_left_out(spool: Spool, user: str) -> None:
    assert spool.train("ham", user).returncode == 0
    (mail,) = spool.waiting("ham")
    assert mail.user == ""


def test_large_mail_is_let_go(tmp_path: Path) -> None:
    spool = Spool(tmp_path, dovecot_train_max_size=1000)
    assert spool.train("spam", "", mail=MAIL + b"x" * 300_000).returncode == 0
    assert spool.waiting("spam") == spool.left() == []


def test_a_full_spool_takes_no_more_and_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path, __dovecot_train_waiting=2)
    done = [spool.train("spam", "") for _ in range(4)]
    assert [one.returncode for one in done] == [0, 0, 75, 75]
    assert b"2 mails wait" in done[3].stderr
    assert spool.train("ham", "").returncode == 0


def test_one_user_does_not_fill_the_spool_for_others(tmp_path: Path) -> None:
    spool = Spool(tmp_path, __dovecot_train_waiting_of_user=2)
    users = ["alice@example.net", "", "odd one", "a@example.net"]
    done = [[spool.train("spam", user).returncode for _ in range(3)] for user in users]
    # Whoever has no address for a login shares one allowance.
    assert done == [[0, 0, 75], [0, 0, 75], [75, 75, 75], [0, 0, 75]]
    mail = DropDirectory(spool.folder / "spam", spam=True, limit=10)
    assert len(list(mail.look())) == 6, "too large to be learnt: they leave new"
    assert spool.train("spam", users[0]).returncode == 0


def test_what_cannot_be_written_fails_and_leaves_nothing(spool: Spool) -> None:
    assert spool.train("other").returncode == 64
    (spool.folder / "spam/new").rmdir()
    assert spool.train("spam", "").returncode != 0
    assert spool.left() == []
