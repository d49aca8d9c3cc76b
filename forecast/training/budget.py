"""The budget of a training run, which is the number of optimiser steps that fit into some seconds on this machine."""

from __future__ import annotations

import copy
import time
from dataclasses import replace

import torch

from forecast.datasets.panel import Panel
from forecast.datasets.windows.datamodule import ForecastDataModule
from forecast.networks.network import ForecastNetwork
from forecast.training.module import ForecastModule
from forecast.training.settings import TrainSettings, tape

TRIAL_STEPS = 16
FRACTION_OF_TIME_FOR_STEPS = 0.85  # the rest is for validation and for what a noisy machine takes


def affordable_steps(network: ForecastNetwork, panel: Panel, settings: TrainSettings, seconds: float) -> int:
    """Measure how many optimiser steps fit into a time, on a copy of the network.

    The schedule is then planned for that many steps, so that it ends inside the time instead of being cut off. The
    time that measuring takes is part of the time. Nothing is measured where the job's tape gives the steps.

    Args:
        network: the network that will be trained; it does not change.
        panel: the training rows.
        settings: the settings of the training run.
        seconds: wall time for the run.

    Returns:
        The number of steps, at least 1 and at most `settings.steps`.
    """
    devices = [torch.cuda.current_device()] if settings.device == "cuda" else []
    with torch.random.fork_rng(devices=devices):  # so that what is trained afterwards does not depend on it
        return tape().next(lambda: _measured(network, panel, settings, seconds))


def _measured(network: ForecastNetwork, panel: Panel, settings: TrainSettings, seconds: float) -> int:
    """Measure some steps on a copy of the network, and return how many fit."""
    began = time.perf_counter()
    plan = replace(settings, steps=max(settings.steps, TRIAL_STEPS))  # a schedule that ends earlier refuses the rest
    trial = ForecastModule(copy.deepcopy(network), plan).to(settings.device)
    trial.configure_optimizers()
    data = ForecastDataModule(panel, network.settings.window, batch_size=settings.batch_size, steps=TRIAL_STEPS)
    for number, batch in enumerate(data.training_batches()):
        if number == TRIAL_STEPS // 2:  # the first half warms up
            started = time.perf_counter()
        trial.step(batch.on(trial.device)).item()
    seconds_per_step = (time.perf_counter() - started) / (TRIAL_STEPS - TRIAL_STEPS // 2)
    seconds_left = FRACTION_OF_TIME_FOR_STEPS * seconds - (time.perf_counter() - began)
    return max(1, min(settings.steps, int(seconds_left / seconds_per_step)))
