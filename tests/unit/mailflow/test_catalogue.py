"""The mails, their expectations and the header they are read back from."""

from __future__ import annotations

import pytest

from mailflow.catalogue import load
from mailflow.spamd_result import parse


def test_every_mail_can_be_filled() -> None:
    mails = load()
    assert len({mail.name for mail in mails}) == len(mails) >= 10
    for mail in mails:
        message_id, content = mail.fill("unique")
        assert b"{" not in content.split(b"\r\n\r\n")[0]
        assert b"\n" not in content.replace(b"\r\n", b"")
        assert not message_id or message_id.startswith("unique@")


def test_the_site_s_domain_is_put_in() -> None:
    for mail in load(domain="site.example"):
        assert b"example.net" not in mail.fill()[1]
        assert "example.net" not in mail.rcpt_to


def test_spamd_result_is_read_back() -> None:
    value = (
        "default: False [6.50 / 15.00];\n\tBIG(7.00)[why,because];\n\tSMALL(-0.50)[];\n\tZ(0.00)[]"
    )
    result = parse(value)
    assert (result.rejected, result.score, result.required) == (False, 6.5, 15.0)
    assert result.symbols == {"BIG": 7.0, "SMALL": -0.5, "Z": 0.0}
    assert result.options["BIG"] == "why,because"
    assert result.leading == ["BIG", "SMALL"]


def test_something_else_is_no_spamd_result() -> None:
    with pytest.raises(ValueError, match="not an X-Spamd-Result"):
        parse("Yes, score=5")
