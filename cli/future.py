"""`forecast future` writes the table of known covariates that `predict` takes as --future, still to be filled in."""

from __future__ import annotations

from typing import Annotated

import typer

from forecast.cli import options as o
from forecast.cli.predict import Model, Request, Rows, Steps, opened
from forecast.datasets.declarations import DATA, OUTPUT

Out = Annotated[
    str,
    typer.Option(
        "-o", "--output", help="Table: .csv, .parquet, .jsonl, .arrow, or - for stdout.", rich_help_panel=OUTPUT
    ),
]


@o.with_options(groups=(DATA,))
def future(
    model: Model,
    settings: dict[str, str],
    data: Rows = None,
    out: Out = "-",
    horizon: Steps = None,
    tracking_uri: o.TrackingUri = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Write the rows that `predict` wants as --future: ids, next times, and empty columns of what is known ahead.

    MODEL and DATA are those of `predict`.

    Example: forecast future model > fill_me.csv; forecast predict model --future fill_me.csv
    """
    from forecast.cli.session import session
    from forecast.progress import doing

    request = Request(model=model, data=data, out=out, horizon=horizon, tracking_uri=tracking_uri, settings=settings)
    with session(quiet=quiet, track=False):
        doing(f"loading {model}")
        _write(request)


def _write(request: Request) -> None:
    """Lay the table out, and write it as the model's own table is written."""
    from pathlib import Path

    from forecast.cli.output import say
    from forecast.datasets.tables.readers import check_writable, write_table
    from forecast.future_rows import future_frame
    from forecast.progress import doing

    if request.out != "-":
        check_writable(Path(request.out))
    forecaster, columns, table = opened(request)
    frame = future_frame(forecaster, table, horizon=request.horizon)
    doing("")
    write_table(frame, request.out, columns)
    if request.out != "-":
        say(f"wrote {len(frame)} rows to {request.out}")
