"""The signed message of RFC 6376, appendix A.2, with its key (appendix C).

As corrected by errata 3192 (one blank before "Are") and 4926 (folds of six blanks).
"""

from __future__ import annotations

from typing import Any

import pytest

from filter_engine.auth.dkim import verify
from filter_engine.auth.results import DkimCode
from filter_engine.checks.sender_policy import signed_content
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.question import ASK
from zone_drive import drive

KEY = (
    b"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
    b"IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"
    b"tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
)
MESSAGE = b"""\
DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game. Are you hungry yet?

Joe.
""".replace(b"\n", b"\r\n")


def codes(raw: bytes, key: bytes = KEY) -> list[DkimCode]:
    table = TableResolver({"brisbane._domainkey.example.com": {"TXT": [key]}})
    result: Any = drive(verify(ASK, signed_content(Message(raw)), 1.1e9), table)
    return [signature.result for signature in result.signatures]


def test_the_message_verifies() -> None:
    assert codes(MESSAGE) == [DkimCode.PASS]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"hungry yet?", b"hungry yet? "),  # simple: a blank counts
        (b"Is dinner ready?", b"Is dinner  ready?"),
        (b"Subject:", b"SUBJECT:"),
        (b"      Fri,", b"     Fri,"),
        (b"Joe.", b"Jo."),
    ],
)
def test_the_simple_forms_forgive_nothing(old: bytes, new: bytes) -> None:
    assert codes(MESSAGE.replace(old, new)) == [DkimCode.FAIL]


def test_the_key_may_forbid_other_identities() -> None:
    """``t=s``: ``i=`` is in a subdomain of ``d=`` here (section 3.6.1)."""
    assert codes(MESSAGE, KEY + b"; t=s") == [DkimCode.PERMERROR]
    assert codes(MESSAGE, KEY + b"; t=y") == [DkimCode.PASS]
    assert codes(MESSAGE, KEY + b"; h=sha1") == [DkimCode.PERMERROR]
    assert codes(MESSAGE, b"v=DKIM1; p=") == [DkimCode.PERMERROR]
