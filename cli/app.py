"""The command `forecast`: the commands' names, and how errors become exit codes."""

from __future__ import annotations

import os
import sys

import typer

from forecast.cli import (
    catalog,
    check,
    compare,
    doctor,
    evaluate,
    fit,
    future,
    models,
    predict,
    pretrain,
    run,
    runs,
    score,
    settings,
    ui,
    whence,
)
from forecast.cli.help import NAMES, GroupedCommand, help_, of_every_command
from forecast.cli.output import show_error
from forecast.cli.signals import install
from forecast.datasets.errors import ForecastError, RunError

app = typer.Typer(
    name="forecast",
    no_args_is_help=True,
    context_settings={"help_option_names": NAMES},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.callback()(of_every_command)
app.command("fit", cls=GroupedCommand)(fit.fit)
app.command("evaluate", cls=GroupedCommand)(evaluate.evaluate)
app.command("predict", cls=GroupedCommand)(predict.predict)
app.command("future", cls=GroupedCommand)(future.future)
app.command("run", cls=GroupedCommand)(run.run)
app.command("compare")(compare.compare)
app.command("score", cls=GroupedCommand)(score.score)
app.command("whence")(whence.whence)
app.command("pretrain", cls=GroupedCommand)(pretrain.pretrain)
app.command("check", cls=GroupedCommand)(check.check)
app.command("settings")(settings.settings)
app.add_typer(catalog.app, name="datasets")
app.add_typer(models.app, name="models")
app.add_typer(runs.app, name="runs")
app.command("ui")(ui.ui)
app.command("doctor")(doctor.doctor)
app.command("help")(help_)

INTERRUPTED = 130


def main() -> None:
    """Run a command, and end with the exit code of its error's class."""
    install()  # for those who come in here; `forecast.cli.entry` has done it before
    as_json, verbose = "--json" in sys.argv, bool({"-v", "--verbose"} & set(sys.argv))
    try:
        code = app(standalone_mode=False)  # typer turns Exit into a code, and a question that is left open into 130
        if code == INTERRUPTED:
            _leave("interrupted", as_json)
        sys.stdout.flush()  # here, where a broken pipe is caught, not when Python ends
        sys.exit(code if isinstance(code, int) else 0)
    except KeyboardInterrupt:
        _leave("interrupted", as_json)
    except ForecastError as error:
        show_error(error, as_json=as_json, verbose=verbose)
        sys.exit(error.exit_code)
    except (BrokenPipeError, SystemExit) as error:
        if not _is_broken_pipe(error):
            raise
        _discard_output()
        sys.exit(0)
    except Exception as error:
        _other(error, as_json=as_json, verbose=verbose)


def _other(error: Exception, *, as_json: bool, verbose: bool) -> None:
    """End with an error that has no class of ours: a usage error of typer's, or a failure of ours or of the machine."""
    code = getattr(error, "exit_code", None)
    if code is not None and hasattr(error, "show"):
        from forecast.datasets.errors import ConfigError

        hint = "`forecast --help` lists the commands, `forecast COMMAND --help` the options."
        show_error(ConfigError(str(getattr(error, "format_message", lambda: str(error))()), hint=hint), as_json=as_json)
        sys.exit(2)
    if type(error).__name__ == "Abort":
        _leave("interrupted", as_json)
    failure = RunError(f"{type(error).__name__}: {error}", hint="Run again with -v for the traceback.")
    failure.__traceback__, failure.__cause__ = error.__traceback__, error
    show_error(failure, as_json=as_json, verbose=verbose)
    sys.exit(failure.exit_code)


def _is_broken_pipe(error: BaseException) -> bool:
    """Return whether the reader of stdout, such as `head`, has seen enough; typer and rich make an exit of it."""
    return isinstance(error, BrokenPipeError) or isinstance(error.__context__, BrokenPipeError)


def _discard_output() -> None:
    """Send what is still to be written to stdout nowhere, since Python flushes it when it ends.

    References:
        Python's documentation of the module `signal`, note on SIGPIPE.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _leave(word: str, as_json: bool) -> None:
    """Say in a word why the command ends, and end with the exit code of an interruption."""
    show_error(RunError(word), as_json=as_json)
    sys.exit(INTERRUPTED)
