"""``filter-engine learn`` and ``unlearn``: what a person says a message is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from filter_engine.cli.completion import complete_classifier
from filter_engine.cli.exit_status import FAILED, REFUSED
from filter_engine.cli.loading import load_config
from filter_engine.cli.options import config_options, fail
from filter_engine.cli.remote import host_options, named_controller
from filter_engine.config.annotate import printable

if TYPE_CHECKING:
    from filter_engine.config.model import Config
    from filter_engine.statistics.classifier import Classifier
    from filter_engine.statistics.learning import Lesson
    from filter_engine.training.corpus import Found
    from filter_engine.training.lessons import Report, Teaches

F = TypeVar("F", bound=Callable[..., Any])
_EMPTY: Final = "nothing was learnt"

_FILES = click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True)
)


def _whom_options(command: F) -> F:
    """Add ``--classifier``, ``--rcpt``, ``--json`` and those of ``host_options``."""
    for option in (
        host_options("default: the store of the configuration is written to."),
        click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
        click.option(
            "-r",
            "--rcpt",
            default="",
            metavar="ADDRESS",
            help="Whose classifier it is, where users have their own (per_user).",
        ),
        click.option(
            "--classifier",
            default="",
            metavar="NAME",
            shell_complete=complete_classifier,
            help="Only this one; default: every one.",
        ),
    ):
        command = option(command)
    return command


_FORCE = click.option("--force", is_flag=True, help="Also what is of that class for sure already.")


@click.group()
def learn() -> None:
    """Teach the classifiers, in the store itself or through a controller (--host).

    A mail learnt twice counts once; learnt as the other class, it is moved over.
    """


def _add_class(name: str) -> None:
    """Add ``learn spam`` or ``learn ham``."""

    @learn.command(
        name,
        help=f"""Learn message FILES as {name} ("-" is standard input).

        Exit status 1 when a file cannot be read or the store does not take it.
        """,
    )
    @_FILES
    @config_options
    @_whom_options
    @_FORCE
    def command(files: tuple[Path, ...], **given: Any) -> None:
        _learn_files(files, spam=name == "spam", **given)


for _name in ("spam", "ham"):
    _add_class(_name)


@click.command()
@click.argument("kind", type=click.Choice(["spam", "ham"]))
@_FILES
@config_options
@_whom_options
def unlearn(kind: str, files: tuple[Path, ...], **given: Any) -> None:
    """Take back that message FILES were learnt as spam or ham.

    Exit status 1 when a file cannot be read or the store does not take it.
    """
    _learn_files(files, spam=kind == "spam", unlearn=True, **given)


@learn.command()
@click.argument("directory", type=click.Path(exists=True, path_type=Path))
@config_options
@_whom_options
@click.option(
    "--as",
    "kind",
    type=click.Choice(["spam", "ham"]),
    help="All of it is spam, or ham; default: by the names of files and folders.",
)
@click.option("--dry-run", is_flag=True, help="Read and count everything, learn nothing.")
def corpus(
    directory: Path,
    config_file: Path | None,
    variables: dict[str, str],
    classifier: str,
    rcpt: str,
    as_json: bool,
    kind: str | None,
    dry_run: bool,
    **given: Any,
) -> None:
    """Learn a collection: a DIRECTORY of messages, maildirs and mbox files, or one mbox.

    The innermost folder or file whose name has the word spam, junk or ham says the class. What
    nothing is said about is left out. Exit status 1 when a message cannot be read or the store
    does not take it.
    """
    from filter_engine.training.corpus import messages, sources

    if given["host"] is not None and dry_run:
        raise click.UsageError("--dry-run reads a configuration: leave out --host")
    school = _school(config_file, variables, classifier, given, dry=dry_run)
    is_spam = None if kind is None else kind == "spam"
    try:
        files = list(sources(directory, is_spam))
    except OSError as error:
        fail(f"cannot read {printable(str(directory))}: {error.strerror}")
    with _progress(len(files), shown=not as_json) as advance:

        def found() -> Iterator[Found]:
            for source in files:
                yield from messages(source, school.limit)
                advance()

        _run(school, found(), as_json=as_json, rcpt=rcpt, bulk=True, dry=dry_run)


@learn.command()
@config_options
@click.option(
    "--spam",
    "spam_directories",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Whose mail is learnt as spam; repeatable.",
)
@click.option(
    "--ham",
    "ham_directories",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Whose mail is learnt as ham; repeatable.",
)
def watch(
    config_file: Path | None,
    variables: dict[str, str],
    spam_directories: tuple[Path, ...],
    ham_directories: tuple[Path, ...],
) -> None:
    """Learn every mail that is dropped into directories, and delete it then. Runs until SIGTERM.

    What cannot be learnt is kept and logged. In a maildir (DIR/new) a file is taken at once,
    elsewhere when it has not changed for two seconds. Names that begin with a dot are left alone.
    Exit status 78 when the configuration is refused, or has no classifier that learns.
    """
    from filter_engine.training.drop_directory import DropDirectory
    from filter_engine.training.watch import watch as watching
    from filter_engine.workers.logs import configure

    if not spam_directories and not ham_directories:
        raise click.UsageError("say which directories: --spam DIR, --ham DIR")
    config, taught = _prepared(config_file, variables, "", REFUSED)
    try:
        configure(config.logging)
    except OSError as error:
        fail(f"cannot log to {error.filename}: {error.strerror}")
    limit = config.options.max_message
    directories = [DropDirectory(path, spam=True, limit=limit) for path in spam_directories]
    directories += [DropDirectory(path, spam=False, limit=limit) for path in ham_directories]
    asyncio.run(watching(config, taught, directories))


class _School(NamedTuple):
    """Who teaches."""

    limit: int
    """Octets of the largest message."""
    teacher: Callable[[], AbstractContextManager[Teaches]]


def _school(
    config_file: Path | None,
    variables: dict[str, str],
    classifier: str,
    given: dict[str, Any],
    *,
    dry: bool = False,
    hashes: bool = False,
) -> _School:
    """``given``: the values of ``host_options``."""
    controller = named_controller(given)
    if controller is not None:
        from filter_engine.cli.remote_teacher import RemoteTeacher
        from filter_engine.config.model import OptionsConfig

        remote = RemoteTeacher(controller, classifier)
        return _School(OptionsConfig().max_message, lambda: nullcontext(remote))
    from filter_engine.training.teacher import teacher

    config, taught = _prepared(config_file, variables, classifier)
    return _School(
        config.options.max_message, lambda: teacher(config, taught, dry=dry, hashes=hashes)
    )


def _prepared(
    config_file: Path | None, variables: dict[str, str], name: str, status: int = FAILED
) -> tuple[Config, tuple[Classifier, ...]]:
    from filter_engine.training.teacher import NothingToTeachError, chosen

    config = load_config(config_file, variables, status=status)
    try:
        return config, chosen(config, name)
    except NothingToTeachError as error:
        fail(f"{_EMPTY}: {error}", status)


def _learn_files(
    files: tuple[Path, ...],
    *,
    spam: bool,
    config_file: Path | None,
    variables: dict[str, str],
    classifier: str,
    rcpt: str,
    as_json: bool,
    force: bool = False,
    unlearn: bool = False,
    **given: Any,
) -> None:
    from filter_engine.training.corpus import Found
    from filter_engine.training.messages import NoMessageError, message_of, read_message

    if given["host"] is not None and force:
        raise click.UsageError("a controller cannot be told to learn what is certain anyway")
    hashes = not classifier  # of one classifier alone nothing else is to know
    school = _school(config_file, variables, classifier, given, hashes=hashes)
    limit = school.limit

    def read(path: Path) -> Found:
        try:
            if str(path) != "-":
                return Found(str(path), spam, read_message(path, limit))
            data = sys.stdin.buffer.read(limit + 1)
            if len(data) > limit:
                raise NoMessageError(f"larger than {limit} octets (max_message)")
            return Found("-", spam, message_of(data))
        except NoMessageError as error:
            return Found(str(path), spam, b"", str(error))

    found = map(read, dict.fromkeys(files))
    _run(school, found, as_json=as_json, rcpt=rcpt, bulk=force, unlearn=unlearn, each=True)


def _run(
    school: _School,
    found: Iterator[Found],
    *,
    as_json: bool,
    rcpt: str,
    bulk: bool,
    unlearn: bool = False,
    dry: bool = False,
    each: bool = False,
) -> None:
    """Teach, print the report, end the program. ``each``: a line for every message."""
    from filter_engine.training.lessons import LessonsRefusedError, teach

    def done(one: Found, lesson: Lesson | None) -> None:
        name = printable(one.path)
        if one.problem:
            click.echo(f"filter-engine: cannot learn {name}: {one.problem}", err=True)
        elif lesson is not None and each and not lesson.ok:
            click.echo(f"{name}: {lesson.status.value}: {printable(lesson.detail)}", err=True)
        elif lesson is not None and each:
            if not as_json:
                click.echo(f"{name}: {lesson.status.value}")
            if lesson.untaught:
                said = printable(lesson.untaught)
                click.echo(f"{name}: its hashes were not learnt: {said}", err=True)

    async def run() -> Report:
        with school.teacher() as one:
            return await teach(one, found, done, rcpt=rcpt, unlearn=unlearn, bulk=bulk)

    try:
        report = asyncio.run(run())
    except LessonsRefusedError as error:
        fail(f"{_EMPTY}: {error}")
    if as_json:
        import orjson

        click.echo(orjson.dumps(report.as_dict() | {"dry_run": dry}).decode())
    elif not each:
        _print(report, dry=dry)
    if report.aborted:
        fail(f"the store took no lesson: {printable(report.aborted)}")
    if report.failed:
        sys.exit(1)


def _print(report: Report, *, dry: bool) -> None:
    rate = report.messages / report.seconds if report.seconds else 0.0
    would = ", nothing was learnt (dry run)" if dry else ""
    click.echo(f"{report.messages} messages in {report.seconds:.1f} s ({rate:.0f}/s){would}")
    for name, counted in (("spam", report.spam), ("ham", report.ham)):
        if counted:
            said = ", ".join(f"{count} {outcome}" for outcome, count in counted.most_common())
            click.echo(f"  {name}: {said}")
    if report.unclassed:
        click.echo(f"  {report.unclassed} left out: no name says whether they are spam or ham")
    for name, (spam_count, ham_count) in report.learnt.items():
        click.echo(f"  {printable(name)} knows {spam_count} spam and {ham_count} ham")


@contextmanager
def _progress(total: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """A bar on a terminal's standard error."""
    if not (shown and sys.stderr.isatty()):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    bar = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        "files",
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)
