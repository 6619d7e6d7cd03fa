"""The regexp rules that come with the engine: symbols, scores and groups are Rspamd's.

What each looks for is said in its description. The forms that are looked for (a boundary, a line
of Received, a URL's path) are facts and the same wherever they are looked for; they are built here
from their parts. Where a form leaves but one natural expression, the expression is such a one and
may equal Rspamd's: tests/unit/checks/test_own_patterns.py names these. A name that begins with
``__`` is no symbol: it is for another check to ask for.
"""

from __future__ import annotations

from typing import Final

from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.declare import Symbol

_IP: Final = r"\d{1,3}(?:\.\d{1,3}){3}"
_TIME: Final = r"[A-Z][a-z]{2}, [ \d]?\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [-+]\d{4}"
_BOT_HOST: Final = r"[\w.+-]{5,255}"
"""A name as bots make it up; up to what DNS allows (RFC 1035, section 2.3.4)."""
_RECENT: Final = r"\w{3}, \d+ \w{3} 20\d\d \d\d:\d\d:\d\d [-+]\d{3}0"
_NOT_DOT: Final = r"[^\s.\/]+"
_INTERSPIRE_QUERY: Final = "&".join(rf"{name}=[^&>]+" for name in "MCLN")
"""Query of Interspire's link to unsubscribe: member, confirmation, list, newsletter."""


def _boundary(prefix: str, *fields: str, sep: str) -> str:
    """The boundary that ends a multipart's Content-Type: a prefix, and fields with a sign between.

    Outlook's (of MIMEOLE) are ``----=_NextPart_``, a serial number, four signs, the two halves of a
    64 bit time (100 ns since 1601) in hexadecimal. A high half that is fixed tells a mailer
    that copies one from an old mail; ``01C4`` begins those of 2004.
    """
    return rf'^multipart\/.+"{prefix}{sep.join(fields)}"$'


def _next_part(high_half: str) -> str:
    return _boundary(
        "----=_NextPart_", "000", "[0-9A-Z]{4}", rf"{high_half}\.[0-9A-Z]{{8}}", sep="_"
    )


_INTRODUCTION: Final = (
    r"\b(?:my\s+name\s+is\b|(?:i\s+am|this\s+is)\s+(?:m(?:rs?|s|iss|aster)|sir|prof(?:essor)?"
    r"|d(?:octo)?r|rev(?:erend)?)(?:\.|\b))"
)
_FREE: Final = {
    "mail.ru": r"(?:mail|inbox|list|bk)\.ru",
    "gmail.com": r"gmail\.com",
    "ukr.net": r"ukr\.net",
}


@frozen
class StockRule:
    """One rule: the expression that has to hold for its symbol."""

    symbol: Symbol
    expression: str


def _rule(
    name: str, score: float, text: str, group: str, expression: str, *, one_shot: bool = True
) -> StockRule:
    groups = (group,) if group else ()
    return StockRule(Symbol(name, score, text, groups, one_shot), expression)


def _either(*expressions: str) -> str:
    return " | ".join(expressions)


def _of_domain(domain: str) -> tuple[str, str, str]:
    """From, Return-Path and X-Envelope-From are of a free mail provider."""
    return (
        rf"From=/@{domain}>?$/i",
        rf"Return-Path=/^<[^<>]+@{domain}>$/i",
        rf"X-Envelope-From=/^<[^<>]+@{domain}>$/i",
    )


def _from_and_envelope(domain: str) -> str:
    header, path, envelope = _of_domain(domain)
    return f"({header} & ({path} | {envelope}))"


def _not_from_and_envelope(domain: str) -> str:
    header, path, envelope = _of_domain(domain)
    return f"(!{header} | (!{path} & !{envelope}))"


_HOSTS: Final = "compromised_hosts"
_HEADERS: Final = "headers"

_PHP: Final = (
    _rule(
        "HAS_PHPMAILER_SIG",
        0.0,
        "PHPMailer made the mail",
        _HOSTS,
        'X-Mailer=/^PHPMailer / | Content-Type=/boundary="b1_[[:alnum:]]+"/',
    ),
    _rule(
        "PHP_SCRIPT_ROOT",
        1.0,
        "A PHP script that root ran sent the mail",
        _HOSTS,
        "X-PHP-Originating-Script=/^0:/",
    ),
    _rule(
        "PHP_XPS_PATTERN",
        0.0,
        "X-PHP-Script names a sendmail.php at the top of a site",
        _HOSTS,
        rf"X-PHP-Script=/^[^\s.]+\.{_NOT_DOT}\/sendmail\.php\b/i",
    ),
    _rule(
        "X_PHP_EVAL",
        4.0,
        "PHP code that was made at run time sent the mail",
        _HOSTS,
        _either(
            *(
                f"{name}=/eval\\(\\)'d code/"
                for name in ("X-PHP-Script", "X-PHP-Originating-Script")
            )
        ),
    ),
    _rule(
        "HIDDEN_SOURCE_OBJ",
        2.0,
        "A hidden file or directory sent the mail",
        _HOSTS,
        _either(
            r"X-PHP-Script=/\/\../",
            r"X-PHP-Originating-Script=/(?:^\d+:|\/)\../",
            r"X-Source-Args=/\/\../",
        ),
    ),
    _rule(
        "X_PHPOS_FAKE",
        3.0,
        "X-PHP-Originating-Script has a user number that nobody has",
        _HEADERS,
        r"X-PHP-Originating-Script=/^\d{7}:/",
    ),
    _rule(
        "X_PHP_FORGED_0X",
        4.0,
        "X-PHP-Originating-Script has a number with a leading zero",
        _HEADERS,
        r"X-PHP-Originating-Script=/^0\d/",
    ),
)

_URLS: Final = (
    _rule("HAS_WP_URI", 0.0, "A URL of a WordPress site", _HOSTS, r"/\/wp-[^\/]+\//iU"),
    _rule(
        "WP_COMPROMISED",
        0.0,
        "A URL into odd folders of a WordPress site",
        _HOSTS,
        _either(*(rf"/\/wp-{folder}[^\/]+\//iU" for folder in ("content", "includes"))),
    ),
    _rule(
        "HAS_GUC_PROXY_URI",
        0.01,
        "A URL of Google's image proxy",
        "experimental",
        r"/\.googleusercontent\.com\/proxy/iU",
    ),
    _rule(
        "HAS_GOOGLE_REDIR",
        0.01,
        "A URL that Google redirects",
        "experimental",
        r"/\.google\.com\/url\?/iU",
    ),
    _rule(
        "HAS_ONION_URI",
        0.0,
        "A URL of a hidden service",
        "experimental",
        r"/\b(?:[a-z2-7]{16}|[a-z2-7]{56})\.onion\b/iU",
    ),
)

_RECEIVED: Final = (
    _rule(
        "FORGED_GENERIC_RECEIVED",
        3.6,
        "A Received line from an address in brackets that no server writes",
        _HEADERS,
        rf"Received=/^from \[{_IP}\] by (?:[\w-]+(?:\.[\w-]+)*\.[a-zA-Z]{{2,6}}|{_IP});"
        rf" {_RECENT}/",
    ),
    _rule(
        "FORGED_GENERIC_RECEIVED2",
        3.6,
        "A Received line with a made up id of twelve signs",
        _HEADERS,
        rf"Received=/^from \[{_IP}\] by [\w-]+(?:\.[\w-]+)*\.[a-z]{{2,6}} id \w{{12}}; {_RECENT}/",
    ),
    _rule(
        "FORGED_GENERIC_RECEIVED3",
        3.6,
        "A Received line with a made up SMTP id",
        _HEADERS,
        rf"Received=/^by {_IP} with SMTP id [a-zA-Z]{{14}}\.\d{{13}};\s*{_RECENT} \(GMT\)/",
    ),
    _rule(
        "FORGED_GENERIC_RECEIVED4",
        3.6,
        "A Received line from localhost that no server writes",
        _HEADERS,
        rf"Received=/^from localhost by \S+;\s+{_RECENT}\s*$/",
    ),
    _rule(
        "INVALID_POSTFIX_RECEIVED",
        3.0,
        "A Received line of Postfix without the name of the zone",
        _HEADERS,
        rf"Received=/ \(Postfix\) with ESMTP id [A-Z\d]+(?:\s+for <\S+>)?;\s*{_TIME}$/",
    ),
    _rule(
        "R_RCVD_SPAMBOTS",
        3.0,
        "A Received line as spam bots write it",
        _HEADERS,
        rf"Received=/^from \[{_IP}\] by {_BOT_HOST}; {_TIME}$/m",
    ),
    _rule(
        "RCVD_DOUBLE_IP_SPAM",
        2.0,
        "A Received line with two bare addresses",
        _HEADERS,
        _either(
            rf"Received=/from \[{_IP}\] by {_IP} with/",
            rf"Received=/from\s+{_IP}\s+by\s+{_IP};/",
        ),
    ),
    _rule(
        "STRONGMAIL",
        6.0,
        "A rogue StrongMail server sent the mail",
        _HEADERS,
        rf"Received=/^from\s+strongmail\s+\(\[{_IP}\]\) by \S+ \(-\); /m",
    ),
    _rule(
        "FAKE_RECEIVED_mail_ru",
        4.0,
        "Received from mail.ru, but the sender is not there",
        _HEADERS,
        rf"Received=/from mail\.ru \(/m & {_not_from_and_envelope(_FREE['mail.ru'])}",
    ),
    _rule(
        "FAKE_RECEIVED_smtp_yandex_ru",
        4.0,
        "Received from smtp.yandex.ru, but the sender is elsewhere",
        _HEADERS,
        rf"Received=/from (?:\[{_IP}\] \((?:port=\d+ )?helo=|\S* \(HELO )?smtp\.yandex\.ru\b/i & ("
        + _either(*(_from_and_envelope(domain) for domain in _FREE.values()))
        + ")",
    ),
)

_MAILERS: Final = (
    _rule(
        "MAIL_RU_MAILER",
        0.0,
        "Mail.Ru's web mail sent it",
        _HEADERS,
        rf"X-Mailer=/^Mail\.Ru Mailer 1\.0$/"
        rf" & Received=/^(?:from \[{_IP}\] )?by e\.mail\.ru with HTTP;/m",
    ),
    _rule(
        "YANDEX_RU_MAILER",
        0.0,
        "Yandex's web mail sent it",
        _HEADERS,
        r"X-Mailer=/^Yamail \[ http:\/\/yandex\.ru \] 5\.0$/"
        r" & Received=/^by web\d\d?[a-z]\.yandex\.ru with HTTP;/m",
    ),
    _rule(
        "MAILER_1C_8",
        0.0,
        "1C:Enterprise 8 sent it",
        _HEADERS,
        r"X-Mailer=/^1C:Enterprise 8\.[23]$/",
    ),
    _rule(
        "FORGED_MUA_THEBAT_BOUN",
        2.0,
        "The Bat! 1 does not make such a boundary",
        _HEADERS,
        r"X-Mailer=/^The Bat! \(v1\./ & Content-Type=/boundary/i"
        r' & !Content-Type=/boundary="-{10}[A-F\d]{8,}"/i & !X-Mailman-Version=/\d/',
    ),
    _rule(
        "FORGED_MSGID_YAHOO",
        2.0,
        "The Message-ID says yahoo.com, From does not",
        _HEADERS,
        r"Message-ID=/@yahoo\.com\b/i & !From=/@yahoo\.com\b/i",
    ),
    _rule(
        "STOX_REPLY_TYPE",
        1.0,
        "Content-Type says reply-type=original",
        _HEADERS,
        r"Content-Type=/\btext\/plain;.*\sreply-type=original/",
    ),
    _rule(
        "HAS_INTERSPIRE_SIG",
        1.0,
        "Interspire's mailer sent it",
        _HEADERS,
        _either(
            "("
            + " & ".join(f"X-Mailer-{end}=/./" for end in ("LID", "RecptId", "SID", "Sent-By"))
            + ")",
            rf"List-Unsubscribe=/\/unsubscribe\.php\?{_INTERSPIRE_QUERY}>$/i",
        ),
    ),
    _rule(
        "GOOGLE_FORWARDING_MID_MISSING",
        2.5,
        "Google added the Message-ID that was missing",
        _HEADERS,
        r"Message-ID=/SMTPIN_ADDED_MISSING@mx\.google\.com>$/",
    ),
    _rule(
        "GOOGLE_FORWARDING_MID_BROKEN",
        1.7,
        "Google replaced a broken Message-ID",
        _HEADERS,
        r"Message-ID=/SMTPIN_ADDED_BROKEN@mx\.google\.com>$/",
    ),
)

_BOUNDARIES: Final = (
    _rule(
        "SUSPICIOUS_BOUNDARY",
        5.0,
        "A boundary with a time that bulk mailers use",
        "mua",
        f"Content-Type=/{_next_part('(?:00EB|0102|32C6|3302)FFA4')}/is",
    ),
    _rule(
        "SUSPICIOUS_BOUNDARY2",
        4.0,
        "A boundary with another time that bulk mailers use",
        "mua",
        f"Content-Type=/{_next_part('01C6527E')}/is",
    ),
    _rule(
        "SUSPICIOUS_BOUNDARY3",
        3.0,
        "A boundary that looks like Outlook's and is not",
        "mua",
        "Content-Type=/"
        + _boundary("-----", "000", r"00\d\d", "01C[0-9A-F]{5}", "[0-9A-F]{8}", sep="-")
        + "/is",
    ),
    _rule(
        "SUSPICIOUS_BOUNDARY4",
        4.0,
        "A boundary of 2004 in a later mail",
        "mua",
        f"Content-Type=/{_next_part('01C4[0-9A-F]{4}')}/is"
        r" & Date=/^\w{3},\s+\d+\s+\w{3} 20(?:0[5-9]|1\d)/",
    ),
)

_TEXTS: Final = (
    _rule(
        "TRACKER_ID",
        3.84,
        "The text is one long word that confuses statistics",
        _HEADERS,
        r"/\A[a-z\d]{6,24}[-\w]{12,36}[a-z\d]{6,24}\s*\z/isP",
    ),
    _rule(
        "INTRODUCTION",
        2.0,
        "The sender introduces himself",
        "scams",
        _either(f"/{_INTRODUCTION}/iP", f"Subject=/{_INTRODUCTION}/i"),
    ),
    _rule(
        "SUBJ_BOUNCE_WORDS",
        0.0,
        "The subject has words of bounces",
        _HEADERS,
        r"Subject=/\b(?:could not send message|(?:couldn't be|hasn't been) delivered"
        r"|delivery (?:fail(?:ed|ure)|report|status|warning)|fail(?:ure delivery|ure notice)"
        r"|mail failure|returned mail|undeliver(?:able|ed))\b/i",
    ),
    _rule(
        "__EXTORTION",
        0.0,
        "Words of extortion",
        "",
        r"/^(?:pass(?:word|phrase)|wallet)$/i{words} | /(?:victim|prey|webcam|onanism)/{words}"
        r" | /masturbat(?:ion|ing)/{words} | header_exists(X-PHP-Originating-Script)"
        r" | header_exists(List-Unsubscribe)",
    ),
)

_UPSTREAM: Final = (
    _rule(
        "MICROSOFT_SPAM",
        4.0,
        "Microsoft calls the mail spam",
        "upstream_spam_filters",
        "X-Forefront-Antispam-Report=/SFV:SPM/",
    ),
    _rule(
        "KLMS_SPAM",
        5.0,
        "Kaspersky's mail server calls the mail spam",
        "upstream_spam_filters",
        "X-KLMS-AntiSpam-Status=/^spam/",
        one_shot=False,
    ),
    _rule(
        "UNITEDINTERNET_SPAM",
        5.0,
        "United Internet calls the mail spam",
        "upstream_spam_filters",
        "X-UI-Filterresults=/^junk:/ | X-UI-Out-Filterresults=/^junk:/",
    ),
)

RULES: Final = (*_PHP, *_URLS, *_RECEIVED, *_MAILERS, *_BOUNDARIES, *_TEXTS, *_UPSTREAM)
SYMBOLS: Final = tuple(rule.symbol for rule in RULES if not rule.symbol.name.startswith("__"))
