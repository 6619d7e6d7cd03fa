"""The files a site may write for each module and each group, derived from what is declared.

``groups.conf`` and ``modules.conf`` of the shipped tree include two texts that no file holds:
``$CONFDIR/declared_groups.conf`` and ``$CONFDIR/declared_modules.conf``. They have one section for
each module and group that a check declares or Rspamd knows, with the includes of the three layers;
before them stands what the module itself comes with, ``$CONFDIR/modules.d/MODULE.conf``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping

from filter_engine.config.sections import FOREIGN_GROUPS, FOREIGN_MODULES

GROUPS_FILE = "declared_groups.conf"
MODULES_FILE = "declared_modules.conf"

#: Priorities of the layers: local.d merges and is weakest, override.d replaces. What the controller
#: saved is merged too, or one saved score would replace all that an operator wrote.
_INCLUDES = """\
    .include(try=true; priority=5,duplicate=merge) "$DBDIR/dynamic/{file}"
    .include(try=true; priority=1,duplicate=merge) "$LOCAL_CONFDIR/local.d/{file}"
    .include(try=true; priority=10) "$LOCAL_CONFDIR/override.d/{file}"
"""
_NOT_IN_FILE_NAMES = re.compile(r"[^a-z0-9_]+")


def group_file(group: str) -> str:
    """The file of a group in local.d and override.d: ``message_id_group.conf`` of "Message ID"."""
    return f"{_NOT_IN_FILE_NAMES.sub('_', group.lower())}_group.conf"


def module_file(module: str) -> str:
    """The file of a module in local.d and override.d."""
    return f"{module}.conf"


def declared_files(
    directory: str, modules: Iterable[str], groups: Iterable[str]
) -> Mapping[str, str]:
    """Absolute path -> text of the derived files of the shipped tree in ``directory``."""
    base = os.path.abspath(directory)
    in_groups = "".join(
        _section(name, group_file(name)) for name in sorted(FOREIGN_GROUPS.union(groups))
    )
    in_modules = (
        _section(name, module_file(name), _shipped(base, name))
        for name in sorted(FOREIGN_MODULES.union(modules))
    )
    return {
        os.path.join(base, GROUPS_FILE): f"group {{\n{in_groups}}}\n",
        os.path.join(base, MODULES_FILE): "".join(in_modules),
    }


def _section(name: str, file: str, first: str = "") -> str:
    # a JSON string is a UCL key
    return f"{json.dumps(name)} {{\n{first}{_INCLUDES.format(file=file)}}}\n"


def _shipped(base: str, module: str) -> str:
    """The include of the file a module comes with (``modules.d/MODULE.conf``), if it has one."""
    file = os.path.join("modules.d", module_file(module))
    if not os.path.isfile(os.path.join(base, file)):
        return ""
    return f'    .include "$CONFDIR/{file}"\n'
