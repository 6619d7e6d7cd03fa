"""``options.dns.fake_records``: one answer each."""

from __future__ import annotations

from typing import ClassVar

from filter_engine.config.kinds import STRING, list_of, one_of, section
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import Kind, Section, option


@options_class
class FakeRecord(Section):
    """``options.dns.fake_records``: an answer that no resolver is asked for."""

    anchor: ClassVar[str] = "configuration/options"

    name: str = option(STRING, "", doc="name that is asked for")
    type: str = option(
        one_of("a", "aaaa", "mx", "txt", "ptr", "cname", "ns", "soa", "srv"),
        "a",
        doc="type of record",
    )
    rcode: str = option(
        one_of("noerror", "norec", "nxdomain", "servfail", "refused", "timeout"),
        "noerror",
        doc="how the question ends; norec: the name has no such record",
    )
    replies: tuple[str, ...] = option(
        list_of(STRING), (), doc="the records, as zone files write them"
    )


_ONE = section(FakeRecord, "options.dns.fake_records")
_SEVERAL = list_of(_ONE)

FAKE_RECORDS: Kind[tuple[FakeRecord, ...]] = Kind(
    _SEVERAL.name, _SEVERAL.convert, multiple=True, inner=FakeRecord
)
