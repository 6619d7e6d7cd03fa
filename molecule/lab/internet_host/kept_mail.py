#!/usr/bin/python3
"""What the receiving MX has kept. Usage: kept_mail.py STORE list|clear [ID ...], JSON out.

`list` prints [{facts of the envelope, "message": base64}, ...], oldest first, of all messages
or of those named; `clear` removes them and prints how many there were.
"""

import base64
import json
import sys
from pathlib import Path


def main():
    store, verb, chosen = Path(sys.argv[1]), sys.argv[2], set(sys.argv[3:])
    found = []
    for path in sorted(store.glob("*.json")):
        if chosen and path.stem not in chosen:
            continue
        message = path.with_suffix(".eml")
        try:
            if verb == "clear":
                path.unlink()
                message.unlink()
                found.append(path.stem)
            else:
                facts = json.loads(path.read_text())
                found.append({**facts, "message": base64.b64encode(message.read_bytes()).decode()})
        except FileNotFoundError:
            continue  # somebody else has just cleared it
    json.dump(len(found) if verb == "clear" else found, sys.stdout)


if __name__ == "__main__":
    main()
