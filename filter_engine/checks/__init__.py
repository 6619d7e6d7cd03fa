"""The built-in checks. A module declares what it finds with ``@check`` when it is imported."""

from importlib import import_module

from filter_engine.config.settings_selector import Values, hand_down

MODULES: tuple[str, ...] = (
    "gtube",
    "aliases",
    "spf",
    "dkim",
    "arc",
    "dmarc",
    "dmarc_reporting",
    "bimi",
    "whitelist",
    "dkim_signing",
    "arc_signing",
    "from_rules",
    "to_rules",
    "replyto_rules",
    "received_rules",
    "subject_rules",
    "mid",
    "date",
    "header_rules",
    "mime_rules",
    "mime_types",
    "mua_rules",
    "forged_recipients",
    "forwarding",
    "maillist",
    "rbl",
    "asn",
    "mx_check",
    "services",
    "p0f",
    "service_accounts",
    "once_received",
    "hfilter",
    "multimap",
    "regexp",
    "spamassassin",
    "trie",
    "scams",
    "bounce",
    "compromised_hosts",
    "header_form",
    "url_rules",
    "html_rules",
    "text_rules",
    "chartable",
    "phishing",
    "url_suspect",
    "pdf_rules",
    "remembered",
    "bayes",
    "bayes_expiry",
    "fuzzy_check",
    "store",
    "force_actions",
    "destiny",
    "dynamic_conf",
    "export",
)
"""Module names under this package, in the order they are declared."""


def load() -> None:
    """Import every built-in check module, which fills ``declare.REGISTRY``. May be repeated.

    Settings may have conditions by selectors from then on.
    """
    hand_down(_settings_selector)
    for name in MODULES:
        import_module(f"{__name__}.{name}")


def _settings_selector(text: str) -> Values:
    """A selector of what is known before any check has run; raises ValueError."""
    from filter_engine.selectors import compile_selector  # few sites have such settings

    selector = compile_selector(text)
    if selector.needs or selector.late:
        what = ", ".join(sorted(selector.needs)) or "symbols"
        raise ValueError(f"{text!r} reads what checks find ({what}): settings come first")
    return selector.values
