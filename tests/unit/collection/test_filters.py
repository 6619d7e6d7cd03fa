"""to_ucl and dkim_txt; what is written is read back by independent readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dns.zone
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mailfleet.filter.plugins.filter.dkim_txt import dkim_txt
from ansible_collections.mailfleet.filter.plugins.filter.to_ucl import to_ucl
from hypothesis import given, settings
from hypothesis import strategies as st

from filter_engine.ucl import parse, to_python

from .conftest import Ansible


def test_every_kind_of_value() -> None:
    data = {
        "enabled": True,
        "off": False,
        "nothing": None,
        "count": 3,
        "score": -1.5,
        "timeout": "10s",
        "size": "20m",
        "name": 'a "quoted" \\ name',
        "version": "3",
        "servers": ["127.0.0.1", "[::1]:53"],
        "empty": [],
        "workers": {"normal": {"bind_socket": "*:11333"}},
        "rules": [{"symbol": "A", "score": 2}],
        "two words": 1,
        "lua": "return function()\n  return 1\nend",
    }
    assert to_ucl(data) == (
        "enabled = true;\n"
        "off = false;\n"
        "nothing = null;\n"
        "count = 3;\n"
        "score = -1.5;\n"
        "timeout = 10s;\n"
        "size = 20m;\n"
        'name = "a \\"quoted\\" \\\\ name";\n'
        'version = "3";\n'
        'servers = [\n    "127.0.0.1",\n    "[::1]:53",\n];\n'
        "empty = [];\n"
        "workers {\n    normal {\n"
        '        bind_socket = "*:11333";\n'
        "    }\n}\n"
        "rules = [\n    {\n"
        '        symbol = "A";\n'
        "        score = 2;\n"
        "    },\n];\n"
        '"two words" = 1;\n'
        "lua = <<EOD\nreturn function()\n  return 1\nend\nEOD;\n"
    )


@pytest.mark.parametrize("text", ["10s", "1.5h", "20M", "64kb", "-5min", "500ms", "1y"])
def test_numbers_with_a_suffix_stay_bare_unless_they_are_names(text: str) -> None:
    assert to_ucl({"a": text}) == f"a = {text};\n"
    assert to_ucl({"a": text}, suffixes=False) == f'a = "{text}";\n'


@pytest.mark.parametrize("text", ["10", "10 s", "10sec", "s", "1.5", "10s;", "0x10", "ten"])
def test_other_strings_are_quoted(text: str) -> None:
    assert to_ucl({"a": text}) == f'a = "{text}";\n'


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0$"), max_size=30)
KEY = TEXT.filter(bool)
DATA = st.dictionaries(
    KEY,
    st.recursive(
        st.one_of(
            st.booleans(),
            st.integers(-(2**53), 2**53),
            st.floats(-1e9, 1e9, allow_nan=False),
            TEXT,
            TEXT.map(lambda text: f"{text}\n{text}"),
        ),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(DATA)
def test_what_is_written_reads_back_the_same(data: dict[str, Any]) -> None:
    assert to_python(parse(to_ucl(data, suffixes=False))) == data


@pytest.mark.parametrize(
    "text", ["a\n", "\na", "a\n\n", "a\nEOD\nb", "EOD\n", "a\n EOD", "a\r\nb", "a\tb\nc", "\n"]
)
def test_lines_are_kept_exactly(text: str) -> None:
    assert to_python(parse(to_ucl({"a": text}))) == {"a": text}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (["a"], "the top level is a list"),
        ({"a": {"b": [1, object()]}}, r"a\.b\[1\]: a object has no form"),
        ({1: "a"}, "key 1 is not a text"),
        ({"a": float("nan")}, "not a finite number"),
        ({"a": "x\0"}, "NUL"),
        ({"a": b"x"}, "a bytes has no form"),
    ],
)
def test_what_has_no_form_names_its_place(data: object, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        to_ucl(data)


def test_data_without_end() -> None:
    data: dict[str, Any] = {}
    data["a"] = data
    with pytest.raises(AnsibleFilterError, match="nested more than 64 levels"):
        to_ucl(data)


LONG = "v=DKIM1; k=rsa; p=" + "MIIB" * 98  # 410 octets, as a key of 2048 bits


def test_a_long_key_is_split_and_reads_back() -> None:
    strings = dkim_txt(LONG, form="strings")
    assert [len(one) for one in strings] == [255, 155]
    line = dkim_txt(LONG, record_name="s1._domainkey.example.net", ttl=3600)
    assert isinstance(line, str)
    assert line.startswith("s1._domainkey.example.net. 3600 IN TXT ( ")
    zone = dns.zone.from_text(line, origin="example.net.", check_origin=False, relativize=False)
    record = next(iter(zone.iterate_rdatas("TXT")))[2]
    assert b"".join(record.strings).decode() == LONG


@pytest.mark.parametrize("value", [LONG, "v=DKIM1; p=", 'a"b\\c; d', ""])
def test_zone_data_reads_back(value: str) -> None:
    data = dkim_txt(value)
    assert isinstance(data, str)
    zone = dns.zone.from_text(
        f"x. 60 TXT {data}", origin="x.", check_origin=False, relativize=False
    )
    record = next(iter(zone.iterate_rdatas("TXT")))[2]
    assert b"".join(record.strings).decode() == value


def test_a_mapping_of_a_key() -> None:
    assert dkim_txt({"algorithm": "ed25519", "public_key": "AAAA"}, form="strings") == [
        "v=DKIM1; k=ed25519; p=AAAA"
    ]


@pytest.mark.parametrize(
    ("value", "more", "words"),
    [
        (7, {}, "is a int, not a text"),
        ("a\nb", {}, "printable ASCII"),
        ("ü", {}, "printable ASCII"),
        ("a", {"form": "yaml"}, "none of zone, strings"),
        ({"algorithm": "dsa", "public_key": "AAAA"}, {}, "none of rsa, ed25519"),
        ({"algorithm": "rsa", "public_key": "?"}, {}, "dkim_txt: "),
    ],
)
def test_what_is_no_key(value: object, more: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        dkim_txt(value, **more)


def test_the_filters_in_ansible(ansible: Ansible, tmp_path: Path) -> None:
    variables = json.dumps(
        {"data": {"timeout": "10s", "l": [1]}, "key": LONG, "ansible_connection": "local"}
    )
    template = (
        "{{ data | mailfleet.filter.to_ucl }}|"
        "{{ key | mailfleet.filter.dkim_txt(form='strings') | length }}"
    )
    done = ansible.run(
        *("ansible", "localhost", "-i", "localhost,", "-m", "ansible.builtin.debug"),
        *("-e", variables, "-a", json.dumps({"msg": template})),
        ANSIBLE_CALLBACK_RESULT_FORMAT="json",
    )
    assert done.returncode == 0, done.stderr + done.stdout
    result = json.loads(done.stdout[done.stdout.index("{") :])
    assert result["msg"] == "timeout = 10s;\nl = [\n    1,\n];\n|2"
