"""The section ``milter_headers`` as Rspamd has it: what each routine can be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, TypeVar

from filter_engine.config.findings import Severity
from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    list_of,
    nullable,
    section,
)
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import (
    Binder,
    Kind,
    Option,
    Section,
    declare_known,
    known,
    option,
    options_of,
)
from filter_engine.config.unknown import likely
from filter_engine.headers.routine_options import (
    ActionRoutine,
    AddHeadersRoutine,
    AuthenticationResultsRoutine,
    BarRoutine,
    LevelRoutine,
    OsFingerprintRoutine,
    PreResultRoutine,
    QueueIdRoutine,
    RemoveHeaderRoutine,
    RemoveHeadersRoutine,
    ServerRoutine,
    SpamdResultRoutine,
    SpamFlagRoutine,
    SpamHeaderRoutine,
    StatusRoutine,
    VirusRoutine,
)
from filter_engine.ucl.nodes import UclNode

S = TypeVar("S", bound=Section)

SECTION: Final = "milter_headers"
OLD_SECTION: Final = "rmilter_headers"
EXTENDED: Final = ("x-spamd-result", "x-rspamd-server", "x-rspamd-queue-id", "x-rspamd-action")
"""The routines that ``extended_spam_headers`` stands for."""
SCORED: Final = (*EXTENDED, "x-rspamd-pre-result", "x-spamd-bar", "x-spam-level", "x-spam-status")
"""The routines that tell how a mail was scored: ``min_score`` holds them back."""


_ROUTINES: Final = "milter_headers.routines"


def _of(cls: type[S], name: str) -> Kind[S]:
    """The kind of one routine's options."""
    return section(cls, f"{_ROUTINES}.{name}")


@options_class
class Routines(Section):
    """``milter_headers.routines``: how each routine works."""

    spamd_result: SpamdResultRoutine = option(
        _of(SpamdResultRoutine, "x-spamd-result"),
        SpamdResultRoutine(),
        key="x-spamd-result",
        doc="score, limit and symbols",
    )
    pre_result: PreResultRoutine = option(
        _of(PreResultRoutine, "x-rspamd-pre-result"),
        PreResultRoutine(),
        key="x-rspamd-pre-result",
        doc="what decided without a score; goes with x-spamd-result",
    )
    server: ServerRoutine = option(
        _of(ServerRoutine, "x-rspamd-server"),
        ServerRoutine(),
        key="x-rspamd-server",
        doc="the host that scanned",
    )
    queue_id: QueueIdRoutine = option(
        _of(QueueIdRoutine, "x-rspamd-queue-id"),
        QueueIdRoutine(),
        key="x-rspamd-queue-id",
        doc="the MTA's name of the message",
    )
    action: ActionRoutine = option(
        _of(ActionRoutine, "x-rspamd-action"),
        ActionRoutine(),
        key="x-rspamd-action",
        doc="the action",
    )
    bar: BarRoutine = option(
        _of(BarRoutine, "x-spamd-bar"), BarRoutine(), key="x-spamd-bar", doc="a mark for each point"
    )
    level: LevelRoutine = option(
        _of(LevelRoutine, "x-spam-level"),
        LevelRoutine(),
        key="x-spam-level",
        doc="a mark for each point above zero",
    )
    status: StatusRoutine = option(
        _of(StatusRoutine, "x-spam-status"),
        StatusRoutine(),
        key="x-spam-status",
        doc="spam or not, and the score",
    )
    virus: VirusRoutine = option(
        _of(VirusRoutine, "x-virus"),
        VirusRoutine(),
        key="x-virus",
        doc="what scanners for viruses found",
    )
    os_fingerprint: OsFingerprintRoutine = option(
        _of(OsFingerprintRoutine, "x-os-fingerprint"),
        OsFingerprintRoutine(),
        key="x-os-fingerprint",
        doc="the client's system, by p0f",
    )
    spam_header: SpamHeaderRoutine = option(
        _of(SpamHeaderRoutine, "spam-header"),
        SpamHeaderRoutine(),
        key="spam-header",
        doc="a header for spam only",
    )
    authentication_results: AuthenticationResultsRoutine = option(
        _of(AuthenticationResultsRoutine, "authentication-results"),
        AuthenticationResultsRoutine(),
        key="authentication-results",
        doc="SPF, DKIM, DMARC, ARC and the login (RFC 8601)",
    )
    remove_header: RemoveHeaderRoutine = option(
        _of(RemoveHeaderRoutine, "remove-header"),
        RemoveHeaderRoutine(),
        key="remove-header",
        doc="one header that goes",
    )
    remove_headers: RemoveHeadersRoutine = option(
        _of(RemoveHeadersRoutine, "remove-headers"),
        RemoveHeadersRoutine(),
        key="remove-headers",
        doc="headers that go",
    )
    add_headers: AddHeadersRoutine = option(
        _of(AddHeadersRoutine, "add-headers"),
        AddHeadersRoutine(),
        key="add-headers",
        doc="headers with fixed texts",
    )
    remove_spam_flag: SpamFlagRoutine = option(
        _of(SpamFlagRoutine, "remove-spam-flag"),
        SpamFlagRoutine(),
        key="remove-spam-flag",
        doc="the flag that goes with remove_upstream_spam_flag",
    )
    known: ClassVar[Mapping[str, Option]] = declare_known(
        **{
            name: known(Kind("section", lambda *_: None), doc=doc)
            for name, doc in (
                ("stat-signature", "a mark of the classifier"),
                ("fuzzy-hashes", "hashes of fuzzy_check"),
            )
        }
    )


ROUTINES: Final = tuple(made.key for made in options_of(Routines))
"""The names of all routines."""
OTHER_NAMES: Final = {"x-spamd-bar": ("x-rspamd-bar",), "x-rspamd-pre-result": ("x-spamd-result",)}
"""Under which names ``local_headers`` and ``authenticated_headers`` may know a routine besides."""
_NAMES: Final = frozenset((*ROUTINES, *(name for names in OTHER_NAMES.values() for name in names)))


def _routine_names(name: str, allowed: frozenset[str]) -> Kind[tuple[str, ...]]:
    """Names of routines in the option ``name``; one that does not exist is told and left out."""

    def convert(nodes: list[UclNode], binder: Binder) -> tuple[str, ...]:
        found = dict.fromkeys(text.lower() for text in list_of(STRING).convert(nodes, binder))
        for text in (text for text in found if text not in allowed):
            rspamds = Routines.known.get(text)
            binder.report(
                Severity.WARNING if rspamds is None else Severity.INFO,
                "no-effect" if rspamds is None else "not-served",
                nodes[0],
                f"{SECTION}.{name}: there is no routine {text!r}",
                likely(text, ROUTINES) if rspamds is None else f"in Rspamd: {rspamds.doc}",
            )
        return tuple(text for text in found if text in allowed)

    return Kind("list of routines", convert, multiple=True)


@options_class
class MilterHeadersOptions(Section):
    """The section ``milter_headers``."""

    use: tuple[str, ...] = option(
        _routine_names("use", frozenset(ROUTINES)), (), doc="routines to run, in this order"
    )
    extended_spam_headers: bool = option(BOOLEAN, False, doc=f"also run {', '.join(EXTENDED)}")
    skip_local: bool = option(BOOLEAN, True, doc="leave mail from local networks alone")
    skip_authenticated: bool = option(BOOLEAN, True, doc="leave mail of logged-in users alone")
    skip_all: bool = option(
        BOOLEAN, False, doc="leave all mail alone, but for that to extended_headers_rcpt"
    )
    local_headers: tuple[str, ...] = option(
        _routine_names("local_headers", _NAMES),
        (),
        doc="routines that run for local mail all the same",
    )
    authenticated_headers: tuple[str, ...] = option(
        _routine_names("authenticated_headers", _NAMES),
        (),
        doc="routines that run for mail of logged-in users all the same",
    )
    extended_headers_rcpt: MapDefinition | None = option(
        MAP_DEFINITION,
        None,
        doc="recipients (user, @domain or user@domain): mail to one of them is never left alone",
    )
    min_score: float | None = option(
        nullable(NUMBER),
        None,
        doc=f"below this score {', '.join(SCORED)} add nothing; what came along goes all the same",
    )
    remove_upstream_spam_flag: bool = option(BOOLEAN, True, doc="remove an X-Spam that came along")
    default_headers_order: int = option(INTEGER, -1, doc="where headers go: 1 the top, -1 the end")
    routines: Routines = option(section(Routines, _ROUTINES), Routines(), doc="how routines work")
    anchor: ClassVar[str] = "modules/milter_headers"
    known: ClassVar[Mapping[str, Option]] = unserved(SECTION)


@options_class
class RmilterHeadersOptions(MilterHeadersOptions):
    """The section ``rmilter_headers``, the old name: what ``milter_headers`` does not say."""

    known: ClassVar[Mapping[str, Option]] = unserved(OLD_SECTION)
