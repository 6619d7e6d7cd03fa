"""The scan reply of ``/checkv2`` and its older shapes, both ways.

Source: Rspamd's protocol documentation and replies of Rspamd 3.4. A reply read from the network is
checked field by field: what does not fit raises ``ReplyError``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import orjson

from filter_engine.scan.verdict import (
    Action,
    AddHeader,
    HeaderEdits,
    RemoveHeader,
    SymbolResult,
    Verdict,
)
from filter_engine.scan.verdict_rows import verdict_rows
from filter_engine.wire.text import data_as_unicode

MAX_REPLY = 8 * 1024 * 1024
"""Octets of a reply that are read at all."""
MAX_SYMBOLS = 10_000
MAX_HEADERS = 1_000
MAX_ITEMS = 100_000
"""URLs, addresses, options."""

T = TypeVar("T")


class ReplyError(ValueError):
    """A scan reply that cannot be trusted; the message says which field is wrong."""


def reply_json(verdict: Verdict) -> bytes:
    """The JSON of ``/checkv2``."""
    return _json(_reply(verdict))


def as_dict(verdict: Verdict) -> dict[str, Any]:
    """The reply of ``/checkv2`` as plain data."""
    reply: dict[str, Any] = data_as_unicode(_reply(verdict))
    return reply


def _json(reply: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(reply)
    except TypeError:  # half characters, which are looked for only then
        return orjson.dumps(data_as_unicode(reply))


def _reply(verdict: Verdict) -> dict[str, Any]:
    """The reply with texts as they were found."""
    reply: dict[str, Any] = {
        "is_skipped": verdict.skipped,
        "score": verdict.score,
        "required_score": None if math.isnan(verdict.required_score) else verdict.required_score,
        "action": verdict.action.value,
        "symbols": verdict_rows(verdict.symbols),
        "messages": verdict.messages,
    }
    if verdict.subject is not None:
        reply["subject"] = verdict.subject
    if verdict.urls:
        reply["urls"] = verdict.urls
    if verdict.emails:
        reply["emails"] = verdict.emails
    if verdict.message_id is not None:
        reply["message-id"] = verdict.message_id
    reply["time_real"] = verdict.time_real
    if verdict.signatures:
        signatures = verdict.signatures
        reply["dkim-signature"] = signatures[0] if len(signatures) == 1 else signatures
    milter = _milter(verdict.edits)
    if milter:
        reply["milter"] = milter
    return reply


def reply_json_v1(verdict: Verdict) -> bytes:
    """The JSON of ``/check`` and ``/symbols``: everything under ``default``."""
    metric: dict[str, Any] = {
        "is_spam": verdict.action is Action.REJECT,
        "is_skipped": verdict.skipped,
        "score": verdict.score,
        "required_score": None if math.isnan(verdict.required_score) else verdict.required_score,
        "action": verdict.action.value,
    }
    for name, row in verdict_rows(verdict.symbols).items():
        metric[name] = {key: value for key, value in row.items() if key != "metric_score"}
    whole = _reply(verdict)
    rest = {
        _V1_NAMES.get(key, key): value
        for key, value in whole.items()
        if key not in metric and key != "symbols"
    }
    return _json({"default": metric, **rest})


_V1_NAMES = {"milter": "rmilter"}
"""What version 1 of the protocol calls differently."""


def _milter(edits: HeaderEdits) -> dict[str, Any]:
    add: dict[str, Any] = {}
    for header in edits.add:
        item = {"order": header.order, "value": header.value}
        name = header.name
        known = add.setdefault(name, item)
        if known is not item:
            add[name] = [*known, item] if isinstance(known, list) else [known, item]
    places: dict[str, list[int]] = {}
    for removal in edits.remove:
        places.setdefault(removal.name, []).append(removal.index)
    remove = {name: found[0] if len(found) == 1 else found for name, found in places.items()}
    milter: dict[str, Any] = {}
    if remove:
        milter["remove_headers"] = remove
    if add:
        milter["add_headers"] = add
    return milter


def parse_reply(data: bytes) -> Verdict:
    """Read a ``/checkv2`` reply of this engine or of Rspamd; raises ``ReplyError``."""
    if len(data) > MAX_REPLY:
        raise ReplyError(f"reply of {len(data)} octets (at most {MAX_REPLY})")
    try:
        reply = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ReplyError(f"not JSON: {error}") from None
    if not isinstance(reply, dict):
        raise ReplyError("not a JSON object")
    action = _get(reply, "action", str, None)
    if action is None:
        raise ReplyError("no action (is the server a scan worker?)")
    try:
        parsed_action = Action.parse(action)
    except ValueError:
        raise ReplyError(f"unknown action {action[:40]!r}") from None
    milter = _mapping(reply, "milter", MAX_HEADERS)
    required = reply.get("required_score")
    return Verdict(
        action=parsed_action,
        score=_number(reply.get("score", 0.0), "score"),
        required_score=math.nan if required is None else _number(required, "required_score"),
        symbols=tuple(
            _parse_symbol(name, value)
            for name, value in _mapping(reply, "symbols", MAX_SYMBOLS).items()
        ),
        messages={
            key: text
            for key, text in _mapping(reply, "messages", MAX_HEADERS).items()
            if isinstance(text, str)
        },
        subject=_get(reply, "subject", str, None),
        urls=_urls(reply.get("urls", [])),
        emails=_strings(reply.get("emails", []), "emails"),
        message_id=_get(reply, "message-id", str, None),
        time_real=_number(reply.get("time_real", 0.0), "time_real"),
        skipped=_get(reply, "is_skipped", bool, False) or False,
        edits=HeaderEdits(tuple(_additions(milter)), tuple(_removals(milter))),
        signatures=_one_or_many(reply.get("dkim-signature"), "dkim-signature"),
    )


def _parse_symbol(name: str, value: Any) -> SymbolResult:
    where = f"symbol {name[:40]}"
    if not isinstance(value, dict):
        raise ReplyError(f"{where} is not an object")
    score = _number(value.get("score", 0.0), where)
    return SymbolResult(
        name=name,
        score=score,
        metric_score=_number(value.get("metric_score", score), where),
        description=_get(value, "description", str, "") or "",
        options=_strings(value.get("options", []), where),
    )


def _additions(milter: Mapping[str, Any]) -> Iterable[AddHeader]:
    for name, value in _mapping(milter, "add_headers", MAX_HEADERS).items():
        items = value if isinstance(value, list) else [value]
        if len(items) > MAX_HEADERS:
            raise ReplyError(f"{len(items)} headers {name[:40]}")
        for item in items:
            if isinstance(item, str):
                yield AddHeader(_header_name(name), item)
            elif isinstance(item, dict) and isinstance(item.get("value"), str):
                order = item.get("order", -1)
                yield AddHeader(_header_name(name), item["value"], _index(order, name))
            else:
                raise ReplyError(f"added header {name[:40]} has no text")


def _removals(milter: Mapping[str, Any]) -> Iterable[RemoveHeader]:
    for name, index in _mapping(milter, "remove_headers", MAX_HEADERS).items():
        for one in index if isinstance(index, list) else [index]:
            yield RemoveHeader(_header_name(name), _index(one, name))


def _header_name(name: str) -> str:
    if not name or len(name) > 998 or not all("!" <= c <= "~" and c != ":" for c in name):
        raise ReplyError(f"{name[:40]!r} is not a header field name")
    return name


def _index(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -10_000 <= value <= 10_000:
        raise ReplyError(f"header {where[:40]}: {value!r:.40} is no position")
    return value


def _get(reply: Mapping[str, Any], key: str, kind: type[T], default: T | None) -> T | None:
    value = reply.get(key, default)
    if value is None or isinstance(value, kind):
        return value
    raise ReplyError(f"{key} is not of type {kind.__name__}")


def _mapping(reply: Mapping[str, Any], key: str, limit: int) -> dict[str, Any]:
    value = reply.get(key)
    if value is None or value == []:  # Lua writes an empty table as an array
        return {}
    if not isinstance(value, dict):
        raise ReplyError(f"{key} is not an object")
    if len(value) > limit:
        raise ReplyError(f"{len(value)} entries in {key} (at most {limit})")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ReplyError(f"{where}: {value!r:.40} is not a number")
    return float(value)


def _strings(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise ReplyError(f"{where} is not a list of at most {MAX_ITEMS} texts")
    return tuple(item if isinstance(item, str) else orjson.dumps(item).decode() for item in value)


def _urls(value: Any) -> tuple[str, ...]:
    """Plain texts, or the objects of ``URL-Format: extended``."""
    if isinstance(value, list):
        value = [url.get("url", "") if isinstance(url, dict) else url for url in value]
    return _strings(value, "urls")


def _one_or_many(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or len(value) > MAX_HEADERS:
        raise ReplyError(f"{where} is neither a text nor a list")
    if not all(isinstance(item, str) for item in value):
        raise ReplyError(f"{where} holds something that is no text")
    return tuple(value)
