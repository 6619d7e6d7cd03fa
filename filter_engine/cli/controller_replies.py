"""What the controller's endpoints reply with: enough of it to tell a controller from others."""

from __future__ import annotations

from typing import Any, Final

_NUMBER: Final = (int, float)
_NUMBERS: Final = "scanned total_learns scan_errors store_failures uptime"
_OBJECTS: Final[dict[str, dict[str, type | tuple[type, ...]]]] = {
    "healthy": {"success": bool},
    "ready": {"config_id": str, "reload_error": (str, type(None))},
    "stat": {
        "version": str,
        "config_id": str,
        "scan_times": list,
        "actions": dict,
        "statfiles": list,
        "fuzzy_hashes": dict,
        **dict.fromkeys(_NUMBERS.split(), _NUMBER),
    },
    "history": {"rows": list},
}
"""Endpoint -> what its object has."""
_ROWS: Final[dict[str, dict[str, type | tuple[type, ...]]]] = {
    "counters": {"symbol": str, "weight": _NUMBER, "hits": int, "frequency": _NUMBER},
    "symbols": {"group": str, "rules": list},
    "maps": {"uri": str, "editable": bool, "description": str},
    "workers": {"kind": str, "name": str, "pid": int, "state": str, "sockets": list},
    "errors": {"ts": _NUMBER, "type": str, "pid": int, "module": str, "message": str},
    "changes": {"id": int, "time": _NUMBER, "who": str, "what": str, "target": str},
}
"""Endpoint -> what each row of its list has."""


def is_of_controller(endpoint: str, said: Any) -> bool:
    """Whether a reply to a GET has what this program's controller says there."""
    name = endpoint.partition("?")[0]
    if name in _OBJECTS:
        return _has(said, _OBJECTS[name])
    if name in _ROWS:
        return isinstance(said, list) and all(_has(row, _ROWS[name]) for row in said)
    return True


def _has(said: Any, wanted: dict[str, type | tuple[type, ...]]) -> bool:
    return isinstance(said, dict) and all(
        key in said and isinstance(said[key], kind) for key, kind in wanted.items()
    )
