"""The files of ``local.d`` and ``override.d`` that the shipped tree reads, as the loader asks."""

from __future__ import annotations

import os
from collections.abc import Iterable

from filter_engine.config.declared_files import declared_files
from filter_engine.config.variables import MAIN_FILE, build_variables
from filter_engine.ucl.document import parse_file
from filter_engine.ucl.errors import UclError

#: Files that Rspamd's own tree (3.4) includes and this one does not.
RSPAMD_ONLY = frozenset(
    {
        "cgp.inc",
        "fann_redis.conf",
        "lang_detection.inc",
        "metrics.conf",
        "worker-hs_helper.inc",
    }
)


def site_files(modules: Iterable[str] = (), groups: Iterable[str] = ()) -> frozenset[str]:
    """The base names, e.g. ``actions.conf``; ``modules`` and ``groups`` are the checks' own.

    No site is read: the names are those the includes of the shipped tree ask for.
    """
    variables = build_variables({"LOCAL_CONFDIR": os.devnull})
    errors: list[UclError] = []
    document = parse_file(
        os.path.join(variables["CONFDIR"], MAIN_FILE),
        variables=variables,
        texts=declared_files(variables["CONFDIR"], modules, groups),
        errors=errors,
    )
    return frozenset(
        os.path.basename(path)
        for path in document.asked
        if os.path.basename(os.path.dirname(path)) == "local.d"
    )
