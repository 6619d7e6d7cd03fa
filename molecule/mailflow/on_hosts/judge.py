"""Asks the scanner of the host it runs on, as fast as it is asked itself.

A line {"text": message} is answered by {"symbols": {name: score}, "action"}; with "wanted", the
name of a symbol, the scanner is asked until it fires, at most "patience" seconds: then "took"
is said.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from typing import Any


def judge(text: str) -> dict[str, Any]:
    """The scanner's symbols and action; with an error instead when it is not there."""
    connection = http.client.HTTPConnection("127.0.0.1", 11333, timeout=10)
    try:
        connection.request("POST", "/checkv2", text.encode())
        said = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        return {"symbols": {}, "action": "", "error": str(error)}
    finally:
        connection.close()
    symbols = {name: one.get("score", 0.0) for name, one in said.get("symbols", {}).items()}
    return {"symbols": symbols, "action": said.get("action", "")}


def main() -> None:
    """Answer every line."""
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.monotonic()
        while True:
            verdict = judge(asked["text"])
            took = time.monotonic() - began
            wanted = asked.get("wanted")
            if wanted is None or wanted in verdict["symbols"] or took > asked["patience"]:
                break
            time.sleep(0.02)
        print(json.dumps({**verdict, "took": took}), flush=True)


if __name__ == "__main__":
    main()
