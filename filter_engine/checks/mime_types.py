"""Types and names of the parts (module mime_types)."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import unquote

from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section
from filter_engine.message.part import Part
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP = ("mime_types",)
_RATED: Final = {
    "multipart/alternative": -1.0,
    "multipart/mixed": -1.0,
    "multipart/related": -1.0,
    "text/plain": -1.0,
    "multipart/encrypted": -2.0,
    "multipart/signed": -2.0,
    "multipart/appledouble": 2.0,
    "multipart/byteranges": 2.0,
    "multipart/example": 2.0,
    "multipart/form-data": 2.0,
    "multipart/header-set": 2.0,
    "multipart/voice-message": 2.0,
    "multipart/x-mixed-replace": 2.0,
}
"""Below zero: good, above: bad, as weights."""
# Types in use in mail that Python's own table does not have.
_ALSO_KNOWN: Final = """
application/applefile application/atomicmail application/gzip application/ics
application/java-archive application/javascript application/mac-binhex40 application/mbox
application/octet-stream application/pgp-encrypted application/pgp-keys application/pgp-signature
application/pkcs10 application/pkcs7-mime application/pkcs7-signature application/postscript
application/rar application/rtf application/samlmetadata+xml application/sql application/vcard+xml
application/x-7z-compressed application/x-excel application/x-gzip application/x-msdownload
application/x-pkcs12 application/x-tar application/x-www-form-urlencoded
application/x-x509-ca-cert application/x-zip-compressed application/xhtml+xml application/zlib
audio/mp4 audio/mpeg3 audio/ogg audio/opus audio/wav audio/x-mpeg-3 audio/x-wav
image/webp image/wmf image/x-wmf
message/delivery-status message/disposition-notification message/feedback-report message/global
message/global-delivery-status message/global-disposition-notification message/global-headers
message/http message/news message/rfc822 message/rfc822-headers message/tracking-status
multipart/report
text/calendar text/directory text/enriched text/markdown text/rfc822-headers text/rtf text/vcard
text/x-vcard text/xml
video/mp4 video/ogg video/quicktime
"""
_REGISTERED_TREES: Final = ("vnd.", "prs.")
_KNOWN: Final = frozenset(_ALSO_KNOWN.split()).union(
    kind
    for kind in mimetypes.MimeTypes().types_map_inv[True]
    if not kind.partition("/")[2].startswith("x-")
)

_BAD_EXTENSIONS: Final = {
    1.0: "exe",
    3.0: "cab",
    4.0: "iso lnk scr ace",
    2.0: (
        "bat com jar arj ade adp chm cmd cpl ins isp js jse lib mde msc msi msp mst nsh pif "
        "sct shb sys vb vbe vbs vxd wsc wsh app asp bas cnt csh diagcab fxp gadget grp hlp "
        "hpj inf its jnlp ksh mad maf mag mam maq mar mas mat mau mav maw mcf mda mdb mdt "
        "mdw mdz msh msh1 msh2 mshxml msh1xml msh2xml msu ops osd pcd pl plg prf prg "
        "printerexport ps1 ps1xml ps2 ps2xml psc1 psc2 psd1 psdm1 pst reg scf shs theme url "
        "vbp vsmacros vsw webpnp website ws xbap xll xnk"
    ),
}
_BADNESS: Final = {
    extension: weight for weight, names in _BAD_EXTENSIONS.items() for extension in names.split()
}
_ARCHIVES: Final = frozenset(
    {"zip", "arj", "rar", "ace", "7z", "cab", "bz2", "egg", "alz", "xz", "lz"}
)
_EXPECTED: Final = {
    "html": (1.0, ("text/html",)),
    "htm": (1.0, ("text/html",)),
    "txt": (1.0, ("text/plain", "message/disposition-notification", "text/rfc822-headers")),
    "pdf": (1.0, ("application/pdf", "application/x-pdf")),
    "exe": (
        0.4,
        (
            "application/x-dosexec",
            "application/x-ms-dos-executable",
            "application/x-msdos-program",
            "application/x-msdownload",
        ),
    ),
}
"""Extension -> weight of another type than these; application/octet-stream fits everything."""
_NUMBERED: Final = re.compile(r"\d+[\])]?")


@dataclass(frozen=True, slots=True, kw_only=True)
class MimeTypesOptions(Section):
    """The section ``mime_types``: Rspamd has options here, this engine none."""

    anchor: ClassVar[str] = "modules/mime_types"
    known: ClassVar[Mapping[str, Option]] = unserved("mime_types")


@check(
    "mime_types",
    callback="MIME_TYPES_CALLBACK",
    options=MimeTypesOptions,
    symbols=(
        Symbol("MIME_TRACE", 0.0, "Each part: good (+), bad (-) or neither (~)", _GROUP),
        Symbol("MIME_GOOD", -0.1, "A type that honest mail has", _GROUP, True),
        Symbol("MIME_BAD", 1.0, "A type that does not belong in mail", _GROUP, True),
        Symbol("MIME_UNKNOWN", 0.1, "A type that nobody registered", _GROUP, True),
        Symbol("MIME_BAD_EXTENSION", 2.0, "A file that can run, by its extension", _GROUP, True),
        Symbol(
            "MIME_DOUBLE_BAD_EXTENSION", 3.0, "A file that can run, hidden as another", _GROUP, True
        ),
        Symbol("MIME_BAD_ATTACHMENT", 4.0, "A file whose type belies its extension", _GROUP, True),
        Symbol(
            "MIME_ARCHIVE_IN_ARCHIVE", 5.0, "An archive's extension before another", _GROUP, True
        ),
    ),
)
def mime_types(task: Task) -> list[Finding]:
    """Type and file name of every part."""
    trace: list[str] = []
    by_symbol: dict[str, dict[str, float]] = {}
    for part in task.message.parts:
        for symbol, option, weight in _file(part):
            by_symbol.setdefault(symbol, {}).setdefault(option, weight)
            if symbol != "MIME_BAD_ATTACHMENT":
                trace.append(f"{part.index}:-")
        # A text that is HTML counts as HTML, whatever it says.
        kind = "text/html" if part.is_html else part.content_type
        rating, rated = _type(kind)
        trace.append(f"{part.index}:{rating}")
        if rated is not None:
            by_symbol.setdefault(rated, {}).setdefault(kind, abs(_RATED.get(kind, 1.0)))
    found = [Finding("MIME_TRACE", tuple(trace))]
    for symbol, options in by_symbol.items():
        found.append(Finding(symbol, tuple(options), max(options.values())))
    return found


def _type(content_type: str) -> tuple[str, str | None]:
    """Mark for the trace, and the symbol of a type that is not neutral."""
    weight = _RATED.get(content_type)
    if weight is not None:
        return ("+", "MIME_GOOD") if weight < 0 else ("-", "MIME_BAD")
    known = content_type in _KNOWN or content_type.partition("/")[2].startswith(_REGISTERED_TREES)
    return "~", None if known else "MIME_UNKNOWN"


def _file(part: Part) -> list[tuple[str, str, float]]:
    """Symbol, option and weight of what a part's file name tells."""
    name = part.filename
    if not name or "." not in name:
        return []
    *front, extension = unquote(name).lower().split(".")
    inner = front[-1] if len(front) > 1 else None
    found: list[tuple[str, str, float]] = []
    weight = _BADNESS.get(extension)
    inner_weight = _BADNESS.get(inner) if inner is not None else None
    if weight is not None or inner_weight is not None:
        hidden = inner is not None and 0 < len(inner) <= 4 and _NUMBERED.fullmatch(inner) is None
        if hidden:
            worst = max(weight or 0.0, inner_weight or 0.0)
            found.append(("MIME_DOUBLE_BAD_EXTENSION", f".{inner}.{extension}", worst))
        elif weight is not None:
            found.append(("MIME_BAD_EXTENSION", extension, weight))
    if inner in _ARCHIVES and not extension.isdecimal():
        found.append(("MIME_ARCHIVE_IN_ARCHIVE", f".{inner}.{extension}", 1.0))
    expected = _EXPECTED.get(extension)
    if expected is not None:
        mismatch, types = expected
        if part.content_type not in types and part.content_type != "application/octet-stream":
            found.append(("MIME_BAD_ATTACHMENT", f"{extension}:{part.content_type}", mismatch))
    return found
