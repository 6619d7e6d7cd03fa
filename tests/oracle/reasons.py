"""Why a symbol differs: written by hand, read by ``report.py``."""

from __future__ import annotations

#: Class -> what it means.
CLASSES: dict[str, str] = {
    "later": "what sets it comes with a later part of the project",
    "state": "it depends on what Rspamd had learned or counted before",
    "order": "the group is full, and which of its symbols is cut follows the order of the checks",
    "judgement": "both readings are defensible; ours is meant",
    "race": "Rspamd itself says something else of the same message from run to run",
    "open": "not looked into yet",
}

_CUT = """
    URIBL_BLACK ABUSE_SURBL MISSING_MIMEOLE
    DBL_SPAM RATWARE_MS_HASH FORGED_OUTLOOK_HTML
    SEM_URIBL OLD_X_MAILER FROM_NEEDS_ENCODING
    MIME_HEADER_CTYPE_ONLY SUBJECT_NEEDS_ENCODING DBL_PHISH
    ONCE_RECEIVED R_BAD_CTE_7BIT SUBJECT_ENDS_QUESTION
    SUBJECT_HAS_CURRENCY PH_SURBL_MULTI
    REPTO_QUOTE_YAHOO INVALID_FROM_8BIT MIME_HTML_ONLY
    SUSPICIOUS_RECIPS MV_CASE SUBJECT_ENDS_SPACES
    MISSING_MIME_VERSION MIME_MA_MISSING_TEXT R_MISSING_CHARSET
    RCVD_ILLEGAL_CHARS FORGED_X_MAILER
""".split()  # noqa: SIM905  # a table to read

_LATER_NAME = "the stock composite names RECEIVED_PBL, which nothing sets; ours the list's symbol"
_LATER_RULE = "a stock composite of a later Rspamd"

_RACE = "Rspamd counts the answers to A and AAAA in the order they come; here both are waited for"
_SUSPICIOUS = (
    "a host in percent signs is decoded here and no URL there; one with control characters is no "
    "URL here. Rspamd also sets it for every link that shows a name of an unknown TLD, even its "
    "own (http://intranet/); here only when the link has another host"
)
_WHITE = "white on the page's own white: Rspamd counts it as MANY_INVISIBLE_PARTS alone"
# Seen with a probe in Rspamd 3.4 that writes words, elements and URLs of a message down, and with
# messages made for each question.
_NBSP = (
    "links with &nbsp; inside the host (www.web.ch&nbsp;The): Rspamd leaves it out and takes "
    "www.web.chthe for a host of its own"
)
_LOST_WORDS = (
    "both count how many words one text has more; behind a table that is closed once too often "
    "Rspamd loses the words of a link"
)
_BACKGROUND = (
    "two messages have colours without # (bgcolor=993366), which browsers and this engine read; "
    "the other eight are badly nested: with the tree that browsers make of them written out, "
    "Rspamd counts as many as are counted here"
)
_WORDS = "charsets that nobody declares are guessed otherwise"
_BEHIND = "text behind </html>, as lists add it, is no text there; here it is"

#: Symbol -> (class, reason). A symbol that differs and is not here is "open".
REASONS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        _CUT, ("order", "the sum of the group is the same, or differs by a bonus in it")
    ),
    "RCVD_UNAUTH_PBL": ("judgement", _LATER_NAME),
    **dict.fromkeys(
        ("HFILTER_FROMHOST_NORES_A_OR_MX", "HFILTER_HELO_NORES_A_OR_MX"), ("race", _RACE)
    ),
    "R_UNDISC_RCPT": ("judgement", "in one message what R_MIXED_CHARSET leaves of the total"),
    "URL_IN_SUBJECT": ("judgement", "the subject is the URL; there its + became %20 before"),
    "R_SUSPICIOUS_URL": ("judgement", _SUSPICIOUS),
    "HFILTER_FROM_BOUNCE": ("judgement", "score 0; the envelope has the empty sender"),
    "PHISHING": ("judgement", _NBSP),
    "R_PARTS_DIFFER": ("judgement", _LOST_WORDS),
    "MANY_INVISIBLE_PARTS": ("judgement", _BACKGROUND),
    "R_WHITE_ON_WHITE": ("judgement", _WHITE),
    "R_MIXED_CHARSET": ("judgement", _WORDS),
    "HFILTER_URL_ONLY": ("judgement", _BEHIND),
    "SUSPICIOUS_AUTH_ORIGIN": ("judgement", _LATER_RULE),
    "ABUSE_FROM_INJECTOR": ("judgement", _LATER_RULE),
}
