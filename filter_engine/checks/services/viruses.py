"""The protocols of virus scanners: clamd, F-Prot's fpscand and Avast's daemon.

Sources: clamd(8), section COMMANDS; F-Prot's manual of fpscand; Avast's avast-protocol(5).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from filter_engine.checks.services.protocol import Kind, Protocol, Said, text_of
from filter_engine.scan.exchange import FILE, Exchange, Step, Until

if TYPE_CHECKING:
    from filter_engine.checks.services.rule import Rule
    from filter_engine.scan.task import Task

_CLEAN: Final = (Said(Kind.CLEAN),)
_VIRUS: Final = MappingProxyType({"message": '${SCANNER}: virus found: "${VIRUS}"'})


# -- clamd ---------------------------------------------------------------------------------------

_CLAM_KINDS: Final = (
    ("Heuristics.Encrypted", Kind.ENCRYPTED, "File is encrypted: "),
    ("Heuristics.OLE2.ContainsMacros", Kind.MACRO, ""),
    ("Heuristics.Limits.Exceeded", Kind.FAIL, "Limits Exceeded: "),
)


def _ask_clamd(rule: Rule, _task: Task, content: bytes) -> Exchange:
    size = len(content).to_bytes(4, "big")
    end = bytes(4)
    return rule.exchange(b"zINSTREAM\0" + size + content + end, Until.NUL)


def _read_clamd(_rule: Rule, data: bytes) -> tuple[Said, ...]:
    if data == b"stream: OK":
        return _CLEAN
    text = text_of(data)
    found = re.fullmatch(r"stream: (.+) FOUND", text)
    if found is None:
        return (Said(Kind.FAIL, (f"unhandled response: {text[:200]}",)),)
    for start, kind, words in _CLAM_KINDS:
        if found[1].startswith(start):
            return (Said(kind, (f"{words}{found[1]}",)),)
    return (Said(Kind.FOUND, (found[1],)),)


# -- F-Prot --------------------------------------------------------------------------------------

_FPROT_FOUND: Final = re.compile(rb"[1-3] <[\w\s]+?: (.*?)>")


def _ask_fprot(rule: Rule, task: Task, content: bytes) -> Exchange:
    name = re.sub(r"[^\w.-]", "", task.envelope.queue_id or "")[:64] or "mail"
    head = f"SCAN STREAM {name} SIZE {len(content)}\n".encode("ascii", "replace")
    return rule.exchange(head + content + b"\n", Until.LINE)


def _read_fprot(_rule: Rule, data: bytes) -> tuple[Said, ...]:
    if data.startswith(b"0 <clean>"):
        return _CLEAN
    found = _FPROT_FOUND.match(data)
    if found is None:
        return (Said(Kind.FAIL, (f"unhandled response: {text_of(data)[:200]}",)),)
    return (Said(Kind.FOUND, (text_of(found[1]),)),)


# -- Avast ---------------------------------------------------------------------------------------

_AVAST_FOUND: Final = re.compile(rb"\t\[L\]\d\.\d\t\d\s(.*)")
_AVAST_ERROR: Final = re.compile(rb"\t\[E\]\d+\.0\tError\s\d+\s(.*)")
_MAX_FOUND: Final = 100
_SPACE: Final = re.compile(rb"\\([ \\])")


def _ask_avast(rule: Rule, _task: Task, content: bytes) -> Exchange:
    ready = Step(b"", rb"\d{3}[ \r]?", rb"220")
    ask = rule.exchange(b"SCAN " + FILE + b"\r\n", Until.LINE, rb"(?!210)\d{3} ")
    return ask._replace(steps=(ready,), content=content, directory=rule.options.tmpdir)


def _read_avast(_rule: Rule, data: bytes) -> tuple[Said, ...]:
    said: list[Said] = []
    clean = False
    for line in data.splitlines()[: _MAX_FOUND + 2]:
        if found := _AVAST_FOUND.search(line):
            said.append(Said(Kind.FOUND, (text_of(_SPACE.sub(rb"\1", found[1])),)))
        elif error := _AVAST_ERROR.search(line):
            said.append(Said(Kind.FAIL, (f"error:{text_of(error[1])}",)))
        clean = clean or b"\t[+]" in line
    if said or clean:
        return tuple(said) or _CLEAN
    return (Said(Kind.FAIL, (f"unhandled response: {text_of(data)[:200]}",)),)


PROTOCOLS: Final = {
    "clamav": Protocol(3310, _ask_clamd, _read_clamd, _VIRUS),
    "fprot": Protocol(10200, _ask_fprot, _read_fprot, _VIRUS),
    "avast": Protocol(
        0, _ask_avast, _read_avast, MappingProxyType({**_VIRUS, "timeout": 4.0, "retransmits": 1})
    ),
}
"""By ``type``."""
