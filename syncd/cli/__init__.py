"""The command line: one module for each command, one line in the table of `commands`.

The modules of commands, and what they import at their tops, are all that `syncd --help` loads; a command imports the rest when it
runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import typer

from syncd.cli.commands import Commands
from syncd.cli.complete import said_whole
from syncd.cli.invocation import DEFAULT_CONFIG, Invocation
from syncd.cli.pager import PAGED, paged
from syncd.cli.streams import flushed, lasting
from syncd.errors import EXIT_FAILED, EXIT_INVALID, InvalidInput, SyncdError
from syncd.lazy import look_for_no_plugins

EXIT_INTERRUPTED = 130
COMPLETION = "_SYNCD_COMPLETE"
"""By which a shell asks for names."""

EPILOG = (
    "Exit codes: 0 done or nothing to do, 1 something failed, 2 changes pending (plan --check), "
    "3 configuration, mapping or command line invalid, 4 held and needs approval, 5 a source or deployment did not answer, "
    "6 paused."
)

look_for_no_plugins()  # typer makes tables of pydantic too

program = typer.Typer(
    name="syncd",
    epilog=EPILOG,
    context_settings={"max_content_width": 100},
    rich_markup_mode=None,  # plain help: no import of rich, and the same text everywhere
    pretty_exceptions_enable=False,
)
# What typer raises for a wrong command line. It carries its own copy of click since 0.26, so there is no other name.
_WrongCommandLine: Any = typer.BadParameter.__mro__[2]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"syncd {version('syncd')}\n")
        raise typer.Exit


_Config = Annotated[
    Path, typer.Option("--config", "-c", envvar="SYNCD_CONFIG", metavar="FILE", help="The configuration file.")
]
_Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Log every event to standard error, and show lists whole.")
]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Log errors only, and show no progress.")]
_NoPager = Annotated[bool, typer.Option("--no-pager", help="Show everything at once, however long it is.")]
_Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")]


@program.callback()
def options(
    context: typer.Context,
    config: _Config = DEFAULT_CONFIG,
    verbose: _Verbose = False,
    quiet: _Quiet = False,
    no_pager: _NoPager = False,
    _version: _Version = False,
) -> None:
    """Keep users, roles and DAG permissions of Airflow deployments as your groups say."""
    context.obj = Invocation(config, verbose, quiet)
    if context.invoked_subcommand in PAGED and not no_pager:
        context.with_resource(paged())


def app() -> None:
    """Run the command line with the arguments of this process, and end it."""
    sys.stdout, outlet = lasting(sys.stdout)
    sys.stderr, _ = lasting(sys.stderr)
    sys.excepthook = _show_defect
    if COMPLETION in os.environ:
        said_whole(os.environ)
    code = run(sys.argv[1:])
    if lost := flushed(outlet):
        code = _failed(lost, code or EXIT_FAILED)
    sys.stderr.flush()
    sys.exit(code)


def _show_defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show what nobody thought of, without the secrets that may stand in it."""
    import traceback

    from syncd.http.secrets import blotted

    sys.stderr.write(blotted("".join(traceback.format_exception(kind, error, trace))))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; gives the exit code. What is wrong is one message on standard error, never a traceback."""
    command: Any = typer.main.get_command(program)
    command.commands = Commands()
    if unreadable := [argument for argument in arguments if not argument.isascii() and not _is_text(argument)]:
        return _failed(f"syncd: this argument is not UTF-8 text: {unreadable[0]}", EXIT_INVALID)
    try:
        ended = command.main(args=list(arguments) or ["--help"], prog_name="syncd", standalone_mode=False)
    except _WrongCommandLine as error:
        error.show()
        return EXIT_INVALID
    except InvalidInput as error:
        return _failed(str(error), error.exit_code)
    except SyncdError as error:
        return _failed(f"syncd: {error}", error.exit_code)
    if ended == EXIT_INTERRUPTED:
        return _failed("syncd: interrupted; the journal has what was done (syncd audit)", ended)
    return ended if isinstance(ended, int) else 0


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8 stand in it as halves of surrogate pairs
        return False
    return True


def _failed(message: str, exit_code: int) -> int:
    from syncd.cli.output import show_error

    show_error(message)
    return exit_code
