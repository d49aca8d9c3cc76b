"""The budget of a training run: how many optimiser steps a number of seconds pays for on this machine."""

from __future__ import annotations

import copy
import time
from dataclasses import replace

from forecast.datasets.panel import Panel
from forecast.datasets.windows.datamodule import ForecastDataModule
from forecast.networks.network import ForecastNetwork
from forecast.training.module import ForecastModule
from forecast.training.settings import TrainSettings

TRIAL_STEPS = 16  # steps that measure the machine; the first half warms up
SHARE_OF_TIME = 0.85  # of max_time; the rest is for validation and what a noisy machine takes


def affordable_steps(network: ForecastNetwork, panel: Panel, settings: TrainSettings, seconds: float) -> int:
    """Optimiser steps that fit into `seconds`, measured on a copy of the network, at most `settings.steps`.

    The schedule is then planned for that many, so that it ends inside the time instead of being cut off; what the
    measuring takes is part of the time.
    """
    began = time.perf_counter()
    plan = replace(settings, steps=max(settings.steps, TRIAL_STEPS))  # a schedule that ends earlier refuses the rest
    trial = ForecastModule(copy.deepcopy(network), plan).to(settings.device)
    trial.configure_optimizers()
    data = ForecastDataModule(panel, network.settings.window, batch_size=settings.batch_size, steps=TRIAL_STEPS)
    for number, batch in enumerate(data.training_batches()):
        if number == TRIAL_STEPS // 2:
            started = time.perf_counter()
        trial.step(batch.on(trial.device)).item()
    each = (time.perf_counter() - started) / (TRIAL_STEPS - TRIAL_STEPS // 2)
    left = SHARE_OF_TIME * seconds - (time.perf_counter() - began)
    return max(1, min(settings.steps, int(left / each)))
