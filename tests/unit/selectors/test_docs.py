"""docs/selectors.md lists what there is."""

from __future__ import annotations

import re
from pathlib import Path

from filter_engine.selectors.extractors import EXTRACTORS, NOT_SERVED
from filter_engine.selectors.items import FIELDS
from filter_engine.selectors.transforms import TRANSFORMS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "selectors.md").read_text()


def _section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_extractor_field_and_transform_is_listed() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", _section("Extractors"), re.MULTILINE))
    assert rows == {name: made.doc for name, made in EXTRACTORS.items()}
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", _section("Transforms"), re.MULTILINE))
    assert rows == {name: made.doc for name, made in TRANSFORMS.items()}
    named = set(re.findall(r"`(\w+)`", _section("Fields")))
    assert named == {name for fields in FIELDS.values() for name in fields}


def test_what_is_not_served_is_said() -> None:
    for name in NOT_SERVED:
        assert f"`{name}`" in PAGE.partition("further ones")[2].partition("\n")[0]
