"""What the exit status of ``filter-engine`` means: for its commands, its manual and its tests."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
PARTLY: Final = 3
DIFFERENT: Final = 4
REFUSED: Final = 78
"""EX_CONFIG (sysexits.h)."""
INTERRUPTED: Final = 130

MEANINGS: Final = {
    DONE: "Done; of a question: yes.",
    FAILED: "The work failed, or the answer is no (health, ready, configtest, fuzzy check, ...).",
    USAGE: "The command was not written as it must be; of dns and configdump --diff-from also: "
    "what is to be compared cannot be had.",
    PARTLY: "Done in part: import and migrate left something to be done by hand; scan, explain and "
    "diff have a recording that lacks an answer.",
    DIFFERENT: "diff --exit-code: a verdict differs.",
    REFUSED: "serve and learn watch: the configuration is refused (learn watch: or has no "
    "classifier that learns); a start without a change of it is in vain.",
    INTERRUPTED: "Interrupted by Ctrl-C.",
}
"""Each status that a command ends with. What a command adds to this stands in its ``--help``."""
