"""What a server answers, beside what it should: every difference in words, with the fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from filter_engine.zone.answers import Answer, Kind, Server
from filter_engine.zone.document import RecordSet

_SHOWN = 120
"""Characters shown of data for people; JSON has all of it."""


class Fault(StrEnum):
    """Kinds of findings."""

    MISSING = "missing"
    DIFFERENT = "different"
    EXTRA = "extra"
    SPLIT = "split"
    TTL = "ttl"
    LOOKUPS = "lookups"
    SYNTAX = "syntax"
    NOT_AUTHORITATIVE = "not-authoritative"
    UNASKED = "unasked"
    """Nobody knows: a server could not be asked. No difference, and no success."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    fault: Fault
    name: str
    type: str
    server: str
    expected: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    text: str = ""
    advice: str = ""
    reason: str = ""
    """Why the record exists."""

    def as_dict(self) -> dict[str, object]:
        """For ``--json``; ``server`` is null where the finding is of no one server."""
        return {**asdict(self), "server": self.server or None}


def compare(
    wanted: RecordSet, server: Server, answer: Answer, *, ttl: bool = True
) -> Iterator[Finding]:
    """Everything that differs in one answer."""
    place = (wanted.name, wanted.type, server.label)
    reason = wanted.records[0].reason
    if answer.failure:
        yield Finding(Fault.UNASKED, *place, text=f"{server.label} {answer.failure}", reason=reason)
        return
    if server.kind is Kind.AUTHORITATIVE and not answer.authoritative:
        yield Finding(
            Fault.NOT_AUTHORITATIVE,
            *place,
            text="the zone names this server, and it does not have the zone",
            advice="set the zone up there, or take the server out of its NS records",
            reason=reason,
        )
        return
    there = wanted.texts
    missing = [text for text in there if text not in answer.data]
    rivals = [text for text in answer.data if text not in there and wanted.competes(text)]
    expected = tuple(there)
    if not missing and not rivals:
        if ttl and (told := _ttl(wanted, server, answer)):
            yield Finding(Fault.TTL, *place, expected, answer.data, told, reason=reason)
        return
    if missing and answer.alias and not answer.data:
        yield Finding(
            Fault.DIFFERENT,
            *place,
            expected,
            (f"CNAME {answer.alias}",),
            f"an alias to {answer.alias} stands in its place",
            "remove the alias, or publish the record where it leads",
            reason,
        )
        return
    if missing and (text := _split(missing, rivals)):
        yield Finding(
            Fault.SPLIT,
            *place,
            expected,
            tuple(rivals),
            text,
            "one record of several strings of at most 255 octets, nothing between them: "
            + " ".join(f'"{string}"' for string in there[missing[0]].strings),
            reason,
        )
        return
    yield from _unequal(wanted, place, missing, rivals)


def _unequal(
    wanted: RecordSet, place: tuple[str, str, str], missing: list[str], rivals: list[str]
) -> Iterator[Finding]:
    records = wanted.texts
    reason = records[missing[0]].reason if missing else wanted.records[0].reason
    if missing and rivals:
        yield Finding(
            Fault.DIFFERENT,
            *place,
            tuple(missing),
            tuple(rivals),
            f"{_shown(rivals)} stands where {_shown(missing)} should",
            f"publish: {records[missing[0]].line}",
            reason,
        )
    elif missing:
        for text in missing:
            yield Finding(
                Fault.MISSING,
                *place,
                (text,),
                (),
                f"{_shown([text])} is not there",
                f"publish: {records[text].line}",
                records[text].reason,
            )
    else:
        spf = wanted.type == "TXT" and all(t.lower().startswith("v=spf1") for t in rivals)
        yield Finding(
            Fault.EXTRA,
            *place,
            tuple(records),
            tuple(rivals),
            "a second SPF record: with two of them SPF fails for everybody (RFC 7208, 4.5)"
            if spf
            else f"{_shown(rivals)} should not be there",
            f"remove it: {_shown(rivals)}",
            reason,
        )


def _ttl(wanted: RecordSet, server: Server, answer: Answer) -> str:
    """An authoritative server tells the lifetime itself, a resolver what is left of it."""
    should = wanted.records[0].ttl
    if server.kind is Kind.AUTHORITATIVE and answer.ttl != should:
        return f"its lifetime is {answer.ttl} s instead of {should} s"
    if server.kind is Kind.RESOLVER and answer.ttl > should:
        return f"its lifetime is {answer.ttl} s, more than {should} s"
    return ""


def _split(missing: list[str], rivals: list[str]) -> str:
    """What went wrong where a long text was cut into pieces by hand; empty if that is not it."""
    if len(missing) != 1 or not rivals:
        return ""
    want = _bare(missing[0])
    pieces = [_bare(text) for text in rivals]
    if len(pieces) == 1 and pieces[0] == want and missing[0] != rivals[0]:
        return "the text has blanks or quotes where it was cut into strings"
    if len(pieces) > 1 and sum(map(len, pieces)) == len(want) and _made_of(want, pieces):
        return f"one text was published as {len(pieces)} records, of which receivers read one"
    return ""


def _bare(text: str) -> str:
    return "".join(c for c in text if not c.isspace() and c not in '"\\')


def _made_of(text: str, pieces: list[str]) -> bool:
    """Whether the text is all the pieces in some order; pieces are taken as they begin the rest."""
    left = list(pieces)
    while text and left:
        fitting = [piece for piece in left if piece and text.startswith(piece)]
        if not fitting:
            return False
        best = max(fitting, key=len)
        left.remove(best)
        text = text[len(best) :]
    return not text and not left


def _shown(texts: list[str]) -> str:
    joined = ", ".join(texts)
    return joined if len(joined) <= _SHOWN else f"{joined[:_SHOWN]}..."
