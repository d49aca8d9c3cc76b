"""`forecast predict` forecasts with a fitted model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli import options as o
from forecast.datasets.declarations import DATA, OUTPUT

if TYPE_CHECKING:
    import pandas as pd

    from forecast.datasets.panel import Panel
    from forecast.datasets.tables.columns import Columns
    from forecast.forecaster import Forecaster

Model = Annotated[
    str,
    typer.Argument(
        help="Model directory, runs:/ID, models:/NAME@ALIAS, or a model that needs no training: zero.",
        metavar="MODEL",
    ),
]
Rows = Annotated[str | None, typer.Argument(help="Newer rows or other series; - for stdin.", metavar="[DATA|-]")]
Future = Annotated[
    str | None, typer.Option("--future", help="Table of the known covariates over the horizon.", rich_help_panel=OUTPUT)
]
Samples = Annotated[
    int | None,
    typer.Option("--samples", help="Number of paths to draw instead of one forecast.", rich_help_panel=OUTPUT),
]
Steps = Annotated[
    int | None,
    typer.Option("--horizon", "-H", help="Steps to forecast. [default: the model's own]", rich_help_panel=OUTPUT),
]
Levels = Annotated[
    str | None,
    typer.Option("--quantiles", help="Quantile levels to forecast, such as 0.1,0.5,0.9.", rich_help_panel=OUTPUT),
]
Out = Annotated[
    str,
    typer.Option(
        "-o", "--output", help="Forecasts: .csv, .parquet, .jsonl, .arrow, or - for stdout.", rich_help_panel=OUTPUT
    ),
]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A prediction as a user wrote it.

    Args:
        model: model directory, or address of a model in MLflow.
        data: table file, data set by name, or - for stdin; None forecasts from the training rows.
        future: table file of the known covariates over the horizon; None for no file.
        out: file that the forecasts are written to, or - for stdout.
        horizon: steps to forecast; None takes the model's own horizon.
        quantiles: levels as text; None takes those that the model was trained for.
        samples: number of paths; None forecasts points and quantiles.
        plot: picture of the forecasts; None draws none.
        tracking_uri: MLflow store that the model is fetched from; None takes the usual one.
        experiment: MLflow experiment of the record; None takes the model's own.
        journal: folder that the record is written to; None takes the usual one.
        settings: roles of the columns and the like, by name, for a model that is named; a directory has its own.
        assignments: texts of --set, such as "season_length=7", for a model that is named.
    """

    model: str
    data: str | None
    future: str | None = None
    out: str
    horizon: int | None
    quantiles: str | None = None
    samples: int | None = None
    plot: Path | None = None
    tracking_uri: str | None
    experiment: str | None = None
    journal: str | None = None
    settings: Mapping[str, str]
    assignments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Made:
    """A forecast that was made: by which model, from which rows, as which table, in how many seconds, on which record."""

    forecaster: Forecaster
    panel: Panel
    frame: Any
    seconds: float
    record: str


@o.with_options(groups=(DATA,))
def predict(
    model: Model,
    settings: dict[str, str],
    data: Rows = None,
    future: Future = None,
    out: Out = "-",
    horizon: Steps = None,
    quantiles: Levels = None,
    samples: Samples = None,
    set_: o.Set = None,
    plot: o.Plot = None,
    experiment: o.Experiment = None,
    tracking_uri: o.TrackingUri = None,
    journal: o.Journal = None,
    no_track: o.NoTrack = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Forecast the steps after each series' last row.

    MODEL is a directory that `fit` wrote, or the name of a model that needs no training, such as `zero`: then --horizon
    and DATA are needed.

    Examples: forecast predict model sales.csv -o forecasts.csv
              forecast predict zero sales.csv --horizon 28 --quantiles 0.1,0.5,0.9
    """
    from forecast.cli.session import refuse_mixed_output, session
    from forecast.progress import doing

    refuse_mixed_output(json, out)
    request = Request(
        model=model,
        data=data,
        future=future,
        out=out,
        horizon=horizon,
        quantiles=quantiles,
        samples=samples,
        plot=plot,
        experiment=experiment,
        tracking_uri=tracking_uri,
        journal=journal,
        settings=settings,
        assignments=tuple(set_ or ()),
    )
    with session(quiet=quiet, track=False):
        doing(f"loading {model}")
        _predict(request, as_json=json, track=not no_track)


def _predict(request: Request, *, as_json: bool, track: bool) -> None:
    """Forecast, write the forecasts, and draw, record and report what is to be."""
    from time import perf_counter

    from forecast.cli.output import say, show_json
    from forecast.datasets.tables.readers import check_writable, read_table, write_table
    from forecast.datasets.windows.history import read_before
    from forecast.progress import doing
    from forecast.tracking.forecasts import OF_RECORD, new_record

    if request.out != "-":
        check_writable(Path(request.out))
    started, asked = perf_counter(), _asked(request)
    forecaster, columns, table = opened(request)
    doing("forecasting")
    future = None if request.future is None else read_table(request.future, columns)
    panel, origins = forecaster.newest(table, future, request.horizon)
    frame = forecaster.forecasts(panel, origins, **asked)
    seconds = perf_counter() - started
    doing("" if request.out == "-" else f"writing {request.out}")
    record = new_record() if track else None
    write_table(frame, request.out, columns, facts=None if record is None else {OF_RECORD: record})
    if request.plot is not None:
        _draw(forecaster, table, future, request.plot)
    if record is not None:
        _record(request, Made(forecaster, read_before(panel, origins), frame, seconds, record), asked)
    if as_json:
        report = {"model_dir": request.model, "rows": len(frame), "predict_seconds": seconds, "record": record}
        report |= {"run_id": forecaster.run_id_, "output": request.out}
        show_json({"schema": "forecast/predict/v1", "status": "ok", **report})
    elif request.out != "-":
        say(f"wrote {len(frame)} rows to {request.out}")


def _asked(request: Request) -> dict[str, Any]:
    """Return what is asked of the model, as `Forecaster.forecasts` takes it."""
    from forecast.datasets.declarations import declarations
    from forecast.settings import Settings

    parse = declarations(Settings)["quantiles"].parse
    levels = None if request.quantiles is None else parse(request.quantiles)
    return {"horizon": request.horizon, "quantiles": levels, "samples": request.samples}


def opened(request: Request) -> tuple[Forecaster, Columns, pd.DataFrame | None]:
    """Return the fitted model, how its tables are written, and the newer rows; None where it goes on from its own rows."""
    from forecast.cli.session import read
    from forecast.forecaster import load

    named = _is_named(request)
    forecaster = (
        _fit(request) if named else load(request.model, tracking_uri=request.tracking_uri, journal=request.journal)
    )
    columns = replace(forecaster.settings.columns, id=forecaster.settings.id or forecaster.context.format.id)
    return forecaster, columns, None if request.data is None or named else read(request.data, asdict(columns))


def _is_named(request: Request) -> bool:
    """Return whether the model is the name of one that needs no training, and no directory.

    Raises:
        ConfigError: if what such a model needs is not given, or a directory is given what it has.
        ModelError: if there is no such model, but one of nearly its name.
    """
    from difflib import get_close_matches

    from forecast.architectures import ARCHITECTURES
    from forecast.datasets.errors import ConfigError, ModelError

    line = ARCHITECTURES.get(request.model)
    named = line is not None and _needs_no_training(request.model) and not Path(request.model).exists()
    if named and (request.data is None or request.horizon is None):
        missing = "DATA" if request.data is None else "--horizon"
        hint = f"forecast predict (or future) {request.model} DATA --horizon 28"
        raise ConfigError(f"{request.model} is fitted here, and needs {missing}", hint=hint)
    if (request.settings or request.assignments) and not named:
        options = [f"--{name.replace('_', '-')}" for name in request.settings] or ["--set"]
        hint = "A model directory has the settings that it was fitted with: leave them out."
        raise ConfigError(f"{', '.join(options)} is for models that are named, such as zero", hint=hint)
    if line is None and not Path(request.model).exists():
        near = get_close_matches(request.model, [name for name in ARCHITECTURES if _needs_no_training(name)], n=1)
        if near:
            raise ModelError(f"model {request.model} does not exist", hint=f"Did you mean {near[0]!r}?")
    return named


def _needs_no_training(name: str) -> bool:
    from forecast.architectures import architecture

    return architecture(name).kind == "baseline"


def _fit(request: Request) -> Forecaster:
    """Fit a model that needs no training to the table."""
    from forecast.cli.config import read_settings
    from forecast.cli.session import read, remarks
    from forecast.forecaster import Forecaster

    assert request.data is not None, "it was asked for"
    given = {**request.settings, "model": request.model, "horizon": str(request.horizon)}
    given |= {} if request.quantiles is None else {"quantiles": request.quantiles}
    values = read_settings(given, None, list(request.assignments))
    forecaster = Forecaster(**values).fit(read(request.data, values))
    remarks(forecaster.notes_)
    return forecaster


def _draw(forecaster: Forecaster, table: Any, future: Any, plot: Path) -> None:
    """Draw some of the forecasts."""
    from forecast.cli.output import say
    from forecast.fitted import fitted_of
    from forecast.insight.plotting import plot_panel, save_figure, some

    panel, origins = forecaster.newest(table, future)
    chosen = some(origins)
    save_figure(plot_panel(panel, chosen, fitted_of(forecaster).predict(panel, chosen)), plot)
    say(f"drew {plot}")


def _record(request: Request, made: Made, asked: dict[str, Any]) -> None:
    """Write the prediction to the local journal; the next fit, evaluate or compare sends it to MLflow."""
    from forecast.cli.output import say
    from forecast.datasets.errors import TrackingError
    from forecast.datasets.tables.narrowing import narrowed
    from forecast.fitted import fitted_of
    from forecast.tracking.forecasts import Forecasts, record_forecasts

    forecasts = Forecasts(
        record=made.record,
        fitted=fitted_of(made.forecaster),
        panel=made.panel,
        frame=narrowed(made.frame, made.panel.format),
        source=request.data,
        output=None if request.out == "-" else Path(request.out),
        asked={**asked, "future": request.future},
        seconds=made.seconds,
    )
    uri, experiment = request.tracking_uri, request.experiment
    try:
        record_forecasts(forecasts, experiment=experiment, tracking_uri=uri, journal=request.journal)
    except (OSError, TrackingError) as error:
        say(f"note: this prediction is not recorded: {error}")
