"""A job declares its keys here, once: options of `forecast run`, job files and their checks follow from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from forecast.datasets.declarations import BACKTEST, DATA, MODEL, OUTPUT, Range, declarations, setting
from forecast.datasets.errors import Problem
from forecast.settings import Settings

REFITS = ("never", "each")
CHAMPION, SEASONAL_NAIVE, NONE = FALLBACKS = ("champion", "seasonal_naive", "none")
CUTOFFS = 4
COUNT, SOME = Range(least=1), Range(least=0)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A nightly job, but for the settings of its models: what is read, compared, required and written."""

    data: str | None = setting(None, "Table file, bundled data set, or - for stdin.", group=DATA)
    future: str | None = setting(
        None,
        "Table of the known covariates over the horizon. If left out, they stand in the rows without a target at the "
        "end of DATA.",
        group=DATA,
        metavar="FILE",
        everyday=True,
    )
    model: tuple[str, ...] = setting(
        ("auto",),
        "Names of models, or their directories or addresses (runs:/ID), separated by commas; the best one forecasts.",
        group=MODEL,
        flags=("--model", "-m"),
        metavar="NAME,...",
        everyday=True,
    )
    cutoffs: int = setting(
        CUTOFFS, "Number of cutoffs, counted back from each series' end.", group=BACKTEST, values=COUNT, everyday=True
    )
    start: str | int | None = setting(
        None,
        "Time of the first forecast step of the first cutoff, in the place of --cutoffs.",
        group=BACKTEST,
        flags=("--from",),
        metavar="TIME",
        everyday=True,
    )
    end: str | int | None = setting(
        None, "Time up to which the last horizon must reach.", group=BACKTEST, flags=("--to",), metavar="TIME"
    )
    step: int | None = setting(
        None,
        "Rows between cutoffs. If left out, it is the horizon.",
        group=BACKTEST,
        values=COUNT,
        metavar="ROWS",
        everyday=True,
    )
    gap: int = setting(0, "Rows after the cutoff that are not scored.", group=BACKTEST, values=SOME, metavar="ROWS")
    refit: str | int = setting(
        "never",
        "When models are fitted again in the backtest: never, each (cutoff), or after every N cutoffs.",
        group=BACKTEST,
        metavar="WHEN",
        everyday=True,
    )
    metrics: tuple[str, ...] = setting(
        (), "Metrics to compute. If left out, all that can be.", group=BACKTEST, metavar="NAME,..."
    )
    metric: str | None = setting(
        None,
        "Metric that chooses the model. If left out, MASE, or sMAPE where there is none.",
        group=BACKTEST,
        everyday=True,
    )
    scale: str | None = setting(
        None,
        "Add errors on values standardised by the training rows.",
        group=BACKTEST,
        values=("train",),
    )
    mase_season: int | None = setting(
        None,
        "Steps in the season of MASE's scale. If left out, the season length.",
        group=BACKTEST,
        values=COUNT,
        metavar="STEPS",
    )
    require: tuple[str, ...] = setting(
        (),
        "Condition such as 'mase<=0.9' or 'mase<seasonal_naive' on the forecasts of the models that were chosen, else "
        "exit code 6; may be repeated.",
        group=BACKTEST,
        metavar="CONDITION",
        repeats=True,
        everyday=True,
    )
    save: str | None = setting(
        None,
        "Write the model to this directory, in the place of yesterday's; if a condition is not met, that one stays.",
        group=OUTPUT,
        metavar="DIR",
        everyday=True,
    )
    output: str | None = setting(
        None,
        "Forecasts: .csv, .parquet, .jsonl, .arrow, or - for stdout.",
        group=OUTPUT,
        flags=("--output", "-o"),
        metavar="FILE",
        everyday=True,
    )
    on_fail: str = setting(
        NONE,
        "Model that forecasts today's rows if a condition is not met or the work fails: champion (yesterday's model), "
        "seasonal_naive, or none. With another value than none, the column `source` names the model of a forecast.",
        group=OUTPUT,
        values=FALLBACKS,
        everyday=True,
    )
    champion: str | None = setting(
        None,
        "Yesterday's model, where it is not in the directory of --save: a directory, models:/NAME@ALIAS or runs:/ID.",
        group=OUTPUT,
        metavar="MODEL",
        everyday=True,
    )
    lock: str | None = setting(
        None,
        "Write this job as a file that gives the same forecasts to the last bit, with the steps that --max-time came to.",
        group=OUTPUT,
        metavar="FILE",
        everyday=True,
    )

    def problems(self) -> list[Problem]:
        """List what does not go together; each key is right on its own."""
        problems = []
        if self.data is None:
            problems.append(Problem(what="DATA is missing", expected="a file, a bundled data set, or - for stdin"))
        if self.refit_every is None:
            expected = f"{', '.join(REFITS)}, or a number of cutoffs of at least 1"
            problems.append(Problem(what=f"refit={self.refit!r}", expected=expected))
        if self.champion is not None and self.on_fail != CHAMPION:
            problems.append(Problem(what=f"champion={self.champion!r}", expected=f"it with on_fail={CHAMPION!r} only"))
        if self.on_fail != NONE and self.output is None:
            what = f"on_fail={self.on_fail!r} has nowhere to write forecasts to"
            problems.append(Problem(what=what, remedy="Name a file with output (-o)."))
        if self.on_fail == CHAMPION and self.save is self.champion is None:
            what = "on_fail='champion' knows of no champion"
            problems.append(Problem(what=what, remedy="Name its directory with save, or its address with champion."))
        return problems

    @property
    def refit_every(self) -> Any:
        """Return `refit` as evaluations take it, a number as a number; None where it is neither number nor word."""
        if self.refit in REFITS:
            return self.refit
        text = str(self.refit)
        return int(text) if text.isdecimal() and int(text) else None

    @property
    def names_its_source(self) -> bool:
        """Return whether forecasts have the column `source`."""
        return self.on_fail != NONE


KEYS = declarations(Job)
FOR_ALL = ("horizon", "experiment", "run_name", "tracking_uri", "tracking", "journal")  # and not for one model alone
OF_MODELS = {name: line for name, line in declarations(Settings).items() if name not in KEYS}


@dataclass(frozen=True, kw_only=True)
class Order:
    """A job with everything that it needs to run.

    Args:
        job: what is read, compared, required and written.
        settings: values of `Settings` by name, as the user set them, without the model.
        own: by model, values of `Settings` that hold for it alone, and win over those for all.
        replay: steps that networks with a limited time are trained for, from an earlier run; None measures the time.
    """

    job: Job
    settings: dict[str, Any]
    own: dict[str, dict[str, Any]] = field(default_factory=dict)
    replay: tuple[int, ...] | None = None

    @property
    def horizon(self) -> int:
        """Return the steps that are forecast: those of the gap, and those after it, which are scored."""
        return int(self.settings["horizon"]) + self.job.gap
