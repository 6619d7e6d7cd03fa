"""Mail programs: what they claim to be against what they would have written."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from filter_engine.checks import mua_formats
from filter_engine.message.message import Message
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_MUA = ("mua",)
_HEADERS = ("headers",)
_FIELDS: Final = 50
"""Fields of one name that are looked at."""
_LOOKED_AT: Final = 1000
"""Characters of a field that are looked at: some patterns take the square of it."""

_REWRITTEN_BY: Final = ("/CWT/DCE)", "iPlanet Messaging Server")
"""What Received says of servers that write Message-IDs anew."""
_KMAIL: Final = re.compile(r"\s*KMail/1\.\d+\.\d")
_OPERA: Final = re.compile(r"\s*Opera Mail/1[01]\.\d+ ")
_EXPRESS: Final = tuple(f"Outlook Express {major}." for major in (4, 5, 6))
_OLD_OUTLOOK: Final = tuple(
    f"Microsoft Outlook{version}." for version in (" 8", " CWS, Build 9", ", Build 10")
)
_GENUINE_OUTLOOK: Final = frozenset(
    {"Microsoft Outlook, Build 10.0.3416", "Microsoft Outlook Express 6.00.3790.3959"}
)
_ANY_OUTLOOK: Final = re.compile(r"Microsoft Outlook\b")
_HEXES: Final = re.compile(r"[0-9a-f]{4,}")
_NO_DIGIT: Final = re.compile(r"[^0-9]+")


def _any(message: Message, name: str, says: Callable[[str], object]) -> bool:
    for field in message.get_all(name)[:_FIELDS]:  # noqa: SIM110  # a generator costs more
        if says(field.value[:_LOOKED_AT]):
            return True
    return False


def _rewritten(message: Message) -> bool:
    return (
        _any(message, "message-id", mua_formats.is_rewritten)
        or _any(message, "received", lambda text: any(mark in text for mark in _REWRITTEN_BY))
        or _any(message, "list-unsubscribe", mua_formats.is_list_robot)
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
    for name, is_agent, uuids in mua_formats.MOZILLA_KIN:
        if not _any(message, "user-agent", is_agent):
            continue
        if _any(message, "message-id", mua_formats.mozilla_wrote):
            return None
        if _any(message, "message-id", mua_formats.is_mozilla):
            return f"FORGED_MUA_{name}_MSGID"
        if uuids and _any(message, "message-id", mua_formats.is_uuid):
            return None
        return f"FORGED_MUA_{name}_MSGID_UNKNOWN"
    return None


def _bat(message: Message) -> str | None:
    if not _any(message, "x-mailer", lambda text: text.lstrip().startswith("The Bat!")):
        return None
    if _any(message, "message-id", mua_formats.bat_wrote):
        return None
    common = _any(message, "message-id", mua_formats.is_bat)
    return "FORGED_MUA_THEBAT_MSGID" if common else "FORGED_MUA_THEBAT_MSGID_UNKNOWN"


def _outlook(message: Message) -> str | None:
    mailer = message.text("x-mailer") or ""
    if "Outlook" not in mailer or mailer in _GENUINE_OUTLOOK:
        return None
    express = _any(message, "x-mailer", lambda text: any(name in text for name in _EXPRESS))
    if not express and not _any(message, "x-mailer", lambda text: text.startswith(_OLD_OUTLOOK)):
        return None
    other = mua_formats.is_hotmail if express else mua_formats.is_exchange
    if any(_any(message, "message-id", form) for form in (mua_formats.is_outlook, other)):
        return None
    if not express and (message.text("message-id") or "").lstrip("<").startswith("!~!"):
        return None
    return "FORGED_MUA_OUTLOOK"


def _other(message: Message) -> str | None:
    for agent, form, symbol in (
        (_KMAIL, mua_formats.is_kmail, "FORGED_MUA_KMAIL_MSGID_UNKNOWN"),
        (_OPERA, mua_formats.is_opera, "FORGED_MUA_OPERA_MSGID"),
    ):
        if _any(message, "user-agent", agent.match) and not _any(message, "message-id", form):
            return symbol
    return None


def _has_exchange_id(message_id: str) -> bool:
    """Three hexadecimal numbers of four digits or more, with dollar signs between, at a host.

    Anything may stand before them, and after the host.
    """
    if "$" not in message_id:
        return False  # nearly all
    left, _, right = message_id.partition("@")
    numbers = left.rsplit("$", 2)
    numbers[0] = numbers[0][-4:]
    return (
        right[:1].strip() != ""
        and len(numbers) == 3
        and all(_HEXES.fullmatch(each) for each in numbers)
    )


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
    programs: list[str] = []
    present = message.header_names
    if "x-mailer" in present:
        programs += [field.value for field in message.get_all("x-mailer")]
        if _any(message, "x-mailer", mua_formats.is_old):
            found.append(Finding("OLD_X_MAILER"))
        if _any(message, "x-mailer", mua_formats.is_impossible):
            found.append(Finding("FORGED_X_MAILER"))
        if _any(message, "x-mailer", mua_formats.is_ims) and not _any(
            message, "received", mua_formats.is_ims_hop
        ):
            found.append(Finding("FORGED_IMS"))
    if "user-agent" in present:
        programs += [field.value for field in message.get_all("user-agent")]
    if (
        programs
        and any(_NO_DIGIT.fullmatch(text) for text in programs)
        and not any("http:" in text or "https:" in text for text in programs)
    ):
        found.append(Finding("XM_UA_NO_VERSION"))
    if (
        _any(message, "message-id", _has_exchange_id)
        and not (message.text("x-mimeole") or "").startswith("Produced By Microsoft MimeOLE")
        and not any(
            "with Microsoft Exchange Server" in f.value for f in message.get_all("received")
        )
    ):
        found.append(Finding("RATWARE_MS_HASH"))
    if (
        "x-msmail-priority" in present
        and "x-mimeole" not in present
        and not any("SquirrelMail" in text for text in programs)
        and not _any(message, "x-mailer", mua_formats.is_modern_outlook)
    ):
        found.append(Finding("MISSING_MIMEOLE"))
    return found + _outlook_html(message) if "x-mailer" in present else found


def _outlook_html(message: Message) -> list[Finding]:
    if not _any(message, "x-mailer", _ANY_OUTLOOK.match) or _any(
        message, "received", mua_formats.is_yahoo_groups_hop
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
