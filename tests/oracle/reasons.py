"""Why a symbol differs: written by hand, read by ``report.py``."""

from __future__ import annotations

#: Class -> what it means.
CLASSES: dict[str, str] = {
    "later": "what sets it comes with a later part of the project",
    "state": "it depends on what Rspamd had learned or counted before",
    "order": "the group is full, and which of its symbols is cut follows the order of the checks",
    "judgement": "both readings are defensible; ours is meant",
    "open": "not looked into yet",
}

_CUT = """
    URIBL_BLACK ABUSE_SURBL MISSING_MIMEOLE
    DBL_SPAM RATWARE_MS_HASH FORGED_OUTLOOK_HTML
    SEM_URIBL OLD_X_MAILER FROM_NEEDS_ENCODING
    MIME_HEADER_CTYPE_ONLY SUBJECT_NEEDS_ENCODING DBL_PHISH
    ONCE_RECEIVED R_BAD_CTE_7BIT SUBJECT_ENDS_QUESTION
    SUBJECT_HAS_CURRENCY R_UNDISC_RCPT PH_SURBL_MULTI
    REPTO_QUOTE_YAHOO INVALID_FROM_8BIT MIME_HTML_ONLY
    SUSPICIOUS_RECIPS MV_CASE SUBJECT_ENDS_SPACES
    MISSING_MIME_VERSION MIME_MA_MISSING_TEXT R_MISSING_CHARSET
    RCVD_ILLEGAL_CHARS FORGED_X_MAILER
""".split()  # noqa: SIM905  # a table to read

_LATER_NAME = "the stock composite names RECEIVED_PBL, which nothing sets; ours the list's symbol"
_LATER_RULE = "a stock composite of a later Rspamd"

#: Symbol -> (class, reason). A symbol that differs and is not here is "open".
REASONS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        _CUT, ("order", "the sum of the group is the same, or differs by a bonus in it")
    ),
    "RCVD_UNAUTH_PBL": ("judgement", _LATER_NAME),
    "SUSPICIOUS_AUTH_ORIGIN": ("judgement", _LATER_RULE),
    "ABUSE_FROM_INJECTOR": ("judgement", _LATER_RULE),
}

#: (theirs, ours) -> reason, of actions.
ACTIONS: dict[tuple[str, str], str] = {}
