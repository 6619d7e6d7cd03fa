"""Teaches the classifier of the host it runs on, with the engine's own Python.

A line {"spam": bool, "text": message, "bulk": bool} is answered by {"ok", "status", "detail"}.
"""

from __future__ import annotations

import asyncio
import json
import sys

from filter_engine.cli.loading import load_config
from filter_engine.training.teacher import chosen, teacher

variables = {
    "LOCAL_CONFDIR": "/etc/filter_engine",
    "DBDIR": "/var/lib/filter_engine",
    "LOGDIR": "/var/log/filter_engine",
    "RUNDIR": "/run/filter_engine",
}


async def main() -> None:
    """Answer every line."""
    config = load_config(None, variables)
    loop = asyncio.get_running_loop()
    with teacher(config, chosen(config)) as one:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            asked = json.loads(line)
            lesson = await one.learn(
                asked["text"].encode(), spam=asked["spam"], bulk=asked.get("bulk", False)
            )
            said = {"ok": lesson.ok, "status": lesson.status.value, "detail": lesson.detail}
            print(json.dumps(said), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
