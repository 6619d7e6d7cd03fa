"""What Rspamd calls the charset of a text, which is a word of it: mostly by ICU's names."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.message.charset import codec_name
from filter_engine.message.part import Part
from filter_engine.statistics.raw_words import is_raw

_BY_LABEL: Final = {
    **dict.fromkeys(("ASCII", "US-ASCII", "UTF8"), "UTF-8"),
    **dict.fromkeys(("ISO_8859-1", "ISO8859-1", "LATIN1"), "ISO-8859-1"),
    **dict.fromkeys(("GBK", "CP936"), "windows-936-2000"),
    "CP949": "ibm-949_P110-1999",
    "EUC-KR": "ibm-970_P110_P110-2006_U2",
    "GB2312": "ibm-1383_P110-1999",
    "ISO-8859-1": "ISO-8859-1",
    "ISO-8859-9": "ibm-920_P100-1995",
    "TIS-620": "ibm-874_P100-1995",
}
"""Labels in capitals that are read as a wider charset here, or have several names there."""
_BY_CODEC: Final = {
    "big5": "windows-950-2000",
    "big5hkscs": "ibm-1375_P100-2008",
    "cp1250": "ibm-5346_P100-1998",
    "cp1251": "ibm-5347_P100-1998",
    "cp1252": "ibm-5348_P100-1997",
    "cp1253": "ibm-5349_P100-1998",
    "cp1254": "ibm-5350_P100-1998",
    "cp1255": "ibm-9447_P100-2002",
    "cp1256": "ibm-9448_X100-2005",
    "cp1257": "ibm-9449_P100-2002",
    "cp1258": "ibm-5354_P100-1998",
    "cp850": "ibm-850_P100-1995",
    "cp874": "windows-874-2000",
    "cp932": "ibm-943_P15A-2003",
    "cp949": "ibm-1363_P11B-1998",
    "euc_jp": "euc-jp-2007",
    "gb18030": "gb18030",
    "hz": "HZ",
    "iso2022_jp": "ISO_2022,locale=ja,version=0",
    "iso8859-10": "iso-8859_10-1998",
    "iso8859-13": "ibm-921_P100-1995",
    "iso8859-14": "iso-8859_14-1998",
    "iso8859-15": "ibm-923_P100-1998",
    "iso8859-16": "iso-8859_16-2001",
    "iso8859-2": "ibm-912_P100-1995",
    "iso8859-3": "ibm-913_P100-2000",
    "iso8859-4": "ibm-914_P100-1995",
    "iso8859-5": "ibm-915_P100-1995",
    "iso8859-6": "ibm-1089_P100-1995",
    "iso8859-7": "ibm-9005_X110-2007",
    "iso8859-8": "ibm-5012_P100-1999",
    "koi8-r": "ibm-878_P100-1996",
    "koi8-u": "ibm-1168_P100-2002",
    "mac-roman": "macos-0_2-10.2",
}
"""By Python's name."""
CONTROL_OCTETS: Final = re.compile(rb"[\x80-\x9f]")
"""Controls by ISO 8859-1, signs by windows-1252."""


def charset_of(part: Part) -> str:
    """The name of a text's charset; of one that states none, or an unknown one, a guess."""
    label = (part.charset or "").upper()
    known = _BY_LABEL.get(label)
    if known is not None:
        return known
    codec = codec_name(label) if label else None
    if codec is not None:
        return _BY_CODEC.get(codec, label)
    return "UTF-8" if part.content.isascii() else _guessed(part)


def _guessed(part: Part) -> str:
    """Of a text that states none that is known: what it is read as."""
    if is_raw(part):
        return "unk"
    try:
        part.content.decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252" if CONTROL_OCTETS.search(part.content) else "ISO-8859-1"
    return "UTF-8"
