"""The line an error shows: cut around the fault, secrets hidden."""

from __future__ import annotations

import pytest

from filter_engine.ucl import UclError, parse
from filter_engine.ucl.masking import MASK, mask


@pytest.mark.parametrize(
    "text",
    [
        'password = "S3cret',
        'password = "S3cret" S3cret',
        'enable_password: "S3cret\n',
        '{"password":"S3cret',
        'x { "password" = \'S3cret }',
        'sentinel_password "S3cret',
        'a = 1; encryption_key = "S3cret',
        'key = "S3cret',
        'client_secret S3cret { "',
        'api_key = S3cret }',
        'token = S3cret\x00',
        'privkey\n = S3cret ]',
        'password =\n  "S3cret',
        'secrets = [\n "a",\n "S3cret',
        f'{{"a": "{"x" * 500}", "password": "S3cret{"y" * 130}", "b" 1 @',
        f'password = "{"x" * 300}S3cret',
        'password = 99999999999999999999S3cret; password = "S3cret',
    ],
)  # fmt: skip
def test_secrets_are_not_shown(text: str) -> None:
    with pytest.raises(UclError) as caught:
        parse(text)
    assert "S3cret" not in str(caught.value)
    assert len(caught.value.source) < 200


def test_a_number_out_of_range_is_not_repeated() -> None:
    with pytest.raises(UclError) as caught:
        parse("password = 99999999999999999999")
    assert "9999" not in str(caught.value)
    assert caught.value.source == f"password = {MASK}"


@pytest.mark.parametrize(
    "line",
    [
        "timeout = 10s }",
        "monkey = 5",
        "keyword = x",
        "passthrough = yes",
        'worker "controller" {',
        "password {",
        "tokens",
    ],
)
def test_other_lines_are_shown(line: str) -> None:
    assert mask(line) == line


def test_a_long_line_is_shown_around_the_fault() -> None:
    text = "a = 1; " * 100 + "b = } " + "c = 1; " * 100
    with pytest.raises(UclError) as caught:
        parse(text)
    error = caught.value
    assert error.column == 705
    assert error.source.startswith("...")
    assert error.source.endswith("...")
    shown, pointer = str(error).split("\n")[1:3]
    assert shown[pointer.index("^")] == "}"
