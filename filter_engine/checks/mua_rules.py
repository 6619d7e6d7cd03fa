"""Mail programs: what they claim to be against what they would have written."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.message.message import Message
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_MUA = ("mua",)
_HEADERS = ("headers",)
_Pattern = re.Pattern[str]
_FIELDS: Final = 50
"""Fields of one name that are looked at."""
_LOOKED_AT: Final = 1000
"""Characters of a field that are looked at: some patterns take the square of it."""

# Message-IDs that say nothing, because lists, gateways and some services write them anew.
_REWRITTEN_ID: Final = re.compile(
    r"<?BAY\d+-DAV\d+[A-Z0-9]{25}@phx\.gbl?>$|<?BAYC\d+-PASMTP\d+[A-Z0-9]{25}@CEZ\.ICE>?$"
    r"|<mailman\.\d+\.\d+\.\d+\.[-+.:=\w]+@[-a-zA-Z\d.]+>$"
)
_REWRITTEN_BY: Final = re.compile(r"/CWT/DCE\)|iPlanet Messaging Server")
_LIST_ROBOT: Final = re.compile(r"<mailto:(?:leave-\S+|\S+-unsubscribe)@\S+>$")

_MOZILLA_ID: Final = re.compile(r"\s*<[\dA-F]{8}\.\d{1,7}@(?:[^>.]+\.)+[^>.]+>$")
_MOZILLA_UUID: Final = re.compile(
    r"\s*<[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}@(?:[^>.]+\.)+[^>.]+>$"
)
_MOZILLA_DATED: Final = re.compile(
    r"\s*<(?:3[3-9A-F]|[4-9A-F][\dA-F])[\dA-F]{6}\.(?:\d0){1,4}\d@(?:[^>.]+\.)+[^>.]+>$"
)
_MOZILLA5: Final = re.compile(r"\s*Mozilla/5\.0")
_THUNDERBIRD: Final = re.compile(
    r"\s*(?:(?:Mozilla )?Thunderbird|Mozilla/.*Gecko/.*(?:Thunderbird|Icedove)/)"
)
_SEAMONKEY: Final = re.compile(r"\s*Mozilla/5\.0\s.+\sSeaMonkey/\d+\.\d+")
_POSTBOX: Final = re.compile(
    r"\s*Mozilla/5\.0\s\([^)]+\)\sGecko/\d+\sPostboxApp/\d+(?:\.\d+){2,3}$"
)
_BAT: Final = re.compile(r"\s*The Bat!")
_BAT_ID: Final = re.compile(r"<?\d+\.\d+@\S+>?$")
_BAT_DATED: Final = re.compile(
    r"<?\d+\.(?:19[789]\d|20\d\d)(?:0\d|1[012])(?:[012]\d|3[01])(?:[0-5]\d){3}@\S+>?"
)
_KMAIL: Final = re.compile(r"\s*KMail/1\.\d+\.\d+")
_KMAIL_ID: Final = re.compile(r"<?\s*\d+\.\d+\.\S+@\S+>?$")
_OPERA: Final = re.compile(r"\s*Opera Mail/1[01]\.\d+ ")
_OPERA_ID: Final = re.compile(r"<?op\.[a-z\d]{14}@\S+>?$")

_EXPRESS: Final = re.compile(r"\bOutlook Express [456]\.")
_EXPRESS_HOTMAIL_ID: Final = re.compile(r"<?[A-Za-z0-9-]{7}[A-Za-z0-9]{20}@hotmail\.com>?$")
_DOLLAR_ID: Final = re.compile(r"<?(?:[0-9a-f]{8}|[0-9a-f]{12})\$[0-9a-f]{8}\$[0-9a-f]{8}@\S+>?$")
_OLD_OUTLOOK: Final = re.compile(r"Microsoft Outlook(?: 8| CWS, Build 9|, Build 10)\.")
_HEX32_ID: Final = re.compile(r"<?[A-F\d]{32}@\S+>?$")
_HEX40_ID: Final = re.compile(r"<?[A-F\d]{36,40}@\S+>?$")
_GENUINE_OUTLOOK: Final = frozenset(
    {"Microsoft Outlook, Build 10.0.3416", "Microsoft Outlook Express 6.00.3790.3959"}
)
_ANY_OUTLOOK: Final = re.compile(r"Microsoft Outlook\b")
_MODERN_OUTLOOK: Final = re.compile(r"Microsoft (?:Office )?Outlook [12]\d\.0")
_YAHOO_BULK: Final = re.compile(r"from \[\S+\] by \S+\.(?:groups|scd|dcn)\.yahoo\.com with NNFMP")
_EXCHANGE_ID: Final = re.compile(r"[0-9a-f]{4,}\$[0-9a-f]{4,}\$[0-9a-f]{4,}@\S+")

_OLD_MAILER: Final = re.compile(
    r"Microsoft Outlook Express|QUALCOMM Windows Eudora (?:Pro )?Version [1-6]\.|The Bat! \(v[12]\."
    r"|Microsoft Outlook IMO, Build 9\.0\.|Microsoft Outlook, Build 10\."
    r"|i(?:Phone|Pad) Mail \((?:[1-8][A-L]|12H|13E)"
)
_IMPOSSIBLE_MAILER: Final = re.compile(
    r"X-Mailer: |(?:Mozilla )?Thunderbird \d|eGroups Message Poster|i(?:Phone|Pad) Mail"
)
_IOS_MAILER: Final = re.compile(
    r"i(?:Phone|Pad) Mail \((?:1[AC]|[34][AB]|5[ABCFGH]|7[A-E]|8[ABCEFGHJKL]|9[AB]|\d{2}[A-Z])"
    r"\d+[a-z]?\)"
)
_IMS_MAILER: Final = re.compile(r"Internet Mail Service \(5\.")
_IMS_HOP: Final = re.compile(r"by \S+ with Internet Mail Service \(5\.")
_NO_DIGIT: Final = re.compile(r"[^0-9]+")


def _any(message: Message, name: str, pattern: _Pattern, *, inside: bool = False) -> bool:
    look = pattern.search if inside else pattern.match
    fields = message.get_all(name)[:_FIELDS]
    return any(look(field.value[:_LOOKED_AT]) for field in fields)


def _rewritten(message: Message) -> bool:
    return (
        _any(message, "message-id", _REWRITTEN_ID)
        or _any(message, "received", _REWRITTEN_BY, inside=True)
        or _any(message, "list-unsubscribe", _LIST_ROBOT, inside=True)
    )


def _forged(program: str) -> tuple[Symbol, Symbol]:
    name = program.upper().replace(" ", "_")
    text = f"Claims to be {program}, but has another's Message-ID"
    return (
        Symbol(f"FORGED_MUA_{name}_MSGID", 4.0, text, _MUA, True),
        Symbol(f"FORGED_MUA_{name}_MSGID_UNKNOWN", 2.5, text, _MUA, True),
    )


@check(
    "forged_mua",
    module="mua",
    symbols=(
        *_forged("Mozilla Mail"),
        *_forged("Thunderbird"),
        *_forged("Seamonkey"),
        *_forged("Postbox"),
        Symbol(
            "FORGED_MUA_THEBAT_MSGID", 4.0, "Claims to be The Bat!, wrong Message-ID", _MUA, True
        ),
        Symbol(
            "FORGED_MUA_THEBAT_MSGID_UNKNOWN",
            3.0,
            "Claims to be The Bat!, wrong Message-ID",
            _MUA,
            True,
        ),
        Symbol(
            "FORGED_MUA_KMAIL_MSGID_UNKNOWN",
            2.5,
            "Claims to be KMail, wrong Message-ID",
            _MUA,
            True,
        ),
        Symbol(
            "FORGED_MUA_OPERA_MSGID", 4.0, "Claims to be Opera Mail, wrong Message-ID", _MUA, True
        ),
        Symbol("FORGED_MUA_OUTLOOK", 3.0, "Claims to be Outlook, wrong Message-ID", _MUA, True),
    ),
)
def forged_mua(task: Task) -> list[Finding]:
    """Message-IDs that the program named in User-Agent or X-Mailer does not write."""
    message = task.message
    if message.get("user-agent") is None and message.get("x-mailer") is None:
        return []
    symbol = _mozilla(message) or _bat(message) or _outlook(message) or _other(message)
    return [] if symbol is None or _rewritten(message) else [Finding(symbol)]


def _mozilla(message: Message) -> str | None:
    if message.get("user-agent") is None:
        return None
    named = (
        ("THUNDERBIRD", _THUNDERBIRD, True),
        ("SEAMONKEY", _SEAMONKEY, True),
        ("POSTBOX", _POSTBOX, True),
        ("MOZILLA_MAIL", _MOZILLA5, False),
    )
    for name, agent, uuids in named:
        if not _any(message, "user-agent", agent):
            continue
        if _any(message, "message-id", _MOZILLA_DATED):
            return None
        if _any(message, "message-id", _MOZILLA_ID):
            return f"FORGED_MUA_{name}_MSGID"
        if uuids and _any(message, "message-id", _MOZILLA_UUID):
            return None
        return f"FORGED_MUA_{name}_MSGID_UNKNOWN"
    return None


def _bat(message: Message) -> str | None:
    if not _any(message, "x-mailer", _BAT) or _any(message, "message-id", _BAT_DATED):
        return None
    common = _any(message, "message-id", _BAT_ID)
    return "FORGED_MUA_THEBAT_MSGID" if common else "FORGED_MUA_THEBAT_MSGID_UNKNOWN"


def _outlook(message: Message) -> str | None:
    mailer = message.text("x-mailer") or ""
    if "Outlook" not in mailer or mailer in _GENUINE_OUTLOOK:
        return None
    express = _any(message, "x-mailer", _EXPRESS, inside=True)
    if not express and not _any(message, "x-mailer", _OLD_OUTLOOK):
        return None
    genuine = (_DOLLAR_ID, _HEX32_ID, _EXPRESS_HOTMAIL_ID if express else _HEX40_ID)
    if any(_any(message, "message-id", pattern) for pattern in genuine):
        return None
    if not express and (message.text("message-id") or "").lstrip("<").startswith("!~!"):
        return None
    return "FORGED_MUA_OUTLOOK"


def _other(message: Message) -> str | None:
    if _any(message, "user-agent", _KMAIL) and not _any(message, "message-id", _KMAIL_ID):
        return "FORGED_MUA_KMAIL_MSGID_UNKNOWN"
    if _any(message, "user-agent", _OPERA) and not _any(message, "message-id", _OPERA_ID):
        return "FORGED_MUA_OPERA_MSGID"
    return None


@check(
    "mailer",
    module="mua",
    symbols=(
        Symbol("OLD_X_MAILER", 2.0, "X-Mailer names a very old program", _HEADERS, True),
        Symbol("FORGED_X_MAILER", 4.5, "X-Mailer that its program does not write", _HEADERS, True),
        Symbol("FORGED_IMS", 3.0, "Claims Internet Mail Service, which no hop was", _HEADERS),
        Symbol("XM_UA_NO_VERSION", 0.01, "The program names no version", ("experimental",), True),
        Symbol("RATWARE_MS_HASH", 2.0, "An Exchange Message-ID without Exchange", _HEADERS, True),
        Symbol("MISSING_MIMEOLE", 2.0, "X-MSMail-Priority without X-MimeOLE", _HEADERS, True),
        Symbol("FORGED_OUTLOOK_HTML", 5.0, "Outlook does not send HTML alone", _HEADERS, True),
        Symbol("FORGED_OUTLOOK_TAGS", 2.1, "HTML that Outlook does not write", _HEADERS, True),
    ),
)
def mailer(task: Task) -> list[Finding]:
    """X-Mailer and User-Agent beside the headers that go with them."""
    message = task.message
    found: list[Finding] = []
    if _any(message, "x-mailer", _OLD_MAILER):
        found.append(Finding("OLD_X_MAILER"))
    if _any(message, "x-mailer", _IMPOSSIBLE_MAILER) and not _any(message, "x-mailer", _IOS_MAILER):
        found.append(Finding("FORGED_X_MAILER"))
    if _any(message, "x-mailer", _IMS_MAILER) and not _any(message, "received", _IMS_HOP):
        found.append(Finding("FORGED_IMS"))
    programs = [
        field.value for name in ("x-mailer", "user-agent") for field in message.get_all(name)
    ]
    if any(_NO_DIGIT.fullmatch(text) for text in programs) and not any(
        "http:" in text or "https:" in text for text in programs
    ):
        found.append(Finding("XM_UA_NO_VERSION"))
    if (
        _any(message, "message-id", _EXCHANGE_ID, inside=True)
        and not (message.text("x-mimeole") or "").startswith("Produced By Microsoft MimeOLE")
        and not any(
            "with Microsoft Exchange Server" in f.value for f in message.get_all("received")
        )
    ):
        found.append(Finding("RATWARE_MS_HASH"))
    if (
        message.get("x-msmail-priority") is not None
        and message.get("x-mimeole") is None
        and not any("SquirrelMail" in text for text in programs)
        and not _any(message, "x-mailer", _MODERN_OUTLOOK)
    ):
        found.append(Finding("MISSING_MIMEOLE"))
    return found + _outlook_html(message)


def _outlook_html(message: Message) -> list[Finding]:
    if not _any(message, "x-mailer", _ANY_OUTLOOK) or _any(
        message, "received", _YAHOO_BULK, inside=True
    ):
        return []
    found: list[Finding] = []
    if message.text_parts and message.text_parts[0].is_html:
        found.append(Finding("FORGED_OUTLOOK_HTML"))
    parts = message.parts if message.parts[0].is_multipart else message.parts[:1]
    if any(part.content_type.endswith("html") for part in parts):
        seen: set[str] = set()
        for part in message.text_parts:
            if part.is_html:
                text = part.text.lower()
                seen.update(tag for tag in ("html", "head", "meta", "body") if f"<{tag}" in text)
        if len(seen) < 4:
            found.append(Finding("FORGED_OUTLOOK_TAGS"))
    return found
