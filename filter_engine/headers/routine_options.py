"""What each routine of ``milter_headers`` can be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    STRING,
    list_of,
    nullable,
    one_of,
)
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import (
    Kind,
    Option,
    Section,
    declare_known,
    known,
    option,
)
from filter_engine.headers.additions import (
    ADDITIONS,
    HEADER_INDICES,
    HEADER_NAME,
    HEADER_TEXT,
    NO_HEADERS,
    REMOVALS,
)


def _header(name: str) -> str:
    return option(HEADER_NAME, name, doc="name of the header")


@options_class
class HeaderRoutine(Section):
    """What every routine that adds a header has."""

    header: str = _header("")
    remove: tuple[int, ...] = option(
        HEADER_INDICES,
        (0,),
        doc="which headers of that name go first: 0 all, 1 the first, -1 the last, null none",
    )
    order: int | None = option(
        nullable(INTEGER), None, doc="its place: 1 the top, -1 the end; else default_headers_order"
    )


@options_class
class SpamdResultRoutine(HeaderRoutine):
    """``x-spamd-result``: score, limit, symbols."""

    header: str = _header("X-Spamd-Result")
    stop_chars: str = option(
        STRING, ";", doc="with ; each symbol has a line of its own; else lines are filled"
    )
    sort_by: str = option(one_of("score", "name"), "score", doc="order of the symbols")


@options_class
class PreResultRoutine(HeaderRoutine):
    """``x-rspamd-pre-result``: what decided without a score; goes with ``x-spamd-result``."""

    header: str = _header("X-Rspamd-Pre-Result")


@options_class
class ServerRoutine(HeaderRoutine):
    """``x-rspamd-server``: who scanned."""

    header: str = _header("X-Rspamd-Server")
    hostname: str = option(HEADER_TEXT, "", doc="name of this host in the header")


@options_class
class QueueIdRoutine(HeaderRoutine):
    """``x-rspamd-queue-id``: the MTA's name of the message."""

    header: str = _header("X-Rspamd-Queue-Id")


@options_class
class ActionRoutine(HeaderRoutine):
    """``x-rspamd-action``: the action."""

    header: str = _header("X-Rspamd-Action")


@options_class
class SpamHeaderRoutine(HeaderRoutine):
    """``spam-header``: a header for spam only."""

    header: str = _header("Deliver-To")
    value: str = option(HEADER_TEXT, "Junk", doc="content of the header")


@options_class
class VirusRoutine(HeaderRoutine):
    """``x-virus``: what the scanners for viruses found."""

    header: str = _header("X-Virus")
    symbols: tuple[str, ...] = option(list_of(STRING), (), doc="symbols that count as a find")
    symbols_fail: tuple[str, ...] = option(
        list_of(STRING), (), doc="symbols that count as a failure of the scanner"
    )
    status_clean: str = option(
        HEADER_TEXT, "", doc="content when nothing was found; none: no header"
    )
    status_infected: str = option(HEADER_TEXT, "", doc="what stands before the names of viruses")
    status_fail: str = option(
        HEADER_TEXT, "", doc="content when the scanner failed; none: no header"
    )


@options_class
class BarRoutine(HeaderRoutine):
    """``x-spamd-bar``: a mark for each point."""

    header: str = _header("X-Spamd-Bar")
    positive: str = option(HEADER_TEXT, "+", doc="mark for a point above zero")
    negative: str = option(HEADER_TEXT, "-", doc="mark for a point below zero")
    neutral: str = option(HEADER_TEXT, "/", doc="mark for less than a point")


@options_class
class LevelRoutine(HeaderRoutine):
    """``x-spam-level``: a mark for each point above zero."""

    header: str = _header("X-Spam-Level")
    char: str = option(HEADER_TEXT, "*", doc="mark for a point")


@options_class
class StatusRoutine(HeaderRoutine):
    """``x-spam-status``: spam or not, and the score."""

    header: str = _header("X-Spam-Status")


@options_class
class OsFingerprintRoutine(HeaderRoutine):
    """``x-os-fingerprint``: what p0f says of the client's system."""

    header: str = _header("X-OS-Fingerprint")


@options_class
class AuthenticationResultsRoutine(HeaderRoutine):
    """``authentication-results``: SPF, DKIM, DMARC, ARC, the login (RFC 8601)."""

    header: str = _header("Authentication-Results")
    order: int | None = option(nullable(INTEGER), 1, doc="its place: 1 the top, -1 the end")
    add_smtp_user: bool = option(BOOLEAN, True, doc="name the login")
    remove_ids: tuple[str, ...] = option(
        list_of(STRING),
        (),
        doc="further names of this site's hosts: headers in their name are forged here, and go",
    )
    stop_chars: str = option(
        STRING, ";", doc="with ; each result has a line of its own; else lines are filled"
    )
    known: ClassVar[Mapping[str, Option]] = declare_known(
        **{
            f"{method}_symbols": known(Kind("section", lambda *_: None), doc="symbols by result")
            for method in ("spf", "dkim", "dmarc", "arc")
        }
    )


@options_class
class RemoveHeaderRoutine(Section):
    """``remove-header``: one header that goes."""

    header: str = _header("")
    remove: tuple[int, ...] = option(
        HEADER_INDICES, (0,), doc="which of that name: 0 all, 1 the first, -1 the last"
    )


@options_class
class RemoveHeadersRoutine(Section):
    """``remove-headers``: headers that go."""

    headers: Mapping[str, Any] = option(
        REMOVALS, NO_HEADERS, doc="headers, and which of the name: 0 all, 1 the first, -1 the last"
    )


@options_class
class AddHeadersRoutine(Section):
    """``add-headers``: headers with fixed texts."""

    headers: Mapping[str, Any] = option(
        ADDITIONS, NO_HEADERS, doc='headers: "X-Name" = "text" or { value = "text"; order = 1; }'
    )
    remove: tuple[int, ...] = option(
        HEADER_INDICES, (0,), doc="which of those names go first: 0 all, 1 the first, null none"
    )


@options_class
class SpamFlagRoutine(Section):
    """``remove-spam-flag``: a flag that came along goes."""

    header: str = _header("X-Spam")
