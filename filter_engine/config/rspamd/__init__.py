"""Rspamd's modules as schemas: every option they read, its type, unit, default and meaning.

Nothing below is imported before a site writes into a section: ``find`` loads the file that holds
the one asked for. Options that a check of this engine serves are declared with the check alone;
the schema of such a module (``SERVED_IN_PART``) holds the rest, which the check's ``Section`` takes
by ``unserved``. Facts come from Rspamd 3.4's modules and its later configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from filter_engine.config.schema import Option, Schema

_FILES = {
    "authentication": "arc bimi dkim dkim_signing dmarc http_headers spf whitelist",
    "blocklists": "asn emails rbl surbl",
    "content": (
        "chartable contextal forged_recipients gpt hfilter maillist mid mime_types modules "
        "once_received rspamd_update spamtrap"
    ),
    "export": (
        "aws_s3 clickhouse dynamic_conf elastic history_redis maps_stats metadata_exporter "
        "metric_exporter"
    ),
    "fuzzy": "fuzzy_check fuzzy_collect",
    "maps": ("external_relay force_actions milter_headers multimap rmilter_headers"),
    "scanners": "antivirus dcc external_services p0f",
    "senders": "aliases greylist ip_score known_senders mx_check ratelimit replies reputation",
    "statistics": (
        "bayes_expiry classifier clustering lang_detection neural neural_autolearn statfile "
        "statistic"
    ),
    "urls": "phishing url_redirector url_suspect url_tags",
}
_FILE_OF = {name: file for file, names in _FILES.items() for name in names.split()}
#: Every section that has a schema here.
NAMES = frozenset(_FILE_OF)
#: Those that a check or header of this engine has; ``find`` has what these do not serve.
SERVED_IN_PART = frozenset(
    """
    aliases antivirus arc asn bayes_expiry bimi chartable classifier dcc dkim dkim_signing
    dmarc dynamic_conf emails external_services force_actions forged_recipients fuzzy_check greylist
    hfilter history_redis known_senders maillist metadata_exporter mid milter_headers mime_types
    multimap mx_check once_received p0f phishing ratelimit rbl replies
    rmilter_headers spamtrap spf surbl url_suspect whitelist
    """.split()  # noqa: SIM905  # a table to read
)


@cache
def find(name: str) -> Schema | None:
    """The schema of the section ``name``; None for what has no options, e.g. ``lua``."""
    file = _FILE_OF.get(name)
    if file is None:
        return None
    found = getattr(import_module(f"{__name__}.{file}"), name.upper())
    assert isinstance(found, Schema)
    return found


class _Unserved(Mapping[str, Option]):
    """The options of ``find(name)`` or its rules, which is asked only when somebody looks."""

    __slots__ = ("_name", "_of_rules")

    def __init__(self, name: str, *, of_rules: bool = False) -> None:
        self._name = name
        self._of_rules = of_rules

    def _options(self) -> Mapping[str, Option]:
        schema = find(self._name)
        if schema is not None and self._of_rules:
            schema = schema.rules
        return schema.options if schema else {}

    def __getitem__(self, key: str) -> Option:
        return self._options()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._options())

    def __len__(self) -> int:
        return len(self._options())


def unserved(name: str) -> Mapping[str, Option]:
    """What Rspamd's module ``name`` has beyond what its check here serves, for ``Section.known``.

    Raises ``ValueError`` for a module that no check serves in part.
    """
    if name not in SERVED_IN_PART:
        raise ValueError(f"{name} is not served in part")
    return _Unserved(name)


def unserved_rule(name: str) -> Mapping[str, Option]:
    """The same of the sections that hold the rules of the module ``name``."""
    if name not in SERVED_IN_PART:
        raise ValueError(f"{name} is not served in part")
    return _Unserved(name, of_rules=True)
