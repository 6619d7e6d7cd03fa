"""Received fields (RFC 5321, section 4.4) with the parts Rspamd names."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from socket import AF_INET, inet_pton
from typing import Final

from filter_engine.lazy_dataclass import mutable, settled
from filter_engine.message.date import parse_date_leniently

_TOKEN: Final = re.compile(r"[();]|[^\s();]+")
_HOST: Final = re.compile(r"[\w.\-]+")
_W: Final = r"([^\s();]+)"
_C: Final = r"(?:\s*\([^()]*\))*"
# What MTAs write: each clause once, in this order, comments without inner ones.
_USUAL: Final = re.compile(
    rf"from\s+{_W}(?:\s+(\[[^\s();]+))?(?:\s*\(([^()]*)\){_C})?\s+by\s+{_W}{_C}(?:\s+with\s+{_W}{_C})?"
    rf"(?:\s+id\s+[^\s();]+{_C})?(?:\s+for\s+{_W}{_C})?\s*(?:;|$)"
)
_TLS: Final = frozenset({"esmtps", "esmtpsa", "imaps", "https"})
_AUTHENTICATED: Final = frozenset({"esmtpa", "esmtpsa"})
_PROTOCOLS: Final = {
    "smtp": "smtp",
    "esmtp": "esmtp",
    "esmtpa": "esmtpa",
    "esmtps": "esmtps",
    "esmtpsa": "esmtpsa",
    "lmtp": "lmtp",
    "imap": "imap",
    "imaps": "imap",
    "http": "http",
    "https": "http",
    "local": "local",
}
_KEYWORDS: Final = ("from", "by", "with", "for")
_MAX_LENGTH: Final = 8192


@settled
class Received:
    """One trace field. Names are as Rspamd's; unknown parts are None, names are in lower case."""

    from_hostname: str | None = None
    """What the client called itself (HELO), else its looked-up name."""
    real_hostname: str | None = None
    """The client's name as the receiving host looked it up."""
    from_ip: str | None = None
    """The client's address in canonical form."""
    by_hostname: str | None = None
    for_: str | None = None
    """The recipient of the ``for`` clause as written, in lower case."""
    proto: str = "unknown"
    """smtp, esmtp, esmtps, esmtpa, esmtpsa, lmtp, imap, local, http or unknown."""
    date: str = ""
    """What stands after the semicolon."""
    ssl: bool = False
    """Received over TLS, by its protocol name (RFC 3848)."""
    authenticated: bool = False
    """The client had logged in, by its protocol name (RFC 3848)."""

    @property
    def timestamp(self) -> float | None:
        """Seconds since the epoch; None when there is no readable date."""
        when = parse_date_leniently(self.date) if self.date else None
        return None if when is None else when.timestamp()


@mutable
class _Clause:
    """One clause: its word and the comments after it."""

    word: str
    comments: list[str]


def parse_received(value: str) -> Received | None:
    """Read one unfolded field; None when it has neither ``from`` nor ``by``."""
    text = value[:_MAX_LENGTH]
    if not text.isprintable():
        text = "".join(char for char in text if char.isprintable())
    lowered = text.lower()
    source: str | None
    comment: str | None
    usual = _USUAL.match(lowered)
    if usual is not None:
        # Two of three fields, at a fifth of the cost of going from word to word.
        source, address, comment, by, proto, for_ = usual.groups()
        if address is not None:
            source += address
        date_length = len(lowered) - usual.end()
    else:
        clauses, date_length = _clauses_in_any_order(lowered)
        if "from" not in clauses and "by" not in clauses:
            return None
        source, by, proto, for_ = [
            None if clause is None else clause.word for clause in map(clauses.get, _KEYWORDS)
        ]
        comments = clauses["from"].comments if "from" in clauses else ()
        comment = comments[0] if comments else None
    helo = real_hostname = from_ip = None
    if source is not None:
        helo, real_hostname, from_ip = _source(source, comment)
    return Received(
        helo or real_hostname,
        real_hostname,
        from_ip,
        None if by is None else _host(by),
        for_ or None,
        _PROTOCOLS.get(proto, "unknown"),
        text[len(text) - date_length :].strip() if date_length else "",
        proto in _TLS,
        proto in _AUTHENTICATED,
    )


def _clauses_in_any_order(text: str) -> tuple[dict[str, _Clause], int]:
    """The clauses by keyword, the first of each, and the length of what follows the semicolon."""
    clauses: dict[str, _Clause] = {}
    current: _Clause | None = None
    keyword = ""
    depth = 0
    comment_start = 0
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word == "(":
            depth += 1
            if depth == 1:
                comment_start = token.end()
        elif word == ")":
            depth -= depth > 0
            if depth == 0 and current is not None:
                current.comments.append(text[comment_start : token.start()].strip())
        elif depth:
            continue
        elif word == ";":
            return clauses, len(text) - token.end()
        elif keyword and current is None:
            current = _Clause(word, [])
            clauses.setdefault(keyword, current)
        elif keyword == "from" and current is not None and word[0] == "[":
            # Some write the address beside the name, not into a comment.
            current.word += word
        elif word == "from" and not clauses:
            keyword, current = word, None
        elif word in ("by", "with", "for", "id"):
            if word != "by" or "by" not in clauses:
                keyword, current = word, None
        else:
            keyword, current = "", None
    return clauses, 0


def _source(word: str, comment: str | None) -> tuple[str | None, str | None, str | None]:
    """HELO name, looked-up name and address of the client."""
    helo = name = address = None
    if comment is not None:
        name, address = _tcp_info(comment.strip())
    if not word:
        return helo, name, address
    if address is None:
        found, address = _tcp_info(word)
        if found is not None:
            return helo, found, address
    if address is not None:
        helo = _host(word)
    return helo, name, address


def _tcp_info(text: str) -> tuple[str | None, str | None]:
    """Looked-up name and address from ``name [address]``, ``[address]`` or ``name``."""
    opening = text.find("[")
    if opening < 0:
        address = _address(text) if text[:1] in "0123456789abcdef:" else None
        return (None, address) if address is not None else (_host(text), None)
    closing = text.find("]") if opening == 0 else text.rfind("]")
    address = _address(text[opening + 1 : closing]) if closing > opening else None
    if address is None or opening == 0:
        return None, address
    return _host(text[:opening]), address


def _host(text: str) -> str | None:
    """A host name at the beginning of the text; an address literal gives its address."""
    if text.startswith("[") and text.endswith("]"):
        address = _address(text[1:-1])
        if address is not None:
            return address
    found = _HOST.match(text)
    if found is None:
        return None
    host = found.group()
    if found.end() == len(text) or ("." in host and text[found.end()] in " \t[("):
        return host
    return None


def _address(text: str) -> str | None:
    text = text.strip()
    try:
        inet_pton(AF_INET, text)
    except OSError:
        return _address6(text)
    return text


def _address6(text: str) -> str | None:
    try:
        address = IPv6Address(text.removeprefix("ipv6:").partition("%")[0])
    except ValueError:
        return None
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
