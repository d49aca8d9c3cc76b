"""The memory of a network: the gradient of its forecast by lag shows which rows move it."""

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

MAX_ORIGINS = 128  # one a series; a profile is their average
MAX_STEPS = 8  # of the horizon; each costs a backward pass


def memory_profile(forecaster: BehindTables) -> pd.DataFrame:
    """Measure how much each step of the lookback moves the forecast.

    The gradient runs through the recurrent core only. The linear highway and the base forecast, which read the newest
    rows directly, are left out, because they would hide that a core forgets.

    Args:
        forecaster: a fitted forecaster of a network; of `auto`, the first member is measured.

    Returns:
        A row for each recurrent step, the newest first. `lag` counts the rows from the origin back to the newest row
        that the step reads (1 is the last row). `norm` is the Euclidean norm of the gradient of the median forecast,
        taken over steps of the horizon and inputs and averaged over origins; it is in the network's normalised units.

    Raises:
        ConfigError: if the model is not a network that reads the target's history.
        ModelError: if the forecaster is not fitted.

    References:
        Pascanu et al. (2013), On the difficulty of training recurrent neural networks.
    """
    return gradient_profile(fitted_of(forecaster))


def gradient_profile(fitted: FittedModel) -> pd.DataFrame:
    """Compute the table that `memory_profile` documents, for a fitted model."""
    import pandas as pd

    model = _network(fitted)
    assert model.network is not None
    network, window, panel = model.network, model.network.settings.window, model.encoded(fitted.context)
    ahead = window.horizon if network.settings.known else 0  # rows after the origin whose covariates are read
    chosen = evenly_spread(panel.n_series, MAX_ORIGINS)
    origins = Origins(chosen, np.maximum(panel.indptr[chosen + 1] - ahead, panel.indptr[chosen] + 1))
    rows = gather(panel, origins, before=window.lookback, after=ahead)
    static = torch.from_numpy(panel.static_values[origins.series])
    read = network.read(torch.from_numpy(rows.values), torch.from_numpy(rows.observed), static)
    inputs = read.inputs.detach().requires_grad_()  # (origin, recurrent step, feature)
    forecast = network.correct(inputs, read)[:, -1, :, 0]  # (origin, horizon)
    total = torch.zeros(inputs.shape[:2])
    steps = evenly_spread(forecast.shape[1], MAX_STEPS)
    for step in forecast[:, torch.from_numpy(steps)].unbind(1):
        # origins do not read one another, so the gradient of their sum holds the gradient of each
        [gradient] = torch.autograd.grad(step.sum(), inputs, retain_graph=True)
        total += gradient.square().sum(-1)
    norm = total.sqrt().mean(0).flip(0).double().numpy()
    return pd.DataFrame({"lag": np.arange(len(norm)) * window.segment + 1, "norm": norm})


def is_profiled(fitted: FittedModel) -> bool:
    """Return whether the model has a recurrent core that reads the target's history."""
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
    if isinstance(model, RecurrentModel) and isinstance(model.network, ForecastNetwork):
        return model
    return None
