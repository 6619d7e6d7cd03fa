"""Documents made from a grammar of UCL and of templates, and mutations of given ones."""

from __future__ import annotations

import random

_WORDS = ["a", "b1", "worker", "password", "x-y.z", "Key", "/re/", "é", "_", "0"]
_BARE = [
    *[
        "1",
        "-1",
        "0x1f",
        "1.5",
        "1e5",
        "10k",
        "5mb",
        "10s",
        "1.5min",
        "inf",
        "nan",
        "-inf",
        "1e400",
    ],
    *["true", "Off", "null", "1.2.3.4", "::1", "a b c", "x{y}", "z[1]", "back\\slash", "$VAR"],
    *["${VAR}/x", "$$VAR", "$CURDIR", "9223372036854775807", "-9223372036854775808", "1e-320"],
    *["99999999999999999999", "0xffffffffffffffffffffffff", "http://h/p", "~", "@"],
]
_STRINGS = [
    "",
    "x",
    "a\\nb",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\ud83d",
    "$VAR",
    "/*",
    "#",
    "\\\\",
    "é€😀",
]
_SIGNS = [*"{}[]()=:,;#\"'\\/*<$.|%-~\n\r\t ", "\0", "\x7f", "\x85", "\u2028", "\ufeff", "\v"]
_CHUNKS = [
    *["/*", "*/", "<<EOD\n", "\nEOD", "\\u00", "{=", "=}", "{%", "%}", "{#", "#}", "{%-", "-%}"],
    *["{% if ", "{% for x in ", "{% endif %}", "{% endfor %}", "{% else %}", "{% raw %}", "range("],
    *[".include ", ".priority 3\n", '.inherit "base"\n', ".load(", ".include(", "(priority=1)"],
    *["env.", " | default(", ":rep(999999999)", "..", "^", "true", "null", "1kb", "${", "\\x"],
    *[
        "key=",
        "priority=",
        "duplicate=",
        "merge",
        "glob=true",
        "try=true",
        "prefix=true",
        "]]",
        "[[",
    ],
]
_EXPRESSIONS = [
    "env.A",
    "nil",
    "1",
    "'s'",
    "{1,2}",
    "{a=1}",
    "x",
    "range(9)",
    "range(1e9)",
    "#x",
    "env",
]
_OPERATORS = ["+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", "and", "or"]
_FILTERS = ["upper", "default(1)", "join(',')", "length", "sort", "string", "int", "title", "first"]
_METHODS = [":rep(9999999)", ":upper()", ":sub(1,2)", ".b", "[1]", "()", ":format(1)", ":find('s')"]


class Grammar:
    """A source of documents; the same seed gives the same ones."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def document(self) -> str:
        """A whole document."""
        body = self._entries(self.chance.choice([1, 2, 3, 5]))
        return "base { a = 1; c { d = 2 } }\n" + body if self.chance.random() < 0.3 else body

    def mutate(self, content: bytes, other: bytes) -> bytes:
        """One document changed in a few places, pieces of another put in."""
        data = bytearray(content)
        for _ in range(self.chance.choice([1, 1, 2, 4, 8])):
            start = self.chance.randint(0, len(data))
            end = min(len(data), start + self.chance.choice([0, 1, 1, 4, 40]))
            what = self.chance.randrange(8)
            if what == 0:
                data[start:end] = b""
            elif what == 1:
                data[start:end] = self.chance.choice(_SIGNS).encode()
            elif what == 2:
                data[start:end] = self.chance.choice(_CHUNKS).encode()
            elif what == 3:
                data[start:end] = bytes([self.chance.randrange(256)])
            elif what == 4:
                at = self.chance.randint(0, len(other))
                data[start:end] = other[at : at + self.chance.choice([5, 50, 500])]
            elif what == 5:
                data[start:end] = data[start:end] * self.chance.choice([2, 10, 500])
            elif what == 6:
                data[start:end] = self.document().encode("utf-8", "surrogateescape")
            else:
                data[start:end] = self.chance.choice(
                    _SIGNS + _CHUNKS
                ).encode() * self.chance.choice([1, 3, 200, 20_000])
        return bytes(data)

    def _entries(self, depth: int) -> str:
        return "".join(self._entry(depth) for _ in range(self.chance.randrange(5)))

    def _entry(self, depth: int) -> str:
        what = self.chance.random()
        if what < 0.08:
            return self._macro()
        if what < 0.2:
            return self._template(depth)
        if what < 0.25:
            return self.chance.choice(["# c\n", "/* a /* b */ c */\n", "{# t #}", "\n\n"])
        key = self.chance.choice(_WORDS)
        if self.chance.random() < 0.3:
            key = f'"{key}{self.chance.choice(_STRINGS)}"'
        sign = self.chance.choice([" ", " = ", ": ", "="])
        return f"{key}{sign}{self._value(depth)}{self.chance.choice([';', chr(10), ',', ' ;'])}"

    def _value(self, depth: int) -> str:
        what = self.chance.randrange(9 if depth > 0 else 6)
        if what < 2:
            return self.chance.choice(_BARE)
        if what == 2:
            return '"' + "".join(self.chance.choices(_STRINGS, k=2)) + '"'
        if what == 3:
            return "'" + self.chance.choice(["", "x", r"it\'s", r"\\", "a\nb", "a\\\nb"]) + "'"
        if what == 4:
            text = "".join(self.chance.choices([*_STRINGS, "\n", "EOD", "\nEODX"], k=4))
            return f"<<EOD\n{text}\nEOD"
        if what == 5:
            return f'"{{= {self._expression(2)} =}}"'
        if what == 6:
            separators = [", ", "\n", " , # c\n", "; "]
            return (
                "["
                + "".join(
                    self._value(depth - 1) + self.chance.choice(separators)
                    for _ in range(self.chance.randrange(4))
                )
                + "]"
            )
        return "{" + self._entries(depth - 1) + "}"

    def _macro(self) -> str:
        path = self.chance.choice(
            ['"$CURDIR/more.conf"', '"$CURDIR/self.conf"', "x", '"$CURDIR/*"']
        )
        options = ",".join(
            self.chance.choices(
                [
                    "try=true",
                    "priority=5",
                    "glob=true",
                    "prefix=true",
                    "duplicate=merge",
                    'key="k"',
                ],
                k=self.chance.randrange(4),
            )
        )
        return self.chance.choice(
            [
                f".include({options}) {path}\n",
                f".try_include {path}\n",
                f'.load(key="l{self.chance.randrange(3)}",{options}) {path}\n',
                '.inherit "base"\n',
                f".priority {self.chance.randrange(20)}\n",
            ]
        )

    def _template(self, depth: int) -> str:
        body = self._entries(depth - 1) if depth > 0 else "t = 1;\n"
        dash = self.chance.choice(["", "", "-"])
        return self.chance.choice(
            [
                f"{{%{dash} if {self._expression(2)} {dash}%}}{body}{{% endif %}}\n",
                f"{{% for x in {self._expression(2)} %}}{body}{{%{dash} endfor %}}",
                f"{{% for k, v in pairs({self._expression(1)}) %}}k{{= k =}} = 1\n{{% endfor %}}",
                f"{{% set x = {self._expression(3)} %}}",
                f"{{% if {self._expression(1)} %}}{{% else %}}{body}{{% endif %}}",
                f"{{% raw %}}{body}{{% endraw %}}",
                f"{{% filter {self.chance.choice(_FILTERS)} %}}{body}{{% endfilter %}}",
            ]
        )

    def _expression(self, depth: int) -> str:
        what = self.chance.randrange(6) if depth > 0 else 0
        if what < 2:
            return self.chance.choice(_EXPRESSIONS)
        if what == 2:
            sign = self.chance.choice(_OPERATORS)
            return f"{self._expression(depth - 1)} {sign} {self._expression(depth - 1)}"
        if what == 3:
            return f"({self._expression(depth - 1)}){self.chance.choice(_METHODS)}"
        if what == 4:
            return f"{self.chance.choice(['not ', '-', '#'])}{self._expression(depth - 1)}"
        return f"{self._expression(depth - 1)} | {self.chance.choice(_FILTERS)}"
