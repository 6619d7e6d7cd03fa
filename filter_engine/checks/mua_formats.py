"""What mail programs write: the forms of their Message-IDs and of their names.

The forms are facts, seen in mail of these programs; each is a row of lengths and alphabets here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

_DIGITS: Final = "0-9"
_UPPER: Final = "A-F0-9"
_LOWER: Final = "a-f0-9"
_CAPITALS: Final = "A-Z0-9"
_SMALL: Final = "a-z0-9"
_LETTERS: Final = "A-Za-z0-9"
_LONG: Final = 998
"""Characters of a line (RFC 5322, section 2.1.1): what "any number" means."""

_Run = tuple[str, int, int]
"""Characters of an alphabet: which, how few, how many."""


def _form(*parts: str | _Run) -> re.Pattern[str]:
    """What is left of the @, of texts as they stand and runs of an alphabet."""
    return re.compile(
        "".join(
            re.escape(part) if isinstance(part, str) else f"[{part[0]}]{{{part[1]},{part[2]}}}"
            for part in parts
        )
    )


def _run(alphabet: str, least: int, most: int | None = None) -> _Run:
    return (alphabet, least, most or least)


def _many(alphabet: str) -> _Run:
    return (alphabet, 1, _LONG)


# Seconds since 1970 in hexadecimal, a point, a counter. Where the seconds are of 1997 or later and
# each second digit of the counter is zero, the program itself wrote it (mozilla_wrote).
_MOZILLA: Final = _form(_run(_UPPER, 8), ".", _run(_DIGITS, 1, 7))
_MOZILLA_BEGINS: Final = 0x33 << 24
_MOZILLA_COUNTER: Final = (3, 5, 7, 9)
"""Digits its counter may have."""
# A UUID in small letters (RFC 9562).
_UUID: Final = _form(*(p for n in (8, 4, 4, 4) for p in (_run(_LOWER, n), "-")), _run(_LOWER, 12))
# A number, a point, the local time: 20240131235959.
_BAT: Final = _form(_many(_DIGITS), ".", _many(_DIGITS))
_KMAIL: Final = re.compile(_BAT.pattern + r"\.\S+")
_OPERA: Final = _form("op.", _run(_SMALL, 14))
# Three numbers in hexadecimal, the first of 32 or of 48 bits.
_DOLLARS: Final = tuple(
    _form(_run(_LOWER, first), "$", _run(_LOWER, 8), "$", _run(_LOWER, 8)) for first in (8, 12)
)
_HEX_32: Final = _form(_run(_UPPER, 32))
_HEX_40: Final = _form(_run(_UPPER, 36, 40))
_HOTMAIL: Final = _form(_run(_LETTERS + "-", 7), _run(_LETTERS, 20))

_GATEWAYS: Final = (
    (
        _form("BAY", _many(_DIGITS), "-DAV", _many(_DIGITS), _run(_CAPITALS, 25)),
        re.compile(r"phx\.gbl?"),
    ),
    (
        _form("BAYC", _many(_DIGITS), "-PASMTP", _many(_DIGITS), _run(_CAPITALS, 25)),
        re.compile(r"CEZ\.ICE"),
    ),
    # Mailman 2: its name, three numbers, the list.
    (
        _form("mailman.", *(p for _ in range(3) for p in (_many(_DIGITS), ".")), _many(r"\w+=:.-")),
        re.compile(r"[\w.-]+"),
    ),
)
"""Message-IDs of services that write them anew: Hotmail, Sympatico, Mailman; left, right."""


def sides(message_id: str) -> tuple[str, str]:
    """A Message-ID's left and right of the @, without brackets; empty where it is no such thing.

    The right may be empty: spam has such.
    """
    text = message_id.strip().removeprefix("<").removesuffix(">").lstrip()
    left, at, right = text.partition("@")
    return (left, right) if at and not any(char.isspace() for char in right) else ("", "")


def _dotted(message_id: str) -> str:
    """The left side, if there are brackets and the right is a name of two labels or more."""
    text = message_id.strip()
    left, right = sides(text)
    whole = text.startswith("<") and text.endswith(">") and "." in right and ">" not in right
    return left if whole and all(right.split(".")) else ""


def is_mozilla(message_id: str) -> bool:
    """Whether it has the form of Mozilla's, forged or not."""
    return _MOZILLA.fullmatch(_dotted(message_id)) is not None


def mozilla_wrote(message_id: str) -> bool:
    """Whether Mozilla itself can have written it."""
    stamp, _, counter = _dotted(message_id).partition(".")
    return (
        re.fullmatch("[0-9A-F]{8}", stamp) is not None
        and int(stamp, 16) >= _MOZILLA_BEGINS
        and counter.isascii()
        and counter.isdigit()
        and len(counter) in _MOZILLA_COUNTER
        and set(counter[1::2]) == {"0"}
    )


def is_uuid(message_id: str) -> bool:
    """Whether it is a UUID at a host, as later Thunderbirds write it."""
    return _UUID.fullmatch(_dotted(message_id)) is not None


def is_bat(message_id: str) -> bool:
    """Whether it has the form of The Bat!'s, forged or not."""
    return _BAT.fullmatch(sides(message_id)[0]) is not None


def bat_wrote(message_id: str) -> bool:
    """Whether The Bat! itself can have written it: what follows the point is a time."""
    number, _, stamp = sides(message_id)[0].partition(".")
    if not number.isdigit() or len(stamp) != len("yyyymmddhhmmss") or not stamp.isdigit():
        return False
    try:
        return datetime.strptime(stamp, "%Y%m%d%H%M%S").year >= 1970
    except ValueError:
        return False


def is_kmail(message_id: str) -> bool:
    """Whether it has the form of KMail's."""
    return _KMAIL.fullmatch(sides(message_id)[0]) is not None


def is_opera(message_id: str) -> bool:
    """Whether it has the form of Opera Mail's."""
    return _OPERA.fullmatch(sides(message_id)[0]) is not None


def is_outlook(message_id: str) -> bool:
    """Whether it has a form that Outlook and Outlook Express write both."""
    left = sides(message_id)[0]
    return any(form.fullmatch(left) for form in (*_DOLLARS, _HEX_32))


def is_exchange(message_id: str) -> bool:
    """Whether it has the form of Exchange Server's, through Outlook."""
    return _HEX_40.fullmatch(sides(message_id)[0]) is not None


def is_hotmail(message_id: str) -> bool:
    """Whether it has the form of Hotmail's, through Outlook Express."""
    left, right = sides(message_id)
    return right == "hotmail.com" and _HOTMAIL.fullmatch(left) is not None


def is_rewritten(message_id: str) -> bool:
    """Whether a list or a service wrote it anew: it says nothing of the program."""
    left, right = sides(message_id)
    return any(form.fullmatch(left) and host.fullmatch(right) for form, host in _GATEWAYS)


def products(agent: str) -> Mapping[str, str]:
    """User-Agent's products and their versions, without comments (RFC 9110, section 10.1.5)."""
    words = re.sub(r"\([^()]*\)", " ", agent).split()
    return {name: version for name, _, version in (word.partition("/") for word in words)}


def is_thunderbird(agent: str) -> bool:
    """Whether User-Agent names Thunderbird or Debian's Icedove."""
    if agent.lstrip().removeprefix("Mozilla ").startswith("Thunderbird"):
        return True
    named = products(agent)
    return {"Mozilla", "Gecko"} <= named.keys() and not named.keys().isdisjoint(
        {"Thunderbird", "Icedove"}
    )


def is_seamonkey(agent: str) -> bool:
    """Whether User-Agent names SeaMonkey."""
    named = products(agent)
    major, _, rest = named.get("SeaMonkey", "").partition(".")
    return named.get("Mozilla") == "5.0" and major.isdigit() and rest[:1].isdigit()


def is_postbox(agent: str) -> bool:
    """Whether User-Agent names Postbox, and its version has three or four numbers."""
    named = products(agent)
    version = named.get("PostboxApp", "").split(".")
    return (
        named.get("Mozilla") == "5.0"
        and named.get("Gecko", "").isdigit()
        and len(version) in (3, 4)
        and all(number.isdigit() for number in version)
    )


def is_mozilla_agent(agent: str) -> bool:
    """Whether User-Agent begins as all of Mozilla's kin do."""
    return agent.lstrip().startswith("Mozilla/5.0")


MOZILLA_KIN: Final[tuple[tuple[str, Callable[[str], bool], bool], ...]] = (
    ("THUNDERBIRD", is_thunderbird, True),
    ("SEAMONKEY", is_seamonkey, True),
    ("POSTBOX", is_postbox, True),
    ("MOZILLA_MAIL", is_mozilla_agent, False),
)
"""Symbol's middle, how User-Agent tells it, whether its Message-IDs may be UUIDs."""

_OLD: Final = (
    "Microsoft Outlook Express",
    "Microsoft Outlook IMO, Build 9.0.",
    "Microsoft Outlook, Build 10.",
    *(
        f"QUALCOMM Windows Eudora {edition}Version {major}."
        for edition in ("", "Pro ")
        for major in range(1, 7)
    ),
    *(f"The Bat! (v{major}." for major in (1, 2)),
)
_NEVER: Final = (
    "X-Mailer: ",
    "eGroups Message Poster",
    *(f"{owner}Thunderbird {digit}" for owner in ("", "Mozilla ") for digit in range(10)),
)
_APPLE: Final = ("iPhone Mail", "iPad Mail")
# Apple's build numbers: the train, the letter of the release, a number, perhaps a small letter.
_BUILD: Final = re.compile(r" \((\d\d?)([A-Z])(\d+[a-z]?\))?", re.ASCII)
_IOS_LETTERS: Final = {
    1: "AC",
    3: "AB",
    4: "AB",
    5: "ABCFGH",
    7: "ABCDE",
    8: "ABCEFGHJKL",
    9: "AB",
}
"""Letters of the releases in the trains of one digit; in later ones there may be any."""
_IOS_OLD: Final = ("12H", "13E")
"""Releases of later trains that nobody should run any more, as all those of trains 1 to 8."""


def _apple_build(mailer: str) -> re.Match[str] | None:
    program = next((name for name in _APPLE if mailer.startswith(name)), None)
    return None if program is None else _BUILD.match(mailer, len(program))


def is_old(mailer: str) -> bool:
    """Whether X-Mailer names a program that is out of use."""
    if mailer.startswith(_OLD):
        return True
    build = _apple_build(mailer)
    if build is None:
        return False
    train, letter = build[1], build[2]
    return train + letter in _IOS_OLD or ("1" <= train <= "8" and len(train) == 1 and letter <= "L")


def is_impossible(mailer: str) -> bool:
    """Whether X-Mailer has what the program it names never writes there."""
    if mailer.startswith(_NEVER):
        return True
    if not mailer.startswith(_APPLE):
        return False
    build = _apple_build(mailer)
    if build is None or build[3] is None:
        return True
    return len(build[1]) == 1 and build[2] not in _IOS_LETTERS.get(int(build[1]), "")


def is_modern_outlook(mailer: str) -> bool:
    """Whether X-Mailer names Outlook 10.0 to 29.0, of an Office or alone."""
    version = mailer.replace("Microsoft Office ", "Microsoft ", 1)
    return version.startswith(
        tuple(f"Microsoft Outlook {major}.0" for major in range(10, 30)),
    )


_IMS: Final = "Internet Mail Service (5."


def is_ims(mailer: str) -> bool:
    """Whether X-Mailer names Exchange 5's Internet Mail Service."""
    return mailer.startswith(_IMS)


def is_ims_hop(received: str) -> bool:
    """Whether Received is of Exchange 5's Internet Mail Service."""
    words = received.split(None, 3)
    return len(words) == 4 and words[::2] == ["by", "with"] and words[3].startswith(_IMS)


_YAHOO_HOSTS: Final = tuple(f".{part}.yahoo.com" for part in ("groups", "scd", "dcn"))


def is_yahoo_groups_hop(received: str) -> bool:
    """Whether Received is of Yahoo's groups: from [address] by host with NNFMP."""
    words = received.split(None, 6)
    return (
        len(words) >= 6
        and (words[0], words[2], words[4]) == ("from", "by", "with")
        and words[1].startswith("[")
        and words[1].endswith("]")
        and words[3].endswith(_YAHOO_HOSTS)
        and words[5].startswith("NNFMP")
    )


def is_list_robot(unsubscribe: str) -> bool:
    """Whether List-Unsubscribe ends with a robot of Lyris (leave-...) or ezmlm."""
    text = unsubscribe.rstrip()
    begin = text.rfind("<mailto:")
    if begin < 0 or not text.endswith(">"):
        return False
    local, at, host = text[begin + len("<mailto:") : -1].partition("@")
    return bool(at and host) and (local.startswith("leave-") or local.endswith("-unsubscribe"))
