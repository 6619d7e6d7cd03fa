"""Keys that sign mail."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from glob import escape
from pathlib import PurePath

from filter_engine.config.findings import Finding
from filter_engine.lint.declare import rule
from filter_engine.lint.host import Account
from filter_engine.lint.situation import Situation
from filter_engine.lint.tree import scalars


@rule(
    "unreadable-key",
    needs_host=True,
    doc="A key file of dkim_signing or arc is missing, or the account of the engine (--user) may "
    "not read it: mail leaves unsigned. Where the domain is not known ($domain of a key for all "
    "others), the directory is examined.",
)
def unreadable_key(situation: Situation) -> Iterator[Finding]:
    """Every configured key exists and can be read."""
    host = situation.host
    assert host is not None
    account = Account.named(host.user)
    for module, path, origin in situation.key_files:
        if not path.startswith("/"):
            continue
        if "$" in path:
            directory = str(PurePath(path.partition("$")[0] + "x").parent)
            why = host.why_unreadable(f"{directory}/x", account)
            why = "" if why == "it does not exist" else why
        else:
            why = host.why_unreadable(path, account)
        if why:
            yield situation.finding(
                "unreadable-key",
                origin,
                f"{module}: key {path}: {why}: mail leaves unsigned",
                f"put the key there, owned by {account.name}, mode 0600, or say with --user which "
                "account the engine runs as",
            )


@rule(
    "unusable-key",
    doc="What stands where a key of dkim_signing or arc should be is none that signs: other text, "
    "a public key, a key with a passphrase, RSA below 1024 bits. Mail leaves unsigned. Of files "
    "only those are examined that whoever runs configtest may read.",
)
def unusable_key(situation: Situation) -> Iterator[Finding]:
    """Every key that can be read is one."""
    if situation.key_faults_of is None:
        return
    host = situation.host

    def read(path: str) -> Iterator[tuple[str, bytes]]:
        if host is None or not path.startswith("/"):
            return
        known = "$" not in path
        for file in (path,) if known else host.matching(_any_domain(path)):
            content = host.content(file)
            if content is not None:
                yield file, content

    for module, fault, origin in situation.key_faults_of(situation.config, read):
        yield situation.finding(
            "unusable-key",
            origin,
            f"{module}: {fault}: mail leaves unsigned",
            "put the private key there that belongs to the record in DNS, or make a new pair "
            "(docs/authentication.md)",
        )


@rule(
    "exposed-key",
    needs_host=True,
    doc="A private key can be read by every user of the host, or written by its group: whoever "
    "has it signs in the domain's name.",
)
def exposed_key(situation: Situation) -> Iterator[Finding]:
    """Private keys are their account's alone."""
    host = situation.host
    assert host is not None
    for module, written, origin in situation.key_files:
        if not written.startswith("/"):
            continue
        known = "$" not in written
        for path in (written,) if known else host.matching(_any_domain(written)):
            found = host.stat(path)
            if found is None or not stat.S_ISREG(found.st_mode):
                continue
            if found.st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
                yield situation.finding(
                    "exposed-key",
                    origin,
                    f"{module}: key {path} has mode {stat.S_IMODE(found.st_mode):04o}: others than "
                    "the engine's account may read or change it",
                    f"chmod 0640 {path}, with the group of the engine",
                )


def _any_domain(path: str) -> str:
    """The shell pattern of a key's path whose domain is not known."""
    return escape(path).replace("$domain", "*")


@rule(
    "key-in-configuration",
    doc="A private key stands in the configuration itself: it is in every backup, repository and "
    "dump of it.",
)
def key_in_configuration(situation: Situation) -> Iterator[Finding]:
    """Keys are files."""
    for path, node in scalars(situation.config.tree):
        if isinstance(node.value, str) and "PRIVATE KEY-----" in node.value:
            yield situation.finding(
                "key-in-configuration",
                node.origin,
                f"{'.'.join(path)} is a private key: it is in every backup and dump of this file",
                "put it into a file of mode 0600 and write its path",
            )
