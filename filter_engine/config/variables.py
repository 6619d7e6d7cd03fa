"""The variables of a configuration and where the shipped tree lies."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from filter_engine import __version__

SHIPPED = Path(__file__).parent.parent / "conf"
"""The directory of the shipped tree, part of the package."""

MAIN_FILE = "filter_engine.conf"
SITE_DIRECTORY = Path("/etc/filter_engine")
"""``LOCAL_CONFDIR`` of an installed system; a site without it runs on the built-in defaults."""

IN_ENVIRONMENT: Final = "FILTER_ENGINE_VARIABLES"
"""Environment variable with a JSON object of variables, for values that are nobody else's business:
the process list shows what ``--var`` says to everybody, an environment to the same user alone."""

VARIABLES = frozenset(
    """
    BRANCH_VERSION CONFDIR DBDIR HOSTNAME LOCAL_CONFDIR LOGDIR LUALIBDIR PLUGINSDIR PREFIX RULESDIR
    RUNDIR SHAREDIR VERSION WWWDIR
    """.split()  # noqa: SIM905  # a table to read
)
"""The variables that mean something without any file that uses them."""


def build_variables(given: Mapping[str, str]) -> dict[str, str]:
    """All variables a file may use: the defaults, then ``given`` (those of ``--var``).

    ``LOCAL_CONFDIR`` is absent when it is not given and the site directory does not exist.
    """
    package = SHIPPED.parent
    variables = {
        "CONFDIR": str(SHIPPED),
        "DBDIR": "/var/lib/filter_engine",
        "RUNDIR": "/run/filter_engine",
        "LOGDIR": "/var/log/filter_engine",
        "SHAREDIR": str(package),
        "RULESDIR": str(package / "rules"),
        "PLUGINSDIR": str(package / "plugins"),
        "LUALIBDIR": str(package / "lualib"),
        "WWWDIR": str(package / "webui"),
        "PREFIX": "/usr",
        "HOSTNAME": socket.gethostname(),
        "VERSION": __version__,
        "BRANCH_VERSION": "3",  # the branch of Rspamd whose configuration is read
    }
    if SITE_DIRECTORY.is_dir():
        variables["LOCAL_CONFDIR"] = str(SITE_DIRECTORY)
    return variables | dict(given)
