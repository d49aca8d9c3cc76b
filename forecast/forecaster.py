"""The door for notebooks takes tables and returns tables, with scikit-learn's manners."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.architectures import Saveable, architecture, not_used, register, with_defaults
from forecast.datasets.declarations import defaults
from forecast.datasets.errors import ConfigError, DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.future import with_future
from forecast.datasets.tables.result import path_table, result_table
from forecast.datasets.tables.schema import panel_from_table, pd_frame
from forecast.datasets.windows.origins import Origins
from forecast.evaluator import evaluate
from forecast.fitted import FittedModel, fitted_of, planned, shorter_than
from forecast.progress import Progress, doing, progress_for, tell
from forecast.settings import Settings
from forecast.storage import saving
from forecast.storage.directory import check_free
from forecast.tracking import open_fit, refusals_recorded
from forecast.tracking.recall import fetching

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from forecast.evaluation.result import Evaluation
    from forecast.networks.cell_table import CellMaker


class Forecaster:
    """A forecaster of many series at once.

    Args:
        horizon: steps to forecast after the last row of each series.
        **settings: any field of `Settings`, by keyword. `model` may also be a class of your own, a
            `torch.nn.Module` made from (input size, hidden size) that maps (batch, time, input) to
            (batch, time, hidden); `forecast.load(dir, cells={"MyCell": MyCell})` brings it back.

    Attributes:
        settings: the settings that the user set, and the defaults of the others.
        fitted_: the fitted model, which takes panels instead of tables; None before `fit`.
        resolved_: the settings with nothing left open, once fitted.
        reasons_: the reason for the value of each setting that was left open, by name.
        history_: the learning curve, with a row for each epoch; it is empty for baselines.
        model_: the network, ensemble or baseline.
        season_length_: steps in a season.
        notes_: sentences about irregularities of the training table that were left as they are.
        fit_seconds_, fit_cpu_seconds_: wall and CPU seconds that fitting took.
        run_id_: id of the fit's MLflow run, or the run's tag `forecast.record` until MLflow has it; None untracked.

    Raises:
        ConfigError: with every setting that does not exist and every value that is out of range.

    Example:
        >>> model = Forecaster(12, model="gru", seed=0).fit(df)  # doctest: +SKIP
        >>> model.predict()  # doctest: +SKIP
    """

    def __init__(self, horizon: int, **settings: Any) -> None:
        model = settings.get("model", "auto")
        if isinstance(model, type):
            register({model.__name__: model})
            settings["model"] = model.__name__
        self._values = {"horizon": horizon, **settings}
        self._given = [*self._values]  # what is worth showing
        self.settings = Settings.of(with_defaults(self._values))
        self.fitted_: FittedModel | None = None

    @classmethod
    def of(cls, settings: Settings) -> Forecaster:
        """Build a forecaster with these settings."""
        forecaster = cls(**{name: getattr(settings, name) for name in Settings.names()})
        forecaster._given = [name for name, value in defaults(Settings).items() if getattr(settings, name) != value]
        return forecaster

    @classmethod
    def over(cls, fitted: FittedModel) -> Forecaster:
        """Build a forecaster around a fitted model."""
        forecaster = cls.of(fitted.settings)
        forecaster.fitted_ = fitted
        return forecaster

    # -- scikit-learn's manners ------------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings as the user set them, defaults included; `deep` is scikit-learn's and changes nothing."""
        return {name: self._values.get(name, getattr(self.settings, name)) for name in Settings.names()}

    def set_params(self, **params: Any) -> Forecaster:
        """Change settings by name, forget the fitted model, and return self."""
        self.__init__(**{**self._values, **params})  # type: ignore[misc]  # sklearn's contract: as if made anew
        return self

    def __repr__(self) -> str:
        shown = {**self._values, "tracking_uri": self.settings.tracking_uri}  # which has no password
        rest = ", ".join(f"{k}={shown[k]!r}" for k in self._given if k != "horizon")
        return f"Forecaster({self.settings.horizon}{', ' + rest if rest else ''})"

    def __sklearn_is_fitted__(self) -> bool:
        return self.fitted_ is not None

    # -- work ------------------------------------------------------------------------------------------------------

    def fit(
        self,
        data: Any,
        *,
        progress: Progress | None = None,
        source: str | None = None,
        output: str | Path | None = None,
        overwrite: bool = False,
    ) -> Forecaster:
        """Fit the model to a table.

        A second fit starts afresh: it takes any table, whatever the first one looked like. Where it fails, the model of
        the first fit stays.

        Args:
            data: a long or wide frame, a Series with a time index, or anything narwhals reads.
            progress: it is told of each training step; None shows a bar on a terminal.
            source: the address of the data, for the tracked run.
            output: model directory that is written as soon as the model is trained, before it is recorded, so that a
                tracking server that fails cannot cost the model; None (the default) writes none.
            overwrite: whether an existing model directory is replaced; False by default.

        Returns:
            self.

        Raises:
            ModelError: if the output exists and may not be overwritten; it is raised before any work is done.
            TrackingError: if the run must be recorded and the store fails; the model is fitted, and written, by then.
            DataError: with every problem of the table.
            ConfigError: if the settings and the data do not fit together.
            RunError: if training diverges.
        """
        if output is not None:
            check_free(Path(output), overwrite=overwrite)
        with refusals_recorded("fit", self.settings, self.settings.model, source):
            panel = self._training_panel(data)
        for note in filter(
            None, (not_used({self.settings.model: self.settings}), shorter_than(panel, self.settings.horizon))
        ):
            tell(note)
        with open_fit(self.settings, source) as run:
            progress = progress if progress is not None else progress_for()
            fitted = FittedModel.fit(panel, self.settings, progress=progress, logger=run.logger)
            self.fitted_ = replace(fitted, run_id=run.record)
            if output is not None:
                doing(f"writing {output}")
                self.save(output, overwrite=overwrite)
            doing("" if run.record is None else "recording the run")
            run.record_fit(self.fitted_, panel, source)
        self.fitted_ = replace(self.fitted_, run_id=run.run_id or run.record)
        return self

    def plan(self, data: Any) -> pd.DataFrame:
        """List the settings that fitting this table would use; nothing is trained.

        Args:
            data: a table, as `fit` takes it.

        Returns:
            A row for each setting, with the columns `setting`, `value` and `reason`.
        """
        import pandas as pd

        resolved, reasons = planned(self._training_panel(data), self.settings)
        rows = [(name, getattr(resolved, name), reasons.get(name, "")) for name in Settings.names()]
        return pd.DataFrame(rows, columns=["setting", "value", "reason"])

    def predict(
        self,
        data: Any = None,
        *,
        future: Any = None,
        horizon: int | None = None,
        quantiles: tuple[float, ...] | None = None,
        samples: int | None = None,
    ) -> pd.DataFrame:
        """Forecast the steps after the last row of every series.

        Args:
            data: newer rows, or other series, in the form of the training table; None forecasts from the rows that the
                model was fitted on.
            future: table of ids, times and the known covariates over the horizon; None if `data` ends with rows that
                have them but no target.
            horizon: steps to forecast; None takes those that the model was trained for. Models that forecast step after
                step go on as they are, and the others block by block from their own medians, which is said on stderr.
            quantiles: levels in (0, 1), ascending. They are exact if the model has a distribution or was trained for
                them, and interpolated otherwise; () for none. None takes those that the model was trained for.
            samples: number of paths to draw instead of one forecast. A path is a whole future: its steps have the
                model's quantiles, and its steps and series go together as the model's errors did in the past. The same
                seed draws the same paths.

        Returns:
            The id and time columns of the training table, then `forecast` and a column for each quantile (`q10`). Paths
            have the id, the time, `sample` counted from 0, and `forecast`; `forecast.aggregate` adds them up.

        Raises:
            ModelError: if the model is not fitted.
            DataError: with every problem of a table, or if known covariates are missing.
            ConfigError: if an argument does not fit the model.
        """
        panel, origins = self.newest(data, future, horizon)
        return self.forecasts(panel, origins, horizon=horizon, quantiles=quantiles, samples=samples)

    def forecasts(
        self,
        panel: Panel,
        origins: Origins,
        *,
        horizon: int | None = None,
        quantiles: tuple[float, ...] | None = None,
        samples: int | None = None,
    ) -> pd.DataFrame:
        """Forecast from a panel and origins that `newest` returned; the other arguments are those of `predict`."""
        fitted = self._fitted
        steps = self.settings.horizon if horizon is None else horizon
        for note in filter(None, (fitted.support.note(panel, origins), fitted.beyond(steps))):
            tell(note)
        if samples is not None:
            return path_table(panel, origins, fitted.paths(panel, origins, samples, horizon=steps))
        prediction = fitted.predict(panel, origins, horizon=steps, quantiles=quantiles)
        return result_table(panel, origins, prediction.point, prediction.quantiles, prediction.levels)

    def evaluate(self, data: Any, *, cutoffs: int = 1, **options: Any) -> Evaluation:
        """Backtest these settings on rolling origins.

        The settings are tested, not the fitted weights: a fresh copy is fitted before the first cutoff.

        Args:
            data: a table, as `fit` takes it.
            cutoffs: number of cutoffs, counted back from each series' end; 1 by default.
            **options: further arguments of `forecast.evaluate`.

        Returns:
            Forecasts, metrics and the leaderboard.
        """
        return evaluate(data, self.settings.horizon, models=Forecaster.of(self.settings), cutoffs=cutoffs, **options)

    def save(self, directory: str | Path, *, overwrite: bool = False) -> Path:
        """Write a model directory of JSON, safetensors and Parquet, without pickle.

        Args:
            directory: place of the directory.
            overwrite: whether an existing directory is replaced; False by default.

        Returns:
            The path of the directory.

        Raises:
            ModelError: if the model is not fitted, or the directory exists and `overwrite` is False.
        """
        return saving.save(self._fitted, Path(directory), overwrite=overwrite)

    # -- tables ----------------------------------------------------------------------------------------------------

    def panel(self, data: Any) -> Panel:
        """Validate a table and return its panel; once the model is fitted, the table must be like the training table."""
        if self.fitted_ is None:
            return self._training_panel(data)
        roles = self.fitted_.context.format.named_in(getattr(data, "columns", ()), self.settings.columns)
        return panel_from_table(data, roles, freq=self.settings.freq, grid=self.fitted_.context.grid)

    def _training_panel(self, data: Any) -> Panel:
        """Validate a table to learn from; what an earlier fit read says nothing about it."""
        return panel_from_table(data, self.settings.columns, freq=self.settings.freq)

    def newest(self, data: Any = None, future: Any = None, horizon: int | None = None) -> tuple[Panel, Origins]:
        """Return the panel to read and the origins to forecast from; the arguments are those of `predict`."""
        fitted, horizon = self._fitted, max(horizon or 0, self.settings.horizon)
        if architecture(self.settings.model).cold:
            return self._cold(data, future, horizon)
        panel = fitted.context if data is None else self.panel(data)
        reads = fitted.reads_the_future(panel)
        if future is not None and not reads:
            raise ConfigError("future is given, but the model knows no covariates", hint="Leave out future (--future).")
        return with_future(panel, future, horizon) if reads else (panel, Origins.last(panel))

    def _cold(self, data: Any, future: Any, horizon: int) -> tuple[Panel, Origins]:
        """Return a panel of the rows to forecast, and origins at their beginning: these series have no history."""
        table, context = future if future is not None else data, self._fitted.context
        if table is None:
            hint = "Pass future= (--future): ids, times, and the known and static covariates of the rows to forecast."
            raise ConfigError("a model of new series needs to know what to forecast", hint=hint)
        roles, fmt = self.settings.columns, context.format
        roles = replace(roles, id=roles.id or fmt.id, time=roles.time or fmt.time, target=fmt.target)
        rows = panel_from_table(pd_frame(table).assign(**{fmt.target: 0.0}), roles, grid=context.grid)
        short = np.flatnonzero(rows.lengths < horizon)
        if len(short):
            problems = [
                Problem(series=str(rows.ids[k]), what=f"{rows.lengths[k]} rows", expected=f"the horizon, {horizon}")
                for k in short
            ]
            raise DataError("there are not enough rows to forecast", problems=problems)
        rows = replace(rows, format=replace(rows.format, target=fmt.target))
        return rows, Origins(np.arange(rows.n_series), rows.indptr[:-1].copy())

    # -- the fitted model -------------------------------------------------------------------------------------------

    @property
    def _fitted(self) -> FittedModel:
        """Return the fitted model, or raise an error that says how to get one."""
        return fitted_of(self)

    @property
    def context(self) -> Panel:
        """Return the newest training rows, as many as a forecast reads."""
        return self._fitted.context

    @property
    def model_(self) -> Saveable:
        """Return the network, ensemble or baseline."""
        return self._fitted.model

    @property
    def resolved_(self) -> Settings:
        """Return the settings with nothing left open."""
        return self._fitted.resolved

    @property
    def reasons_(self) -> dict[str, str]:
        """Return the reason for the value of each setting that was left open, by name."""
        return self._fitted.reasons

    @property
    def history_(self) -> pd.DataFrame:
        """Return the learning curve: epoch, step, train_loss, val_loss, learning_rate, seconds."""
        import pandas as pd

        return pd.DataFrame(self._fitted.curve)

    @property
    def season_length_(self) -> int:
        """Return the steps in a season; 1 means none."""
        return self._fitted.season_length

    @property
    def notes_(self) -> tuple[str, ...]:
        """Return sentences about irregularities of the training table that were left as they are."""
        return self._fitted.context.notes

    @property
    def fit_seconds_(self) -> float:
        """Return the wall seconds that fitting took."""
        return self._fitted.fit_seconds

    @property
    def fit_cpu_seconds_(self) -> float:
        """Return the CPU seconds that fitting took, those of other processes included."""
        return self._fitted.fit_cpu_seconds

    @property
    def run_id_(self) -> str | None:
        """Return the id of the fit's MLflow run, or the run's tag `forecast.record` until MLflow has it; None untracked."""
        return self._fitted.run_id


def load(
    model: str | Path,
    *,
    cells: Mapping[str, CellMaker] | None = None,
    tracking_uri: str | None = None,
    journal: str | None = None,
) -> Forecaster:
    """Read a model from a directory or from MLflow; nothing in it is executed.

    Args:
        model: model directory, or an address: runs:/ID (or its first letters), models:/NAME@ALIAS, models:/NAME/VERSION.
        cells: classes of your own cells by name, since the directory does not hold them; None if there are none.
        tracking_uri: URI of the MLflow store; None takes the environment's, or the store in the working directory.
        journal: folder of the journal, where a run that is still to be sent is found; None takes the usual one.

    Returns:
        A fitted forecaster whose forecasts are those of the saved one, to the last bit.

    Raises:
        ModelError: if there is no such model, or its directory is damaged or of another schema.
        TrackingError: if the store cannot be reached.
    """
    return Forecaster.over(fetching.load(model, cells=cells, tracking_uri=tracking_uri, journal=journal))


def _signature() -> inspect.Signature:
    """Spell the constructor's signature out from `Settings`, so that help() and notebooks show every keyword."""
    parameter, kind = inspect.Parameter, inspect.Parameter.POSITIONAL_OR_KEYWORD
    others = (line for name, line in inspect.signature(Settings).parameters.items() if name != "horizon")
    return inspect.Signature([parameter("self", kind), parameter("horizon", kind, annotation=int), *others])


Forecaster.__init__.__signature__ = _signature()  # type: ignore[attr-defined]  # functions take attributes
