"""`forecast pretrain` trains the combiner of model `zero` on made-up series, and on one's own tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli import options as o
from forecast.datasets.declarations import DATA, OUTPUT, TRAINING
from forecast.datasets.errors import ConfigError, DataError, Problem

if TYPE_CHECKING:
    from forecast.combining.training.own_tables import OwnTable, OwnTables

SHARE = 0.5
Tables = Annotated[
    list[str] | None,
    typer.Argument(help="Tables or bundled data sets to learn from; none: made-up series alone.", metavar="DATA"),
]
Horizon = Annotated[
    int | None,
    typer.Option(
        "--horizon", "-H", help="Longest horizon to learn from the tables; needed with them.", rich_help_panel=TRAINING
    ),
]
Share = Annotated[
    float | None,
    typer.Option(
        "--share",
        help=f"Share of the batches that come from the tables; 1 means no made-up series. [default: {SHARE}]",
        min=0.01,
        max=1.0,
        rich_help_panel=TRAINING,
    ),
]
HeldBack = Annotated[
    int | None,
    typer.Option(
        "--held-back",
        help="Newest rows of each series that nothing is learnt from, so that they can judge the weights. "
        "[default: the horizon]",
        min=0,
        metavar="ROWS",
        rich_help_panel=TRAINING,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "-o", "--output", help="File of the weights, which --weights takes.", metavar="FILE", rich_help_panel=OUTPUT
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of series and weights.", rich_help_panel=TRAINING)]
Series = Annotated[
    int, typer.Option("--series", help="Number of series to learn from.", min=100, rich_help_panel=TRAINING)
]
Batches = Annotated[int, typer.Option("--batches", help="Number of training steps.", min=1, rich_help_panel=TRAINING)]
Width = Annotated[
    int, typer.Option("--width", help="Size of the recurrent state.", min=4, max=1024, rich_help_panel=TRAINING)
]
Hidden = Annotated[
    int,
    typer.Option(
        "--hidden",
        help="Size of the layers that weigh the forecasts.",
        min=4,
        max=1024,
        rich_help_panel=TRAINING,
    ),
]


@o.with_options(groups=(DATA,))
def pretrain(
    settings: dict[str, str],
    tables: Tables = None,
    out: Out = Path("zero.safetensors"),
    horizon: Horizon = None,
    share: Share = None,
    held_back: HeldBack = None,
    seed: Seed = 0,
    series: Series = 90_000,
    batches: Batches = 28_000,
    width: Width = 64,
    hidden: Hidden = 96,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Train the network of model `zero`, once: on made-up series, and on tables where there are any.

    Training goes on from FILE.part where it was interrupted; the examples are made again from the seed. An example of
    a table never reads a row after its own end, and the newest --held-back rows of each series are never learnt from,
    so that an evaluation on them is fair. The options under Data hold for every table.

    Example: forecast pretrain sales.csv stores.parquet --horizon 28 -o mine.safetensors
    """
    from forecast.cli import output
    from forecast.cli.session import session

    given = {"--horizon": horizon, "--share": share, "--held-back": held_back}
    _check(tables or [], given, settings, out)
    checkpoint = out.with_name(f"{out.name}.part")
    with session(quiet=quiet, track=False):
        own = None
        if tables:
            assert horizon is not None, "it was asked for"
            output.say(f"reading {', '.join(map(_name, tables))}")
            own = _read(tables, settings, horizon, SHARE if share is None else share, held_back)
        output.say(f"making {series} series to learn from, then training on {batches} batches")
        from forecast.combining.training.pretraining import Recipe, check_part, make_diet, save, train  # torch's second

        recipe = Recipe(seed, series, batches, width, hidden)
        check_part(checkpoint, recipe, own.fingerprint() if own else "")
        network = train(make_diet(recipe, output.say, own), recipe, checkpoint, output.say)
        sha = save(network, recipe, out, **({"trained_on": own.facts()} if own else {}))
        checkpoint.unlink(missing_ok=True)
        output.say(f"wrote weights {sha[:12]} to {out}")


def _check(tables: list[str], given: dict[str, Any], settings: dict[str, str], out: Path) -> None:
    """Refuse options that do not go together, all at once, before anything is read.

    Raises:
        ConfigError: with every problem.
    """
    problems = []
    if out.suffix != ".safetensors" or not out.parent.is_dir():
        remedy = "Name a file in a folder that exists, ending in .safetensors."
        problems.append(Problem(what=f"cannot write to {out}", remedy=remedy))
    options = [name for name, value in given.items() if value is not None]
    options += [f"--{name.replace('_', '-')}" for name in settings]
    if options and not tables:
        problems.append(
            Problem(what=f"{', '.join(options)} is for tables", remedy="Name a table, or leave the options out.")
        )
    if tables and given["--horizon"] is None:
        remedy = "Say how far ahead will be forecast, such as --horizon 28."
        problems.append(Problem(what="--horizon is missing", remedy=remedy))
    if tables.count("-") > 1:
        problems.append(Problem(what="stdin (-) can be read once only"))
    if problems:
        raise ConfigError("pretraining cannot begin", problems=problems)


def _read(tables: list[str], settings: dict[str, str], horizon: int, share: float, held_back: int | None) -> OwnTables:
    """Read all tables.

    Raises:
        ConfigError: with every option that is wrong.
        DataError: with what is wrong with every table.
    """
    from forecast.architectures import not_used
    from forecast.cli.config import read_settings
    from forecast.cli.session import remarks
    from forecast.combining.training.own_tables import OwnTables
    from forecast.settings import Settings

    values = read_settings({**settings, "model": "zero", "horizon": str(horizon)})
    held_back = horizon if held_back is None else held_back
    remarks(tuple(filter(None, [not_used({"zero": Settings.of(values)})])))
    read: list[OwnTable] = []
    errors: dict[str, DataError] = {}
    for data in tables:
        try:
            read.append(_table(data, values, held_back))
        except DataError as error:
            errors[data] = error
            continue
        remarks(tuple(f"{read[-1].name}: {note}" for note in read[-1].panel.notes))
    if len(tables) == 1 and errors:
        raise errors[tables[0]]
    if errors:
        problems = [problem for data, error in errors.items() for problem in _problems(data, error)]
        raise DataError(f"{len(errors)} of {len(tables)} tables cannot be learnt from", problems=problems)
    return OwnTables(tuple(read), horizon, held_back, share)


def _table(data: str, values: dict[str, Any], held_back: int) -> OwnTable:
    from forecast.cli.session import read
    from forecast.combining.training.own_tables import OwnTable
    from forecast.datasets.tables.schema import panel_from_table
    from forecast.settings import Settings

    roles = Settings.of(values)
    panel = panel_from_table(read(data, values), roles.columns, freq=roles.freq)
    return OwnTable.of(_name(data), panel, roles.season_length, roles.horizon, held_back)


def _name(data: str) -> str:
    """Return the name of a table without its folder, which is nobody else's matter."""
    return "stdin" if data == "-" else Path(data).name


def _problems(data: str, error: DataError) -> Iterator[Problem]:
    """Yield what is wrong with a table, with its name."""
    if not error.problems:
        yield Problem(what=error.message, remedy=error.hint or None)
    for problem in error.problems:
        yield replace(problem, what=f"{problem.what} (in {_name(data)})")
