"""Makes messages, HTML, header values and texts out of pieces that parsers stumble over."""

from __future__ import annotations

import base64
import random
import zlib

_SIGNS = (
    b'< > @ " \\ ( ) , ; : =?utf-8?q? ?= =?x?b? message/rfc822 text/html base64 --x --x-- x-uue '
    b"quoted-printable name*0*=utf-8''% charset=utf-7 +2AA- a.example from by [1.2.3.4] www. "
    b"http:// https: hxxp:// multipart/mixed;boundary=x a.com/?u=http://b.com/?v=http%3A%2F%2Fc.com"
    b" xn--bcher-kva.com 0x7f.1 3232235777 user:pw@ \xe2\x80\x8b \xe2\x80\xae \xd0\xb0 GMT 2024 Jan"
    b" begin PK\x03\x04 PK\x01\x02 PK\x05\x06 Rar!\x1a\x07\x00 Rar!\x1a\x07\x01\x00 7z\xbc\xaf'\x1c"
    b" %PDF-1.4 /Encrypt /JavaScript trailer \x1f\x8b\x08 \xff\xfe \x00 =C3 $ \xef\xbc\x8e"
).split(b" ")
_TAGS = (
    b"<a href='http://a.com/x'> </a> <div style='display:none'> </div> <span> </span> </font> <br>"
    b" <font color=#fff> <table bgcolor=white> <tr> <td> </table> <img src='cid:1' width=300> <b>"
    b" <style> .x{color:#fff;background:rgb(255,255,255)} </style> <script> </script> <!-- --> <i>"
    b" <base href=http://b.com> <meta http-equiv=refresh content='0;url=http://c.com'> <p> <h1"
    b" <form action=http://d.com> &amp; &#104; &nbsp; <![CDATA[ <svg> <select> <template> </p> <a"
    b" style='font-size:0'> style='color:hsl(0,0%,100%)' class=x id=y <x- <a\tb=c <body> </html>"
    b" <plaintext> <textarea>"
).split(b" ")
_NAMES = (
    b"From To Cc Sender Reply-To Subject Date Message-ID Received Content-Type Content-ID "
    b"Content-Transfer-Encoding Content-Disposition X-\xff"
).split()
_KINDS = ("message", "message", "html", "header", "text", "words")
_SHORT_RUNS = (
    *(
        b" ",
        b"\t",
        b"\n",
        b"\r\n",
        b" \n",
        b"\x80",
        b"\x9f",
        b"\xe4",
        b"\xfd",
        b"\xff",
        b"\xc2\x80",
    ),
    *(b"@", b"a@", b"@ ", b"',", b"a'", b"1.", b"1", b'"', b"$", b"|", b"word ", b"zqlinkqz "),
    *(b"\xe3\x81\x82", b"\xe6\xbc\xa2", b"\xe3\x82\xa2 "),
)
_LONG_RUNS = (
    *(b"tel:", b"tel: ", b"tel:1", b"tel:123 ", b"tel:(", b"tel:1.", b"mailto:", b"a@b.com "),
    *(b"mailto:a@b.com?", b"http://a.com/ ", b"a.com?", b"www.a.com ", b"http://", b"</html> "),
    *(b"&#128; ", b"&#128;", b"&#x80;", b"&nbsp;", b"<br>", b"<p>", b"<a href=tel:123>1</a>"),
    b"<a href=http://a.com>a</a>",
)
_RUNS = _SHORT_RUNS + _LONG_RUNS
"""What a text may consist of, thousands of times."""
_TEXT_TYPES = (
    b"text/plain",
    b"text/plain; charset=iso-8859-1",
    b"text/plain; charset=utf-8",
    b"text/plain; charset=unheard-of",
    b"text/html",
    b"text/html; charset=iso-8859-1",
    b"text/html; charset=utf-8",
    b"application/octet-stream; name=a.html",
)


class Pieces:
    """An endless row of inputs."""

    def __init__(self, chance: random.Random, corpus: list[bytes]) -> None:
        self._chance = chance
        self._corpus = corpus

    def next(self) -> tuple[str, bytes]:
        """Which reader, and what to read."""
        kind = self._chance.choice(_KINDS)
        if kind == "message":
            made = self._message() if self._chance.random() < 0.5 else self._known()
        elif kind == "words":
            made = self._text()
        elif kind == "html":
            made = self._run(_TAGS + _SIGNS[:20])
        else:
            made = self._run(_SIGNS)
        return kind, self._mutate(made)

    def _known(self) -> bytes:
        return self._chance.choice(self._corpus)

    def _run(self, words: list[bytes]) -> bytes:
        """Words in a row; sometimes a few of them very often."""
        chance = self._chance
        if chance.random() < 0.3:
            few = [chance.choice(words) for _ in range(chance.randint(1, 4))]
            return b"".join(few) * chance.choice((1, 10, 100, 2000))
        blank = chance.choice((b"", b" ", b"\n", b"\r\n "))
        return blank.join(chance.choice(words) for _ in range(chance.randint(1, 300)))

    def _message(self, depth: int = 0) -> bytes:
        chance = self._chance
        fields = [
            chance.choice(_NAMES) + b": " + self._run(_SIGNS)[: chance.choice((20, 200, 5000))]
            for _ in range(chance.randint(0, 8))
        ]
        roll = chance.random()
        if depth < 4 and roll < 0.3:
            fields.append(b"Content-Type: multipart/alternative; boundary=x%d" % depth)
            line = b"\n--x%d\n" % depth
            parts = [self._message(depth + 1) for _ in range(chance.randint(1, 4))]
            body = line.join([b"", *parts]) + line[:-1] + b"--\n"
        elif roll < 0.5:
            fields.append(b"Content-Type: text/html")
            body = self._run(_TAGS + _SIGNS)
        elif roll < 0.65:
            fields.append(b'Content-Type: application/zip; name="x.pdf.exe"')
            fields.append(b"Content-Transfer-Encoding: base64")
            body = base64.encodebytes(self._file())
        else:
            body = self._run(_SIGNS)
        return b"\n".join(fields) + b"\n\n" + body

    def _text(self) -> bytes:
        """A message of one text: a few pieces in turn, or runs of one after another."""
        chance = self._chance
        pieces = [chance.choice(_RUNS) for _ in range(chance.randint(1, 4))]
        size = chance.choice((1, 30, 300, 3000, 30000))
        if chance.random() < 0.5:
            body = b"".join(pieces) * size
        else:
            body = b"".join(piece * size for piece in pieces)
        body = chance.choice((b"", b"word " * 300, b"<html>")) + body
        return b"From: a@b.com\nContent-Type: " + chance.choice(_TEXT_TYPES) + b"\n\n" + body

    def _file(self) -> bytes:
        """The beginning of some kind of file, and noise."""
        chance = self._chance
        starts = [sign for sign in _SIGNS if sign[:2] in (b"PK", b"Ra", b"7z", b"%P")]
        noise = chance.randbytes(chance.randint(0, 400))
        if chance.random() < 0.3:
            return b"\x1f\x8b\x08" + noise[:7] + zlib.compress(noise * 50)
        return b"".join(
            chance.choice(starts) + noise[: chance.randint(0, 60)]
            for _ in range(chance.randint(1, 9))
        )

    def _mutate(self, data: bytes) -> bytes:
        """Change some bytes; repeat, cut or move a stretch; sometimes nothing."""
        chance = self._chance
        made = bytearray(data)
        for _ in range(chance.choice((0, 0, 1, 3, 12))):
            if not made:
                break
            start = chance.randrange(len(made))
            end = min(len(made), start + chance.choice((1, 1, 4, 40, 400)))
            what = chance.random()
            if what < 0.3:
                made[start] = chance.randrange(256)
            elif what < 0.5:
                del made[start:end]
            elif what < 0.7:
                made[start:start] = made[start:end] * chance.choice((1, 2, 50))
            elif what < 0.85:
                made[start:start] = chance.choice(_SIGNS + _TAGS)
            else:
                other = self._known()
                made[start:end] = other[: chance.choice((10, 200))]
        return bytes(made[: 256 << 10])
