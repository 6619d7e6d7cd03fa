"""Reading main.cf and master.cf."""

from __future__ import annotations

import time
from pathlib import Path

from filter_engine.lint.host import Host
from filter_engine.lint.postfix import Postfix, read_postfix, words


def _read(root: Path, main: str, master: str = "") -> Postfix:
    (root / "etc/postfix").mkdir(parents=True)
    (root / "etc/postfix/main.cf").write_text(main)
    (root / "etc/postfix/master.cf").write_text(master)
    found = read_postfix(Host(root))
    assert found is not None
    return found


def _values(found: Postfix, name: str) -> list[tuple[str, int]]:
    return [(parameter.value, parameter.line) for parameter in found.of(name)]


def test_lines_continue_and_comments_do_not_end_them(tmp_path: Path) -> None:
    found = _read(tmp_path, "# a\n\nsmtpd_milters =\n  inet:a:1,\n# between\n\tinet:b:2\nx = y\n")
    assert _values(found, "smtpd_milters") == [("inet:a:1, inet:b:2", 3)]
    assert _values(found, "x") == [("y", 7)]


def test_the_last_value_counts(tmp_path: Path) -> None:
    assert _values(_read(tmp_path, "x = 1\nx = 2\n"), "x") == [("2", 2)]


def test_references_are_replaced(tmp_path: Path) -> None:
    found = _read(tmp_path, "a = 1\nb = $a ${a} $(a)\nc = <$b> $missing\n")
    assert _values(found, "c") == [("<1 1 1> ", 3)]


def test_references_in_a_circle_end(tmp_path: Path) -> None:
    start = time.process_time()
    found = _read(tmp_path, f"a = {'$b ' * 2000}\nb = {'$a ' * 2000}\n")
    (value,) = _values(found, "a")
    assert len(value[0]) < 100_000
    assert time.process_time() - start < 2


def test_services_have_their_own(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        "m = inet:localhost:11332\n",
        "smtp inet n - y - - smtpd\n"
        "submission inet n - y - - smtpd\n"
        "  -o smtpd_milters=$m -o { smtpd_tls_security_level = encrypt }\n",
    )
    assert _values(found, "smtpd_milters") == [("inet:localhost:11332", 2)]
    assert _values(found, "smtpd_tls_security_level") == [("encrypt", 2)]


def test_words_of_a_list() -> None:
    assert words("a, b\tc {inet:d:1, timeout=2s} { e }") == ["a", "b", "c", "inet:d:1", "e"]


def test_a_host_without_postfix(tmp_path: Path) -> None:
    assert read_postfix(Host(tmp_path)) is None


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "etc/postfix").mkdir(parents=True)
    (tmp_path / "etc/postfix/main.cf").write_bytes(b"\xff\xfe = \x00\nx = 1\n=\n$ = $\n")
    found = read_postfix(Host(tmp_path))
    assert found is not None
    assert _values(found, "x") == [("1", 2)]
