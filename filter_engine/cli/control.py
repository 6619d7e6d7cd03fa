"""``filter-engine control``: have a running filter do something to itself."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from filter_engine.cli.options import fail
from filter_engine.cli.remote import AskError, Controller, controller_of, remote_options
from filter_engine.cli.shown_findings import count, print_findings, read_finding
from filter_engine.cli.tables import word

if TYPE_CHECKING:
    from filter_engine.config.findings import Finding
    from filter_engine.config.model import Config

F = TypeVar("F", bound=Callable[..., Any])
_PAUSE: Final = 0.2
"""Seconds between two looks."""
_CONFIGTEST_TIME: Final = 70.0
"""Seconds that a controller may take before it answers: it runs configtest."""
_SUPERVISOR: Final = "fe: supervisor"
"""The name of the process that takes SIGHUP (proc(5): comm)."""


@click.group()
def control() -> None:
    """Have a running filter load its configuration, compile its patterns, or count anew.

    Asks the controller, which wants the enable_password of whoever it does not trust by address.
    """


def _wait_option(command: F) -> F:
    return click.option(
        "--wait",
        type=click.FloatRange(0.0, 3600.0),
        default=90.0,
        show_default=True,
        metavar="SECONDS",
        help="Longest wait for the new processes to serve; 0: do not wait.",
    )(command)


@control.command()
@remote_options
@_wait_option
def reload(*, wait: float, as_json: bool, **given: Any) -> None:
    """Load the configuration anew, losing no mail.

    Other processes take over once they serve; those before finish what is under way. What
    configtest refuses is refused with its findings, and the old configuration stays at work: exit
    status 1.

    Where no controller of this host answers, the supervisor gets SIGHUP, found by options.pidfile.
    """
    _reload("reload", given, wait=wait, as_json=as_json)


@control.command()
@remote_options
@_wait_option
def recompile(*, wait: float, as_json: bool, **given: Any) -> None:
    """Compile all patterns anew, then load the configuration as reload does.

    For kept databases that are thought to be wrong: those of another library or processor are
    compiled anew without this.
    """
    _reload("recompile", given, wait=wait, as_json=as_json)


@control.command()
@remote_options
def statreset(*, as_json: bool, **given: Any) -> None:
    """Count scans and actions from zero again."""
    _simple("statreset", "the counters begin anew", given, as_json=as_json)


@control.command()
@remote_options
def historyreset(*, as_json: bool, **given: Any) -> None:
    """Forget the history of scans."""
    _simple("historyreset", "the history is empty", given, as_json=as_json)


def _simple(endpoint: str, done: str, given: dict[str, Any], *, as_json: bool) -> None:
    try:
        said = controller_of(**given).post(endpoint, b"")
    except AskError as error:
        fail(str(error))
    click.echo(json.dumps(said) if as_json else done)


def _reload(endpoint: str, given: dict[str, Any], *, wait: float, as_json: bool) -> None:
    controller = controller_of(**given)
    try:
        said = _ask(controller, endpoint)
    except AskError as error:
        if error.status == 422:
            _refused(error, as_json=as_json)
        if error.status or given["host"] is not None or endpoint != "reload":
            fail(str(error))
        _signal(given, error, as_json=as_json)
        return
    outcome = {"ok": True, "error": None, **said}
    if wait:
        outcome |= _end(controller, said["reload"], wait)
    if as_json:
        click.echo(json.dumps(outcome, indent=2))
    else:
        found = count(_findings(said))
        if found:
            click.echo(f"configtest has {found}", err=True)
        if outcome["error"] is None:
            click.echo(_sentence(outcome, waited=bool(wait)))
    if outcome["error"] is not None:
        fail(f"{controller.name}: {word(outcome['error'])}")


def _ask(controller: Controller, endpoint: str) -> Any:
    """The controller's reply; raises ``AskError``, also for what no controller says."""
    patient = max(controller.timeout, _CONFIGTEST_TIME)
    said = controller.with_timeout(patient).post(endpoint, b"")
    try:
        _findings(said)
        int(said["reload"])
    except (ValueError, KeyError, TypeError) as error:
        raise AskError(f"{controller.name} is not a filter-engine controller", 200) from error
    return said


def _end(controller: Controller, number: int, wait: float) -> Mapping[str, Any]:
    """How the reload of that number ended."""
    end = time.monotonic() + wait
    refusal = "it did not answer any more"
    while time.monotonic() < end:
        try:
            now = controller.get("ready")
        except AskError as error:  # while the controllers change over
            refusal = str(error)
        else:
            refusal = f"the reload did not end within {wait:g} s"
            if now.get("reloads", 0) >= number:
                why = now["reload_error"]
                return {
                    "ok": why is None,
                    "error": None if why is None else f"the old configuration stays: {why}",
                    "config_id": now["config_id"],
                }
        time.sleep(_PAUSE)
    return {"ok": False, "error": refusal}


def _sentence(outcome: Mapping[str, Any], *, waited: bool) -> str:
    if not waited:
        return "the configuration is being loaded"
    return f"the new configuration is at work: {outcome['config_id'][:16]}"


def _refused(error: AskError, *, as_json: bool) -> None:
    """Print the findings and end the program."""
    try:
        said = json.loads(error.content)
        found = _findings(said)
    except (ValueError, KeyError, TypeError):
        fail(str(error))
    if as_json:
        click.echo(json.dumps({"ok": False, **said}, indent=2))
    else:
        print_findings(found, err=True)
    fail(f"{error}: {count(found)}")


def _findings(said: Mapping[str, Any]) -> list[Finding]:
    """Those of a reply; raises ValueError, KeyError or TypeError."""
    return [read_finding(one) for one in said["findings"]]


def _signal(given: dict[str, Any], error: AskError, *, as_json: bool) -> None:
    """Send SIGHUP to this host's supervisor; ends the program where it cannot be found."""
    from filter_engine.cli.loading import load_config

    config = load_config(given["config_file"], given["variables"])
    pid = _supervisor(config)
    if pid is None:
        fail(f"{error}; and options.pidfile names no supervisor that runs")
    try:
        os.kill(pid, signal.SIGHUP)
    except OSError as fault:
        fail(f"process {pid}: {fault.strerror}")
    if as_json:
        click.echo(json.dumps({"ok": True, "error": None, "pid": pid}))
    else:
        click.echo(f"process {pid} was sent SIGHUP; its log says whether it took the configuration")
        click.echo(f"filter-engine: no controller was asked: {error}", err=True)
    sys.exit(0)


def _supervisor(config: Config) -> int | None:
    path = config.options.pidfile
    try:
        pid = int(Path(path).read_text(encoding="ascii")) if path else 0
        name = Path("/proc", str(pid), "comm").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return pid if pid > 0 and name == _SUPERVISOR else None
