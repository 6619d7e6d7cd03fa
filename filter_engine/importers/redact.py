"""Texts of a configuration without its secrets, for reports, diffs and logs.

It goes by names, not by schemas: the texts may be broken, or Rspamd's own.
"""

from __future__ import annotations

import re

HIDDEN = "(hidden)"

_NAME = (
    r"[\w.-]*(?:passwo?r?d|passphrase|secret|token|api_?key|privkey|priv_key|private_?key"
    r"|encryption_key|master_key)[\w.-]*"
)
_VALUE = (
    r'"(?:\\.|[^"\\])*(?:"|\Z)|\'(?:\\.|[^\'\\])*(?:\'|\Z)'
    r"|<<([A-Z]+)\n.*?(?:\n\2(?=[\n;,]|\Z)|\Z)|\[[^\]]*(?:\]|\Z)|[^\s;,}\]]+"
)
_SETTING = re.compile(rf"((?<![\w.-]){_NAME}[\"']?[ \t]*[=:]?[ \t]*)(?:{_VALUE})", re.I | re.S)
_IN_URL = re.compile(r"(://[^\s:/@\"']*:)[^\s@/\"']+(?=@)")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.S)
_NAME_ALONE = re.compile(_NAME, re.I)


def redact(text: str) -> str:
    """The text with passwords, keys and tokens hidden."""
    text = _PEM.sub(HIDDEN, text)
    text = _SETTING.sub(lambda match: f"{match[1]}{HIDDEN}", text)
    return _IN_URL.sub(rf"\g<1>{HIDDEN}", text)


def is_secret(name: str) -> bool:
    """Whether the value of a setting of this name is not to be shown."""
    return _NAME_ALONE.fullmatch(name) is not None


def without_words_of(value: str, message: str) -> str:
    """A message about a value, with what it quotes of the value left out."""
    message = re.sub(r"'.*'", "'...'", message)
    for word in sorted(set(re.findall(r"[^\s=:;{}\[\],\"']{3,}", value)), key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "...", message)
    return message
