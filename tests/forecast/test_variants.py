"""One edit adds a cell, a head, a distribution, a metric or a baseline: a line in one table, made here from outside."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from contracts import LEVELS, check_baseline, check_head, check_metric, check_model, check_network
from numpy.typing import NDArray
from torch import Tensor, distributions, nn

import forecast as fc
from forecast.architectures import ARCHITECTURES
from forecast.baselines import BASELINES
from forecast.baselines.base import Baseline, with_intervals
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.windows.origins import Origins
from forecast.evaluation.metrics import METRICS, Metric
from forecast.networks.cell_table import CELLS, Cell
from forecast.networks.decoders import DECODERS
from forecast.networks.distributions import Family
from forecast.networks.heads import HEADS, DistributionHead, PointHead
from forecast.protocol import Prediction


class Leaky(nn.Module):
    """A leaky integrator."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.enter = nn.Linear(input_size, hidden_size)

    def forward(self, steps: Tensor) -> Tensor:
        state, states = torch.zeros_like(self.enter(steps[:, 0])), []
        for row in self.enter(steps).unbind(1):
            state = 0.9 * state + 0.1 * row.tanh()
            states.append(state)
        return torch.stack(states, 1)


class TwoWay(Leaky):
    """The same, but every step has read all of them."""

    causal = False

    def forward(self, steps: Tensor) -> Tensor:
        states = super().forward(steps)
        return states + states[:, -1:]


class Timid(PointHead):
    """A point that corrects the anchor by half, and is trained with an absolute loss near none."""

    loss = "huber"

    def forward(self, raw: Tensor, anchor: Tensor) -> Tensor:
        return super().forward(raw / 2, anchor)


class Laplace(Family):
    """Location and scale."""

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        return distributions.Laplace(parameters[0], parameters[1] + 1e-3, validate_args=False)

    def scipy(self, parameters: list[NDArray[np.float64]]) -> tuple[str, dict[str, Any]]:
        return "laplace", {"loc": parameters[0], "scale": parameters[1] + 1e-3}


class Zero(Baseline):
    """Nothing at all, give or take the season."""

    name, what, source = "toy", "zero", "this test"

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        point = np.zeros((len(origins), self.horizon))
        return with_intervals(point, point + self.season_length, self.levels)


class Edit(NamedTuple):
    """The line that is added, the table it goes to, and what must then hold."""

    table: MutableMapping[str, Any]
    line: Any
    contract: Callable[[str], object]


def _table() -> pd.DataFrame:
    return synthetic(3, 80, seed=1)


EDITS = {
    "cell": Edit(
        CELLS,
        Cell(what="leaky integrator", made_by=Leaky, source="this test"),
        lambda name: check_model(name, _table(), quantiles=LEVELS),
    ),
    "two-way cell": Edit(
        CELLS, Cell(what="leaky both ways", made_by=TwoWay), lambda name: _check_one_origin(check_model(name, _table()))
    ),
    "head": Edit(HEADS, lambda levels: Timid(), lambda name: check_head(name, _table())),
    "distribution": Edit(HEADS, lambda levels: DistributionHead(Laplace()), lambda name: check_head(name, _table())),
    "metric": Edit(METRICS, Metric("toy", lambda points: points.error**4), check_metric),
    "interval metric": Edit(
        METRICS, Metric("toy", lambda points: points.high - points.actual, needs="interval"), check_metric
    ),
    "baseline": Edit(BASELINES, Zero, lambda name: (check_baseline(BASELINES[name]), check_model(name, _table()))),
}


@pytest.mark.parametrize("kind", EDITS)
def test_one_edit_adds_a(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    edit = EDITS[kind]
    monkeypatch.setitem(edit.table, "toy", edit.line)
    edit.contract("toy")


def test_a_distribution_from_outside_is_drawn_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HEADS, "toy", lambda levels: DistributionHead(Laplace()))
    check_model("deepar", _table(), head="toy", lookback=8, quantiles=LEVELS)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("head", ["point", "beta", "toy"])
def test_a_cell_and_a_head_from_outside_go_with_every_decoder(
    decoder: str, head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CELLS, "toy", Cell(what="leaky integrator", made_by=Leaky))
    monkeypatch.setitem(HEADS, "toy", lambda levels: Timid())
    check_network("toy", decoder, head, horizon=3)


def test_a_toy_is_listed_and_shown_in_an_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BASELINES, "toy", Zero)
    monkeypatch.setitem(METRICS, "toy", Metric("toy", lambda points: np.abs(points.error) > 1))
    assert ARCHITECTURES["toy"].source == "this test"
    board = fc.evaluate(_table(), 6, models=["toy", "naive"], cutoffs=2).leaderboard
    assert board["toy"].between(0, 1).all()
    assert board["model"].iloc[-1] == "toy"


def test_the_table_of_models_needs_no_torch() -> None:
    code = (
        "import sys, forecast; from forecast.architectures import ARCHITECTURES; "
        "[line.what for line in ARCHITECTURES.values()]; forecast.Forecaster(6, model='bigru'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _check_one_origin(fitted: fc.Forecaster) -> None:
    assert fitted.settings.origins == "auto", "nothing but the cell says so"
    assert fitted.resolved_.origins == 1
    assert "both ways" in fitted.reasons_["origins"]
