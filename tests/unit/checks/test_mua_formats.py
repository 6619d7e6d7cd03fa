"""Forms of Message-IDs and of programs' names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from filter_engine.checks import mua_formats as formats

WRITTEN: Final[tuple[tuple[Callable[[str], bool], str, str], ...]] = (
    (formats.is_mozilla, "<3C5F1A2B.4030201@mail.example.org>", "<3C5F1A2B.4030201@localhost>"),
    (formats.mozilla_wrote, "<3C5F1A2B.4030201@mail.example.org>", "<2C5F1A2B.4030201@a.example>"),
    (formats.mozilla_wrote, "<33000000.102@a.example>", "<3C5F1A2B.4131211@a.example>"),
    (
        formats.is_uuid,
        "<0a1b2c3d-0000-1111-2222-333344445555@a.example>",
        "<0A1B2C3D-0000-1111-2222-333344445555@a.example>",
    ),
    (formats.is_bat, "<123.456@a>", "<123@a>"),
    (formats.bat_wrote, "<123.20040229235959@a>", "<123.20040231235959@a>"),
    (formats.is_kmail, "<200401011200.12.me@a>", "<200401011200.12@a>"),
    (formats.is_opera, "<op.abcdefghij1234@a>", "<op.ABCDEFGHIJ1234@a>"),
    (formats.is_outlook, "<000001c1a2b3$00112233$0a0b0c0d@a>", "<000001c1$0011223$0a0b0c0d@a>"),
    (formats.is_outlook, f"<{'0A' * 16}@a>", f"<{'0a' * 16}@a>"),
    (formats.is_exchange, f"<{'0A' * 19}@a>", f"<{'0A' * 16}@a>"),
    (formats.is_hotmail, f"<BAY1-F1{'aB3' * 6}zz@hotmail.com>", f"<{'aB3' * 9}@hotmail.example>"),
    (formats.is_rewritten, "<mailman.1.22.333.list@a.example>", "<mailman.1.22.list@a.example>"),
    (formats.is_rewritten, f"<BAY1-DAV2{'A' * 25}@phx.gbl>", f"<BAY1-DAV2{'A' * 24}@phx.gbl>"),
    (
        formats.is_thunderbird,
        "Mozilla/5.0 (X11; Linux) Gecko/2010 Thunderbird/3.0",
        "Mozilla/5.0 (Thunderbird/3.0) Gecko/2010",
    ),
    (formats.is_thunderbird, "Thunderbird 2.0", "A Thunderbird 2.0"),
    (
        formats.is_seamonkey,
        "Mozilla/5.0 (X11) Gecko/2010 SeaMonkey/2.0.1",
        "Mozilla/5.0 SeaMonkey/two",
    ),
    (
        formats.is_postbox,
        "Mozilla/5.0 (Mac) Gecko/2010 PostboxApp/1.1.5",
        "Mozilla/5.0 (Mac) Gecko/2010 PostboxApp/1.1",
    ),
    (formats.is_old, "QUALCOMM Windows Eudora Pro Version 4.0", "QUALCOMM Windows Eudora 7"),
    (formats.is_old, "iPhone Mail (8A293)", "iPhone Mail (12B411)"),
    (formats.is_old, "iPad Mail (13E230)", "iPad Mail (8Z1)"),
    (formats.is_impossible, "iPhone Mail (6A1)", "iPhone Mail (15A372)"),
    (formats.is_impossible, "iPhone Mail", "iPhone Mail (7D11a)"),
    (formats.is_impossible, "Mozilla Thunderbird 3", "Thunderbird"),
    (formats.is_modern_outlook, "Microsoft Office Outlook 12.0", "Microsoft Outlook 9.0"),
    (
        formats.is_ims_hop,
        "by mail.example with Internet Mail Service (5.5.2653.19)",
        "from a by mail.example with Internet Mail Service (5.5)",
    ),
    (
        formats.is_yahoo_groups_hop,
        "from [192.0.2.1] by n1.bulk.scd.yahoo.com with NNFMP; 1 Jan 2004",
        "from [192.0.2.1] by n1.bulk.scd.yahoo.example with NNFMP; 1 Jan 2004",
    ),
    (
        formats.is_list_robot,
        "<http://a.example>, <mailto:list-unsubscribe@a.example>",
        "<mailto:list-help@a.example>",
    ),
)


@pytest.mark.parametrize(("says", "right", "wrong"), WRITTEN)
def test_forms(says: Callable[[str], bool], right: str, wrong: str) -> None:
    assert says(right)
    assert not says(wrong)


@pytest.mark.parametrize("says", dict.fromkeys(says for says, _, _ in WRITTEN))
@pytest.mark.parametrize(
    "text", ["", "<", "@", "<@>", "<$$@", "²²²²²²²².²²²@a.b", "(" * 900, "iPad Mail (", "<.@.>"]
)
def test_hostile_text_raises_nothing(says: Callable[[str], bool], text: str) -> None:
    assert says(text) in (True, False)
