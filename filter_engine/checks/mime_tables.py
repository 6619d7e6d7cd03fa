"""What types and extensions of files are good, bad or expected (module mime_types)."""

from __future__ import annotations

from typing import Final

RATED: Final = {
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
# Types in use in mail. Those of Python's ``mimetypes`` are among them: that module's tables take
# 350 KB of each process.
_KNOWN: Final = """
application/applefile application/atomicmail application/gzip application/ics
application/java-archive application/javascript application/json application/mac-binhex40
application/manifest+json application/mbox application/msword application/n-quads
application/n-triples application/octet-stream application/oda application/pdf
application/pgp-encrypted application/pgp-keys application/pgp-signature application/pkcs10
application/pkcs7-mime application/pkcs7-signature application/postscript application/rar
application/rtf application/samlmetadata+xml application/sql application/trig
application/vcard+xml application/vnd.apple.mpegurl application/vnd.ms-excel
application/vnd.ms-powerpoint application/wasm application/x-7z-compressed application/x-excel
application/x-gzip application/x-msdownload application/x-pkcs12 application/x-tar
application/x-www-form-urlencoded application/x-x509-ca-cert application/x-zip-compressed
application/xhtml+xml application/xml application/zip application/zlib
audio/3gpp audio/3gpp2 audio/aac audio/basic audio/mp4 audio/mpeg audio/mpeg3 audio/ogg audio/opus
audio/wav audio/x-mpeg-3 audio/x-wav
image/avif image/bmp image/gif image/heic image/heif image/ief image/jpeg image/png image/svg+xml
image/tiff image/vnd.microsoft.icon image/webp image/wmf image/x-wmf
message/delivery-status message/disposition-notification message/feedback-report message/global
message/global-delivery-status message/global-disposition-notification message/global-headers
message/http message/news message/rfc822 message/rfc822-headers message/tracking-status
multipart/report
text/calendar text/css text/csv text/directory text/enriched text/html text/markdown text/n3
text/plain text/rfc822-headers text/richtext text/rtf text/tab-separated-values text/vcard
text/vtt text/x-vcard text/xml
video/mp4 video/mpeg video/ogg video/quicktime video/webm
"""
REGISTERED_TREES: Final = ("vnd.", "prs.")
KNOWN: Final = frozenset(_KNOWN.split())

_BY_WEIGHT: Final = {
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
BAD_EXTENSIONS: Final = {
    extension: weight for weight, names in _BY_WEIGHT.items() for extension in names.split()
}
ARCHIVE_EXTENSIONS: Final = frozenset(
    {"zip", "arj", "rar", "ace", "7z", "cab", "bz2", "egg", "alz", "xz", "lz"}
)
BAD_IN_ARCHIVE: Final = {
    "pptx": 0.1,
    "docx": 0.1,
    "xlsx": 0.1,
    "pdf": 0.1,
    "jar": 3.0,
    "js": 0.5,
    "vbs": 4.0,
    "wsf": 4.0,
    "hta": 4.0,
}
"""Extension -> weight, of the only file in an archive."""
DOCUMENT_ARCHIVES: Final = frozenset({"odt", "ods", "odp", "docx", "xlsx", "pptx", "vsdx"})
"""Archives by their make that are documents by their use."""
TYPES_BY_EXTENSION: Final = {
    "html": ("text/html",),
    "htm": ("text/html",),
    "txt": ("text/plain", "message/disposition-notification", "text/rfc822-headers"),
    "pdf": ("application/pdf", "application/x-pdf"),
}
"""Types a file of that extension may have; application/octet-stream fits everything."""
OTHER_TYPES_BY_EXTENSION: Final = {
    "exe": (
        "application/x-dosexec",
        "application/x-ms-dos-executable",
        "application/x-msdos-program",
        "application/x-msdownload",
    ),
}
"""The same, weighing less."""
