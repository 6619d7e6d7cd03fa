"""Metric files of older Rspamds, whose groups carried their names inside."""

from __future__ import annotations

import pytest

from filter_engine.importers.metric_file import split_metric


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        (
            'group { name = "spf"; max_score = 4; symbol { name = "R"; weight = 3; } }\n',
            'group "spf" {max_score = 4; symbol "R" {weight = 3; } }',
        ),
        ("metric { symbol { weight = 3; name = R } }\n", 'symbol "R" {weight = 3;}'),
        ('group "spf" { symbol "R" { score = 3; } }\n', 'group "spf" {symbol "R" {score = 3; } }'),
        ("symbols { R { score = 3; name { } } }\n", "symbols {R {score = 3; name {} } }"),
    ],
)
def test_names_inside_come_outside(text: str, groups: str) -> None:
    made = " ".join(split_metric(text).groups.split())
    for opened in ("{ ", " }"):
        made, groups = made.replace(opened, opened.strip()), groups.replace(opened, opened.strip())
    assert made == groups
