"""The codes of findings about the configuration itself, for ``--ignore`` and for documentation.

The rules of ``lint`` declare theirs where they stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from filter_engine.config.findings import Severity


class Code(NamedTuple):
    """One code: how bad its findings are, and what will happen."""

    severity: Severity
    doc: str


#: Errors make a configuration unusable and cannot be ignored.
CODES: Mapping[str, Code] = MappingProxyType(
    {
        "syntax": Code(
            Severity.ERROR,
            "The text cannot be read; the line is shown. Of that file nothing else is told.",
        ),
        "odd-syntax": Code(Severity.WARNING, "The text is read otherwise than it seems to say."),
        "wrong-type": Code(
            Severity.ERROR,
            "A value is not of its option's type, or is none of the words that are possible.",
        ),
        "no-default-upstream": Code(
            Severity.ERROR,
            "The proxy does not know which scanner to ask: every message would be answered 451.",
        ),
        "upstream-without-hosts": Code(
            Severity.ERROR, "An upstream of the proxy names no scanner: nobody would be asked."
        ),
        "composite-loop": Code(
            Severity.ERROR, "A composite needs itself, through others or directly: it has no value."
        ),
        "unread-file": Code(
            Severity.WARNING,
            "Nothing includes this file, and no value names it: it has no effect. Told of every "
            "file of local.d and override.d (of backups as a note), and of what looks like "
            "configuration elsewhere in the tree unless it is as Rspamd ships it. An error where "
            "a link leads nowhere, or local.d or override.d is no directory or cannot be read.",
        ),
        "unknown-section": Code(
            Severity.WARNING, "Nobody reads a section of this name: it has no effect."
        ),
        "unknown-option": Code(
            Severity.WARNING, "No option of this section has this name: it has no effect."
        ),
        "unknown-worker": Code(
            Severity.WARNING, "There is no worker of this kind: nothing is started."
        ),
        "no-servers": Code(
            Severity.WARNING,
            "A rule of fuzzy_check names no storage of hashes: it finds and teaches nothing.",
        ),
        "no-effect": Code(
            Severity.WARNING,
            "The option once worked and does nothing any more, as slaves and masters of the "
            "fuzzy storage since Rspamd 2.0.",
        ),
        "repeated-option": Code(
            Severity.WARNING, "An option with one value is written several times: one counts."
        ),
        "local-addrs-beside-networks": Code(
            Severity.WARNING,
            "local_addrs and local_networks are one option with two names: Rspamd keeps only "
            "local_networks, this engine takes both together.",
        ),
        "host-bits-set": Code(
            Severity.WARNING,
            "A network is written with an address inside it (192.0.2.1/24): the whole network "
            "is meant, or one address was.",
        ),
        "two-default-upstreams": Code(
            Severity.WARNING,
            "Two upstreams of the proxy are default: Rspamd takes the one that merging puts "
            "last, this engine says which it takes.",
        ),
        "tls-without-certificate": Code(
            Severity.ERROR,
            "A worker is to speak TLS and has no certificate: the service would not start.",
        ),
        "unused-certificate": Code(
            Severity.WARNING,
            "A worker has a certificate, but none of its sockets speaks TLS: clients are answered "
            "in the clear.",
        ),
        "unused-upstream": Code(
            Severity.WARNING,
            "An upstream that is not default is never used by milter clients.",
        ),
        "dynamic-file-left-out": Code(
            Severity.WARNING,
            "A file that the controller saved cannot be used and is left out: what operators "
            "wrote counts.",
        ),
        "rule-not-served": Code(
            Severity.WARNING,
            "A rule of settings says something that this engine does not know or serve: the whole "
            "rule is left out, as without a condition it would fit mail it is not meant for. Also "
            "a rule of regexp, multimap, rbl, force_actions or whitelist that cannot be used.",
        ),
        "rule-fault": Code(
            Severity.WARNING,
            "A rule of a module can be used, but not as it seems to be meant; what counts is said.",
        ),
        "sa-rule": Code(
            Severity.WARNING,
            "A line of a rule file of SpamAssassin cannot be used: the others count.",
        ),
        "taken-symbol": Code(
            Severity.WARNING,
            "A rule sets the symbol of a built-in check: both count under one name and score, and "
            "composites and force_actions cannot tell them apart.",
        ),
        "not-served": Code(
            Severity.INFO,
            "The option or section is Rspamd's, and this engine does not serve it. No failure.",
        ),
    }
)
