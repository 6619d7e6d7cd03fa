"""The built-in checks. A module declares what it finds with ``@check`` when it is imported."""

from importlib import import_module

MODULES: tuple[str, ...] = (
    "gtube",
    "aliases",
    "spf",
    "dkim",
    "arc",
    "dmarc",
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
    "force_actions",
    "destiny",
    "export",
)
"""Module names under this package, in the order they are declared."""


def load() -> None:
    """Import every built-in check module, which fills ``declare.REGISTRY``. May be repeated."""
    for name in MODULES:
        import_module(f"{__name__}.{name}")
