"""The environment of mlan/docker-rspamd: variables that name files of ``local.d``.

A variable's name in lower case is a file's, ``_`` for ``_`` and ``-``; its value is what the file
holds.
Names besides those, their defaults and their meaning: the README and the scripts of that project.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import field

from filter_engine.importers.dkim_names import is_dkim_name
from filter_engine.importers.metric_file import OLD_NAMES, split_metric
from filter_engine.importers.outcome import ImportFaultError, Outcome, Remark
from filter_engine.importers.redact import without_words_of
from filter_engine.importers.site_files import RSPAMD_ONLY
from filter_engine.importers.statements import without_macros
from filter_engine.lazy_dataclass import mutable
from filter_engine.ucl import UclError, UclObject, UclScalar, parse

DEFAULT_SYSLOG_LEVEL = 5
#: Syslog's severities 0 to 7 -> the engine's level that logs as much.
LOG_LEVELS = ("error", "error", "error", "error", "warning", "notice", "info", "debug")
#: Quietest first; what is missing here is "silent".
_VERBOSITY = ("error", "warning", "notice", "info", "debug")

#: Where the keys are, as in that image; the engine expands ``$DBDIR`` and, signing, the others.
KEY_PATH = "$DBDIR/dkim/$domain.$selector.key"
DEFAULT_SELECTOR = "default"

#: Names that configure that image and no file, with what became of them here.
_ELSEWHERE = {
    "FORCE_CONFIG": "",
    "DOCKER_UNLOCK_FILE": "the mark that seeding is done is LOCAL_CONFDIR/.seeded here",
    "KOPANO_SPAMD_LIB": "run: filter-engine learn watch --spam DIR/spam --ham DIR/ham",
    "MIGRATE_CONFIG": "run: filter-engine migrate DIR",
}
_METRICS = tuple(name.partition(".")[0].upper() for name in OLD_NAMES)


def variable_of(file: str) -> str:
    """The variable that names a file: ``WORKER_CONTROLLER`` of ``worker-controller.inc``."""
    return file.rpartition(".")[0].replace("-", "_").upper()


def import_environment(
    environ: Mapping[str, str],
    file: str,
    known: Iterable[str],
    lines: Mapping[str, int] | None = None,
) -> Outcome:
    """Files of ``local.d`` from an environment.

    ``known`` are the base names a site may write (``site_files``); ``lines`` tells where in
    ``file`` a variable stands. Raises ``ImportFaultError`` with every value that is no UCL.
    """
    work = _Import(dict(environ), file, {variable_of(name): name for name in sorted(known)})
    work.lines = lines or {}
    work.run()
    if work.faults:
        first = work.faults[0]
        rest = "".join(f"\n{fault}" for fault in work.faults[1:])
        raise ImportFaultError(first.message, first.file, first.line, f"{first.hint}{rest}")
    work.outcome.remarks.sort()
    return work.outcome


@mutable
class _Import:
    environ: dict[str, str]
    file: str
    names: dict[str, str]
    lines: Mapping[str, int] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=Outcome)
    faults: list[ImportFaultError] = field(default_factory=list)

    def run(self) -> None:
        for variable in sorted(self.environ):
            value = self.environ[variable]
            if variable != variable.upper() or not value.strip():
                continue
            if variable in self.names:
                if self.parsed(variable) is not None:
                    self.write(self.names[variable], variable, value)
            elif variable in _ELSEWHERE:
                if _ELSEWHERE[variable]:
                    self.remark(variable, _ELSEWHERE[variable])
            elif variable not in _METRICS and not self.is_own(variable):
                self.near_miss(variable)
        self.metric()
        self.log_level()
        self.dkim()

    def write(self, name: str, variable: str, text: str) -> None:
        path = f"local.d/{name}"
        before = self.outcome.files.get(path, "")
        self.outcome.files[path] = f"{before}# {variable}\n{text.rstrip()}\n"

    def remark(self, variable: str, reason: str, *, lost: bool = True) -> None:
        self.outcome.remarks.append(
            Remark(self.file, self.lines.get(variable, 0), variable, reason, lost)
        )

    def fault(self, variable: str, reason: str, hint: str) -> None:
        line = self.lines.get(variable, 0)
        self.faults.append(ImportFaultError(f"{variable}: {reason}", self.file, line, hint))

    def parsed(self, variable: str) -> UclObject | None:
        """The value as a section; a fault, which shows nothing of the value, where it is none."""
        value = self.environ[variable]
        try:
            return parse(without_macros(value), variable)
        except UclError as error:
            at = f" (line {error.line}, column {error.column} of the value)" if error.line else ""
            self.fault(
                variable,
                f"{without_words_of(value, error.message)}{at}",
                "the value is the text of a configuration file: option = value;",
            )
            return None

    @staticmethod
    def is_own(variable: str) -> bool:
        return variable == "SYSLOG_LEVEL" or variable.startswith("DKIM_")

    def near_miss(self, variable: str) -> None:
        """An environment has many variables; tell only of those that look like a misspelt one."""
        if variable in {variable_of(name) for name in RSPAMD_ONLY}:
            self.remark(variable, "Rspamd's file of this name is not served")
            return
        known = [*self.names, *_METRICS, "SYSLOG_LEVEL", *_ELSEWHERE]
        close = difflib.get_close_matches(variable, known, n=1, cutoff=0.87)
        if close:
            self.remark(variable, f"no file has this name; did you mean {close[0]}?")

    # -- METRIC, METRICS ------------------------------------------------------------------------

    def metric(self) -> None:
        given = [name for name in _METRICS if self.environ.get(name, "").strip()]
        counts, ignored = given[-1:], given[:-1]
        if "local.d/actions.conf" in self.outcome.files:
            counts, ignored = [], given
        for name in ignored:
            self.remark(name, f"{counts[0] if counts else 'ACTIONS'} is set as well and counts")
        for name in counts:
            if self.parsed(name) is None:
                return
            parts = split_metric(self.environ[name])
            if parts.actions:
                self.write("actions.conf", name, parts.actions)
            if parts.groups:
                self.write("groups.conf", name, parts.groups)
            for key, line in parts.lost:
                self.remark(name, f"{key} (line {line} of the value) is no setting of actions.conf")

    # -- SYSLOG_LEVEL ---------------------------------------------------------------------------

    def log_level(self) -> None:
        given = self.environ.get("SYSLOG_LEVEL", "").strip()
        if given and given not in {str(number) for number in range(len(LOG_LEVELS))}:
            self.fault("SYSLOG_LEVEL", "not a number from 0 to 7", "5 is notice, 7 is debug")
            return
        level = LOG_LEVELS[int(given or DEFAULT_SYSLOG_LEVEL)]
        logging = self.names.get("LOGGING", "logging.inc")
        if self.environ.get("LOGGING", "").strip():
            if f"local.d/{logging}" not in self.outcome.files:
                return  # a fault, told already
            own = parse(without_macros(self.environ["LOGGING"])).get("level")
            if isinstance(own, UclScalar):
                if given and _verbosity(own.value) > _verbosity(level):
                    self.remark("SYSLOG_LEVEL", f"LOGGING sets a level; this one asks for {level}")
                return
        if not given and f"local.d/{logging}" not in self.outcome.files:
            self.outcome.defaults.add(f"local.d/{logging}")
        comment = "SYSLOG_LEVEL" if given else f"SYSLOG_LEVEL is {DEFAULT_SYSLOG_LEVEL} by default"
        self.write(logging, comment, f'level = "{level}";')

    # -- DKIM -----------------------------------------------------------------------------------

    def dkim(self) -> None:
        domain = self.environ.get("DKIM_DOMAIN", "").strip()
        chosen = self.environ.get("DKIM_SELECTOR", "").strip()
        bits = self.environ.get("DKIM_KEYBITS", "").strip()
        selector = chosen or DEFAULT_SELECTOR
        if bits and not bits.isdigit():
            self.fault("DKIM_KEYBITS", "not a number of bits", "2048")
        elif bits:
            self.outcome.variables["dkim_keys_rsa_bits"] = int(bits)
            self.remark("DKIM_KEYBITS", "only the role variable: no key is made here")
        if not domain:
            for name in ("DKIM_SELECTOR", "DKIM_PRIVATEKEY"):
                if self.environ.get(name, "").strip():
                    self.remark(name, "there is no DKIM_DOMAIN to sign for")
            return
        named = {"DKIM_DOMAIN": domain, "DKIM_SELECTOR": selector}
        wrong = [name for name, value in named.items() if not is_dkim_name(value)]
        for name in wrong:
            what = name.removeprefix("DKIM_").lower()
            self.fault(name, f"not a {what}", "letters, digits, - and _ between dots")
        if wrong:
            return
        self.outcome.variables["dkim_keys_domains"] = [domain]
        self.outcome.variables["dkim_keys_selectors"] = [{"selector": selector}]
        key = KEY_PATH.replace("$domain", domain).replace("$selector", selector)
        if "DKIM_SIGNING" in self.environ and self.environ["DKIM_SIGNING"].strip():
            self.remark("DKIM_DOMAIN", "DKIM_SIGNING is set as well and counts")
        else:
            self.write(
                self.names.get("DKIM_SIGNING", "dkim_signing.conf"),
                "DKIM_DOMAIN",
                f"domain {{\n    {json.dumps(domain)} {{\n        path = {json.dumps(KEY_PATH)};\n"
                f"        selector = {json.dumps(selector)};\n    }}\n}}",
            )
            moved = f"the key is read from {key}; that image has it below /var/lib/rspamd/dkim"
            self.remark("DKIM_DOMAIN", moved, lost=False)
        if self.environ.get("DKIM_PRIVATEKEY", "").strip():
            self.remark("DKIM_PRIVATEKEY", f"private keys are not written: put it into {key}, 0640")


def _verbosity(level: object) -> int:
    return _VERBOSITY.index(level) if level in _VERBOSITY else -1
