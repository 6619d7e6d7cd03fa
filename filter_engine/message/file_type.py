"""What a file is by its first bytes, whatever its name and type say."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.lazy_dataclass import settled


@settled
class FileType:
    """A detected type."""

    extension: str
    """The usual one, lower case, without the dot."""
    content_type: str
    kind: str
    """archive, document, executable, image, media, text or binary."""


def _types(kind: str, *pairs: str) -> dict[str, FileType]:
    made = (pair.split(" ") for pair in pairs)
    return {extension: FileType(extension, content_type, kind) for extension, content_type in made}


_TYPES: Final = {
    **_types(
        "executable",
        "exe application/x-ms-application",
        "elf application/x-elf-executable",
        "lnk application/x-ms-application",
        "class application/x-java-applet",
        "jar application/java-archive",
        "apk application/vnd.android.package-archive",
        "bat application/x-bat",
        "swf application/x-shockwave-flash",
        "msi application/x-msi",
    ),
    **_types(
        "archive",
        "zip application/zip",
        "rar application/x-rar",
        "7z application/x-7z-compressed",
        "arj application/x-arj",
        "cab application/x-cab",
        "ace application/x-ace",
        "tar application/x-tar",
        "bz2 application/x-bzip",
        "gz application/gzip",
        "xz application/x-xz",
        "lz application/x-lzip",
        "lz4 application/x-lz4",
        "zst application/x-zstandard",
        "dmg application/x-dmg",
        "iso application/x-iso",
        "zoo application/x-zoo",
        "xar application/x-xar",
        "egg application/x-egg",
        "alz application/x-alz",
    ),
    **_types(
        "document",
        "pdf application/pdf",
        "ps application/postscript",
        "rtf application/rtf",
        "chm application/x-chm",
        "djvu application/x-djvu",
        "epub application/x-epub",
        "doc application/msword",
        "xls application/vnd.ms-excel",
        "ppt application/vnd.ms-powerpoint",
        "vsd application/vnd.visio",
        "msg application/vnd.ms-outlook",
        "ole application/x-ole-storage",
        "docx application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "odt application/vnd.oasis.opendocument.text",
        "ods application/vnd.oasis.opendocument.spreadsheet",
        "odp application/vnd.oasis.opendocument.presentation",
        "dwg image/vnd.dwg",
        "one application/onenote",
    ),
    **_types(
        "image",
        "png image/png",
        "jpg image/jpeg",
        "gif image/gif",
        "bmp image/bmp",
        "tiff image/tiff",
        "ico image/x-ico",
        "psd image/psd",
        "pcx image/pcx",
        "heic image/heic",
        "webp image/webp",
        "svg image/svg+xml",
    ),
    **_types(
        "media",
        "mp3 audio/mpeg",
        "ogg audio/ogg",
        "wav audio/x-wav",
        "mp4 video/mp4",
        "avi video/x-msvideo",
    ),
    **_types(
        "text",
        "txt text/plain",
        "html text/html",
        "xml text/xml",
        "csv text/csv",
        "ics text/calendar",
        "vcf text/vcard",
        "eml message/rfc822",
    ),
    **_types("binary", "tnef application/vnd.ms-tnef", "p7s application/pkcs7-signature"),
}
TYPES: Final = _TYPES
"""All types by extension."""

# Extension, offset, bytes there; the first that fits counts.
_MAGIC: Final = (
    ("rar", 0, b"Rar!\x1a\x07"),
    ("7z", 0, b"7z\xbc\xaf'\x1c"),
    ("pdf", 0, b"%PDF-"),
    ("png", 0, b"\x89PNG\r\n\x1a\n"),
    ("jpg", 0, b"\xff\xd8\xff"),
    ("gif", 0, b"GIF8"),
    ("rtf", 0, b"{\\rtf"),
    ("gz", 0, b"\x1f\x8b\x08"),
    ("bz2", 0, b"BZh"),
    ("xz", 0, b"\xfd7zXZ\0"),
    ("lz", 0, b"LZIP\x01"),
    ("lz4", 0, b"\x04\x22\x4d\x18"),
    ("lz4", 0, b"mozLz40\0"),
    ("zst", 0, b"\x28\xb5\x2f\xfd"),
    ("exe", 0, b"MZ"),
    ("elf", 0, b"\x7fELF"),
    ("lnk", 0, b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"),
    ("class", 0, b"\xca\xfe\xba\xbe\0\0\0"),
    ("chm", 0, b"ITSF\x03\0\0\0"),
    ("djvu", 0, b"AT&TFORM"),
    ("arj", 0, b"\x60\xea"),
    ("cab", 0, b"MSCF\0\0\0\0"),
    ("ace", 7, b"**ACE**"),
    ("tar", 257, b"ustar"),
    ("iso", 0x8001, b"CD001"),
    ("iso", 0x8801, b"CD001"),
    ("iso", 0x9001, b"CD001"),
    ("zoo", 20, b"\xdc\xa7\xc4\xfd"),
    ("xar", 0, b"xar!"),
    ("egg", 0, b"EGGA"),
    ("alz", 0, b"ALZ\x01"),
    ("psd", 0, b"8BPS"),
    ("tiff", 0, b"II*\0"),
    ("tiff", 0, b"MM\0*"),
    ("ico", 0, b"\0\0\x01\0"),
    ("swf", 0, b"FWS"),
    ("swf", 0, b"CWS"),
    ("ps", 0, b"%!PS-Adobe"),
    ("dwg", 0, b"AC10"),
    ("bmp", 0, b"BM"),
    ("heic", 4, b"ftypheic"),
    ("heic", 4, b"ftypmif1"),
    ("heic", 4, b"ftypheix"),
    ("mp4", 4, b"ftyp"),
    ("webp", 8, b"WEBP"),
    ("wav", 8, b"WAVE"),
    ("avi", 8, b"AVI "),
    ("mp3", 0, b"ID3"),
    ("ogg", 0, b"OggS"),
    ("tnef", 0, b"\x78\x9f\x3e\x22"),
    ("one", 0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"),
)
_LONGEST: Final = 0x9006
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Names of streams in an OLE file (MS-CFB, 2.6.1), in UTF-16.
_STREAMS: Final = (
    # No stream but the class of the root: Windows Installer.
    ("msi", b"\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"),
    ("msg", "__properties_version1.0".encode("utf-16-le")),
    ("doc", "WordDocument".encode("utf-16-le")),
    ("xls", "Workbook".encode("utf-16-le")),
    ("ppt", "PowerPoint Document".encode("utf-16-le")),
    ("vsd", "VisioDocument".encode("utf-16-le")),
    ("xls", "Book\0".encode("utf-16-le")),
)
_LOOKED_AT: Final = 1 << 20
# Names of members of a zip file; the first that fits counts.
_MEMBERS: Final = (
    ("docx", b"word/"),
    ("xlsx", b"xl/"),
    ("pptx", b"ppt/"),
    ("apk", b"AndroidManifest.xml"),
    ("jar", b"META-INF/MANIFEST.MF"),
    ("jar", b"META-INF/"),
)
_MIMETYPES: Final = (
    ("epub", b"application/epub+zip"),
    ("odt", b"application/vnd.oasis.opendocument.text"),
    ("ods", b"application/vnd.oasis.opendocument.spreadsheet"),
    ("odp", b"application/vnd.oasis.opendocument.presentation"),
)
_HTML: Final = re.compile(
    rb"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype html|html\b|head\b)", re.I | re.S
)
_SVG: Final = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,500}?-->\s*)?<svg\b", re.I | re.S
)
_XML: Final = re.compile(rb"\s*<\?xml\b", re.I)
_BATCH: Final = re.compile(rb"\s*@\s*echo\s+off\b", re.I)


def detect(content: bytes) -> FileType | None:
    """The type of a file; None for what is not known."""
    if content[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return _TYPES[_zip(content)]
    if content.startswith(_OLE):
        head = content[:_LOOKED_AT]
        return _TYPES[next((name for name, stream in _STREAMS if stream in head), "ole")]
    for extension, offset, magic in _MAGIC:
        if content.startswith(magic, offset):
            return _TYPES[extension]
    if content[:1] == b"\n" and content[1:2] in b"\x00\x02\x03\x05" and content[2:3] == b"\x01":
        return _TYPES["pcx"]
    if b"koly" in content[-512:]:
        return _TYPES["dmg"]
    if _is_old_tar(content):
        return _TYPES["tar"]
    return _text(content)


def _zip(content: bytes) -> str:
    """The kind of a zip file, by its members' names (their headers hold them in the clear)."""
    if content[30:38] == b"mimetype":
        for extension, said in _MIMETYPES:
            if content.startswith(said, 38):
                return extension
    directory = content[-_LOOKED_AT:]
    if b"[Content_Types].xml" in directory:
        found = [(directory.find(name), extension) for extension, name in _MEMBERS[:3]]
        return min(((at, e) for at, e in found if at >= 0), default=(0, "zip"))[1]
    return next((extension for extension, name in _MEMBERS[3:] if name in directory), "zip")


def _is_old_tar(content: bytes) -> bool:
    """A tar file of before POSIX: the sum of its first block fits."""
    block = content[:512]
    if len(block) < 384 or not block[0]:
        return False
    stated = block[148:156].strip(b"\0 ")
    if not stated or stated.translate(None, b"01234567"):
        return False
    total = sum(block) - sum(block[148:156]) + 8 * 32
    return int(stated, 8) == total


def _text(content: bytes) -> FileType | None:
    head = content[:4096]
    if b"\0" in head or not head.strip():
        return None
    upper = head[:40].lstrip().upper()
    if upper.startswith(b"BEGIN:VCALENDAR"):
        return _TYPES["ics"]
    if upper.startswith(b"BEGIN:VCARD"):
        return _TYPES["vcf"]
    for extension, pattern in (("svg", _SVG), ("html", _HTML), ("xml", _XML), ("bat", _BATCH)):
        if pattern.match(head):
            return _TYPES[extension]
    lines = [line for line in head.splitlines()[:8] if line.strip()]
    counts = {line.count(b",") for line in lines}
    if len(lines) > 1 and counts and counts != {0} and len(counts) == 1:
        return _TYPES["csv"]
    if any(byte < 9 or 13 < byte < 27 for byte in head):
        return None
    return _TYPES["txt"]
