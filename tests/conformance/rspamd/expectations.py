"""Compares a reply with what a case expects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .cases import Case
from .requests import Reply


def faults(case: Case, reply: Reply) -> list[str]:
    """What of the reply is not as expected; empty when all is."""
    expect = case.expect
    return [
        *_status(expect, reply),
        *_symbols(expect, reply.data.get("symbols") or {}),
        *_values(expect, reply.data),
        *_contents(expect, reply),
        *_texts(expect, reply),
        *_assertions(expect, reply),
    ]


def _status(expect: Mapping[str, Any], reply: Reply) -> Iterator[str]:
    wanted = expect.get("http_status")
    fails = any(int(a["value"]) for a in expect.get("assert", ()) if a["of"] == "rspamcrc")
    if fails:
        if reply.status < 400:
            yield f"status {reply.status}, expected an error"
    elif wanted is not None:
        if reply.status != wanted:
            yield f"status {reply.status}, expected {wanted}: {reply.text[:200]}"
    elif reply.status != 200 and expect.get("success", True) and not expect.get("assert"):
        yield f"status {reply.status}: {reply.text[:200]}"
    if "success" in expect:
        said = reply.data.get("success")
        ok = said is True or (reply.status == 200 and said is None and "error" not in reply.data)
        if ok is not expect["success"]:
            yield f"success is {ok}: {reply.text[:200]}"


def _symbols(expect: Mapping[str, Any], symbols: Mapping[str, Any]) -> Iterator[str]:
    for name, wanted in expect.get("symbols", {}).items():
        if name not in symbols:
            yield f"{name} is missing (there are: {', '.join(sorted(symbols))[:600]})"
            continue
        options = [str(option) for option in symbols[name].get("options") or ()]
        score = symbols[name].get("score", 0)
        if "score" in wanted and abs(score - float(wanted["score"])) > 1e-3:
            yield f"{name} scores {score}, expected {wanted['score']}"
        exact = wanted.get("options_exact")
        if exact is not None and sorted(options) != sorted(exact):
            yield f"{name} has the options {options}, expected {exact}"
        for option in wanted.get("options_contain", ()):
            if option not in options:
                yield f"{name} lacks the option {option!r}: {options}"
    for name in expect.get("not_symbols", ()):
        if name in symbols:
            yield f"{name} is set: {symbols[name].get('options')}"
    for name, option in expect.get("not_symbol_options", ()):
        if option in [str(known) for known in symbols.get(name, {}).get("options") or ()]:
            yield f"{name} has the option {option!r}"
    either = [name for _, name in expect.get("either", ())]
    if either and not any(name in symbols for name in either):
        yield f"none of {either} is set"


def _values(expect: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    if "action" in expect and data.get("action") != expect["action"]:
        yield f"action {data.get('action')!r}, expected {expect['action']!r}"
    for key in ("score", "required_score"):
        if key in expect and float(data.get(key) or 0) != float(expect[key]):
            yield f"{key} {data.get(key)}, expected {expect[key]}"


def _contents(expect: Mapping[str, Any], reply: Reply) -> Iterator[str]:
    urls = [
        url.get("url") if isinstance(url, dict) else url for url in reply.data.get("urls") or ()
    ]
    for url in (*expect.get("urls", ()), *expect.get("extended_urls", ())):
        if url not in urls:
            yield f"URL {url} is missing: {urls[:8]}"
    for email in expect.get("emails", ()):
        if email not in (reply.data.get("emails") or ()):
            yield f"e-mail {email} is missing: {reply.data.get('emails')}"


def _texts(expect: Mapping[str, Any], reply: Reply) -> Iterator[str]:
    text = reply.text.lower()
    for wanted in expect.get("output_contains", ()):
        # rspamc, which the suites call, prints the reply in its own words
        shown = '"scanned"' if wanted.startswith("Messages scanned") else wanted
        if shown.rstrip(":").lower() not in text:
            yield f"no {shown!r} in the reply"
    for unwanted in expect.get("output_not_contains", ()):
        if unwanted.rstrip(":").lower() in text:
            yield f"{unwanted!r} in the reply"


def _assertions(expect: Mapping[str, Any], reply: Reply) -> Iterator[str]:
    for said in expect.get("assert", ()):
        found = _found(said["of"], reply)
        wanted = str(said.get("value", ""))
        holds = {
            "Should Contain": lambda found=found, wanted=wanted: wanted.lower() in found.lower(),
            "Should Start With": lambda found=found, wanted=wanted: found.startswith(wanted),
            "Should Be Equal": lambda found=found, wanted=wanted: found == wanted,
            "Should Be Equal As Integers": lambda f=found, w=wanted: int(f or 0) == int(w),
            "is_json_object_nonempty_no_error": lambda: (
                bool(reply.data) and "error" not in reply.data
            ),
        }[said["op"]]
        if said["of"] != "rspamcrc" and not holds():
            yield f"{said['of']} is {found[:200]!r}; {said['op']} {wanted!r}"


def _found(what: str, reply: Reply) -> str:
    """What an assertion of a suite is about."""
    if what.startswith("http[2]["):
        return reply.headers.get(what.removeprefix("http[2][").rstrip("]").lower(), "")
    kind = reply.headers.get("content-type", "")
    return {
        "scan_info[status]": str(reply.status),
        "scan_info[content_type]": kind,
        "scan_info[vary]": reply.headers.get("vary", ""),
        "scan_info[parser]": _parser(kind),
        "scan_info[result_ctype]": _part_header(reply, "content-type"),
        "scan_info[part_encodings]": _part_header(reply, "content-encoding"),
    }.get(what, reply.text)


def _parser(kind: str) -> str:
    if kind.startswith("multipart/form-data"):
        return "form-data"
    if kind.startswith("multipart/"):
        return "mime"
    return "msgpack" if "msgpack" in kind else "json"


def _part_header(reply: Reply, name: str) -> str:
    """Headers of that name in the parts of the reply."""
    lines = reply.body.decode("latin-1").split("\r\n")
    named = (line.partition(":") for line in lines)
    return ",".join(value.strip() for key, _, value in named if key.strip().lower() == name)
