"""Settings that a scan request brings: whoever may ask for a scan writes them."""

from __future__ import annotations

import pytest

from filter_engine.config.settings_apply import ApplyError, SetSymbol, parse_apply


@pytest.mark.parametrize(
    "text",
    [
        'symbols { "A) X-Evil\\n: 1" = 5 }',
        'symbols { "\\u001b[31mRED" = 5 }',
        'symbols = ["a b"]',
        'symbols = [""]',
        f"symbols {{ {'A' * 201} = 1 }}",
        'scores { "A\\r\\nX" = 5 }',
        '"A B" = 5',
    ],
)
def test_what_is_no_name_of_a_symbol_is_refused(text: str) -> None:
    with pytest.raises(ApplyError, match="is no name of a symbol"):
        parse_apply(text)


@pytest.mark.parametrize(
    "text",
    [
        "symbols { A = 1e308; B = 1e308 }",
        "symbols { A { score = -1e6 } }",
        "scores { A = 1e308 }",
        "scores { A = -1e7 }",
        "actions { reject = 1e308 }",
    ],
)
def test_numbers_whose_sum_would_be_none_are_refused(text: str) -> None:
    with pytest.raises(ApplyError, match="is out of bounds"):
        parse_apply(text)


def test_what_people_write_is_taken() -> None:
    found = parse_apply(
        'symbols { "A-1.b:c/d" = 2; B { weight = -3.5; options = [x] } }'
        "scores { C = 100; D = null }\nactions { reject = 999999 }"
    )
    assert found.symbols == {"A-1.b:c/d": SetSymbol(2.0), "B": SetSymbol(-3.5, ("x",))}
    assert found.scores == {"C": 100.0, "D": None}
    assert found.actions == {"reject": 999999.0}
