"""Lines of a configuration in findings: secrets do not show."""

from __future__ import annotations

import pytest

from filter_engine.config.findings import masked


@pytest.mark.parametrize(
    "line",
    [
        'password = "s3cr3t";',
        "password = s3cr3t;",
        'redis { password = "s3cr3t" }',
        '"enable_password": "s3cr3t",',
        "passphrase s3cr3t;",
    ],
)
def test_a_secret_does_not_show_and_the_line_keeps_its_length(line: str) -> None:
    shown = masked(line)
    assert "s3cr3t" not in shown
    assert len(shown) == len(line)
    assert shown.split("*")[0] == line.split("s3cr3t")[0]
