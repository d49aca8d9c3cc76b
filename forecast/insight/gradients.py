"""How far back a network remembers: the gradient of its forecast by lag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from forecast.automatic.ensemble import Ensemble
from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.windows.origins import Origins, evenly_spread, gather
from forecast.fitted import BehindTables, FittedModel, fitted_of
from forecast.models.recurrent import RecurrentModel
from forecast.networks.network import ForecastNetwork

if TYPE_CHECKING:
    import pandas as pd

ORIGINS = 128  # that a profile is averaged over, at most
STEPS = 8  # of the horizon whose gradients are taken


def memory_profile(forecaster: BehindTables) -> pd.DataFrame:
    """How much each step of the lookback moves the forecast: the norm of the gradient by lag, averaged over origins.

    Only what passes through the recurrent core counts: the linear highway and the base forecast, which read the
    newest rows directly, are left out, so that a core that forgets is seen to forget.

    Args:
        forecaster: fitted, of a network (of `auto`, its first member).

    Returns:
        Columns `lag`, the rows from the origin back to the newest row of each recurrent step (1 is the newest), and
        `norm`, the size of the gradient of the whole horizon's forecast.

    Raises:
        ConfigError: if the model has no gradient (a baseline).

    References:
        Pascanu et al. (2013), On the difficulty of training recurrent neural networks.
    """
    return gradient_profile(fitted_of(forecaster))


def gradient_profile(fitted: FittedModel) -> pd.DataFrame:
    """The profile of `memory_profile`, of a fitted model."""
    import pandas as pd

    model = _network(fitted)
    assert model.network is not None
    network, window, panel = model.network, model.network.settings.window, model.encoded(fitted.context)
    ahead = window.horizon if network.settings.known else 0
    chosen = evenly_spread(panel.n_series, ORIGINS)
    origins = Origins(chosen, np.maximum(panel.indptr[chosen + 1] - ahead, panel.indptr[chosen] + 1))
    rows = gather(panel, origins, before=window.lookback, after=ahead)
    static = torch.from_numpy(panel.static_values[origins.series])
    read = network.read(torch.from_numpy(rows.values), torch.from_numpy(rows.observed), static)
    inputs = read.inputs.detach().requires_grad_()
    forecast = network.correct(inputs, read)[:, -1, :, network.head.median]
    total = torch.zeros(inputs.shape[:2])
    steps = evenly_spread(forecast.shape[1], STEPS)
    for step in forecast[:, torch.from_numpy(steps)].unbind(1):
        [slope] = torch.autograd.grad(step.sum(), inputs, retain_graph=True)
        total += slope.square().sum(-1)
    norm = total.sqrt().mean(0).flip(0).double().numpy()
    return pd.DataFrame({"lag": np.arange(len(norm)) * window.segment + 1, "norm": norm})


def is_profiled(fitted: FittedModel) -> bool:
    """Whether the model has a recurrent core that reads the target's history."""
    return _core_model(fitted) is not None


def _network(fitted: FittedModel) -> RecurrentModel:
    model = _core_model(fitted)
    if model is None:
        expected = "a network that reads the target's history, such as gru or lstm"
        problem = Problem(what=f"the model is {fitted.settings.model}", expected=expected)
        raise ConfigError("there is no gradient to look at", problems=[problem])
    return model


def _core_model(fitted: FittedModel) -> RecurrentModel | None:
    model = fitted.model
    if isinstance(model, Ensemble):
        model = model.members[0]
    found = isinstance(model, RecurrentModel) and isinstance(model.network, ForecastNetwork)
    return model if found else None  # type: ignore[return-value]  # just looked
