"""Macros of SPF records (RFC 7208, section 7): read once with the record, expanded per message."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

from filter_engine.dns.names import is_below
from filter_engine.lazy_dataclass import frozen, settled

MAX_STRING = 2048
"""Characters of a macro string as written; no honest record comes near."""
MAX_VALUE = 512
"""Characters one macro may stand for: the local part is the sender's to choose."""
MAX_EXPLANATION = 1024
"""Characters of an expanded explanation."""

_LITERAL = re.compile(r"[\x21-\x24\x26-\x7e]+")
_LITERAL_OR_SPACE = re.compile(r"[\x20-\x24\x26-\x7e]+")
_EXPAND = re.compile(r"%\{([slodiphvcrtSLODIPHVCRT])([0-9]*)([rR]?)([.\-+,/_=]*)\}")
_SIMPLE = {"%%": "%", "%_": " ", "%-": "%20"}
_ONLY_IN_EXPLANATIONS = frozenset("crt")
# A top label: letters, digits and hyphens, not all digits, no hyphen at either end.
_TOP_LABEL_END = re.compile(
    r"\.(?:[0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9])\.?\Z"
)


class SpfSyntaxError(ValueError):
    """A record that cannot be read: permerror (RFC 7208, section 2.6.7)."""


@frozen
class Macro:
    """One ``%{...}``."""

    letter: str
    """Lower-case."""
    keep: int
    """Right-hand parts to keep; 0 keeps all."""
    reverse: bool
    delimiters: str
    escape: bool
    """Written in upper case: the value is percent-encoded (section 7.3)."""


MacroString = tuple["str | Macro", ...]


def parse_macro_string(text: str, *, explanation: bool = False) -> MacroString:
    """Read a macro-string; spaces and the letters c, r, t only in explanations.

    Raises SpfSyntaxError.
    """
    if len(text) > MAX_STRING:
        raise SpfSyntaxError(f"{len(text)} characters in one term")
    literal = _LITERAL_OR_SPACE if explanation else _LITERAL
    parts: list[str | Macro] = []
    at = 0
    while at < len(text):
        if found := literal.match(text, at):
            parts.append(found[0])
            at = found.end()
        elif text[at : at + 2] in _SIMPLE:
            parts.append(_SIMPLE[text[at : at + 2]])
            at += 2
        elif macro := _EXPAND.match(text, at):
            parts.append(_macro(macro, explanation))
            at = macro.end()
        else:
            raise SpfSyntaxError(f"wrong macro at {text[at : at + 20]!r}")
    return tuple(parts)


def _macro(found: re.Match[str], explanation: bool) -> Macro:
    letter, digits, reverse, delimiters = found.groups()
    if letter.lower() in _ONLY_IN_EXPLANATIONS and not explanation:
        raise SpfSyntaxError(f"the macro letter {letter} is for explanations only")
    keep = int(digits[-9:]) if digits else 0
    if digits and not keep:
        raise SpfSyntaxError(f"{found[0]} keeps no part")
    return Macro(letter.lower(), keep, bool(reverse), delimiters or ".", letter.isupper())


def parse_domain_spec(text: str) -> MacroString:
    """Read a domain-spec: a macro-string that ends in a macro or in a top label (section 7.1).

    Raises SpfSyntaxError.
    """
    parts = parse_macro_string(text)
    ends_in_macro = bool(parts) and (isinstance(parts[-1], Macro) or text[-2:] in _SIMPLE)
    if not ends_in_macro and not _TOP_LABEL_END.search(text):
        raise SpfSyntaxError(f"{text[:60]!r} is not a domain name")
    return parts


@settled
class MacroValues:
    """What macros stand for while one record is evaluated (section 7.2)."""

    ip: IPv4Address | IPv6Address
    sender_local: str
    sender_domain: str
    domain: str
    """The domain whose record is read."""
    helo: str
    receiver: str
    now: int
    """Seconds since the epoch."""
    validated: Callable[[], str]
    """The ``p`` macro: the client's validated name or ``unknown``."""

    def value(self, letter: str) -> str:
        """What a lower-case letter stands for."""
        match letter:
            case "s":
                return f"{self.sender_local}@{self.sender_domain}"
            case "l":
                return self.sender_local
            case "o":
                return self.sender_domain
            case "d":
                return self.domain
            case "i":
                return dotted(self.ip)
            case "p":
                return self.validated()
            case "v":
                return "in-addr" if self.ip.version == 4 else "ip6"
            case "h":
                return self.helo
            case "c":
                return str(self.ip)
            case "r":
                return self.receiver
            case _:
                return str(self.now)


def dotted(ip: IPv4Address | IPv6Address) -> str:
    """The ``i`` macro: dotted quad, or the 32 hexadecimal digits with dots between."""
    if isinstance(ip, IPv4Address):
        return str(ip)
    return ".".join(f"{int(ip):032X}")


def expand(parts: MacroString, values: MacroValues, limit: int = MAX_STRING * 4) -> str:
    """The string with every macro replaced, cut at ``limit`` characters."""
    out: list[str] = []
    length = 0
    for part in parts:
        text = part if isinstance(part, str) else _expand_macro(part, values)
        out.append(text)
        length += len(text)
        if length > limit:
            break
    return "".join(out)[:limit]


def _expand_macro(macro: Macro, values: MacroValues) -> str:
    value = values.value(macro.letter)[:MAX_VALUE]
    if macro.keep or macro.reverse or macro.delimiters != ".":
        for delimiter in macro.delimiters[1:]:
            value = value.replace(delimiter, macro.delimiters[0])
        labels = value.split(macro.delimiters[0])
        if macro.reverse:
            labels.reverse()
        value = ".".join(labels[-macro.keep :] if macro.keep else labels)
    return quote(value, safe="") if macro.escape else value


def expand_domain(parts: MacroString, values: MacroValues) -> str:
    """A domain-spec expanded, in lower case without final dot.

    Labels are dropped on the left until 253 characters are left (section 7.3).
    """
    name = expand(parts, values).lower().removesuffix(".")
    while len(name) > 253 and "." in name:
        name = name.partition(".")[2]
    return name


def uses(parts: MacroString, letter: str) -> bool:
    """Whether a macro of that letter occurs."""
    return any(isinstance(part, Macro) and part.letter == letter for part in parts)


def best_name(names: tuple[str, ...], domain: str) -> str:
    """The ``p`` macro: the domain itself, else a name below it, else any (section 7.3)."""
    if domain in names:
        return domain
    below = [name for name in names if is_below(name, domain)]
    return (below or list(names) or ["unknown"])[0]
