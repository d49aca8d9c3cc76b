"""One training run: Lightning's Trainer runs with our callback, which leaves the best weights in the network."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import Logger
from torch import Tensor

from forecast.datasets.panel import Panel
from forecast.datasets.windows.datamodule import ForecastDataModule
from forecast.networks.network import ForecastNetwork
from forecast.progress import NoProgress, Progress
from forecast.training.callback import Learning
from forecast.training.losses import pinball
from forecast.training.module import ForecastModule
from forecast.training.settings import TrainSettings

GAP_SHARE, FEWEST_GAP_STEPS = 0.25, 100  # of the steps of the median, forwards only
GAP_RATE = 0.02  # peak of the learning rate
BATCHES_FOR_ERRORS, MOST_ERRORS = 8, 20_000  # of each step, that gaps start from


def train(
    network: ForecastNetwork,
    panel: Panel,
    settings: TrainSettings,
    *,
    progress: Progress | None = None,
    logger: Logger | None = None,
) -> list[dict[str, float]]:
    """Train a network in place, and leave the best weights in it.

    Args:
        network: a network with fresh weights.
        panel: the training rows, as the network reads them; the rows that validate are the last of each series.
        settings: the settings of the training run.
        progress: shows each step and epoch to the user; None (the default) shows nothing.
        logger: a Lightning logger that records the learning curve; None (the default) records nothing.

    Returns:
        The learning curve, one row for each epoch: epoch, step, train_loss, val_loss (where rows validate),
        learning_rate, the gradient's norm in each part of the network (gradient/core.0 is the first recurrent layer),
        seconds since the start.

    Raises:
        RunError: if the loss becomes NaN or grows beyond bounds.
        KeyboardInterrupt: if the user stops it.
    """
    module = ForecastModule(network, settings)
    data = ForecastDataModule(
        panel,
        network.settings.window,
        batch_size=settings.batch_size,
        steps=settings.steps // settings.epochs,
        val_size=settings.val_size,
        seed=settings.seed,
    )
    learning = Learning(settings, module, progress or NoProgress(), logger)
    with _quiet():
        trainer = Trainer(
            accelerator="gpu" if settings.device == "cuda" else "cpu",
            devices=1,
            max_epochs=settings.epochs,
            callbacks=[learning],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=-1,  # the whole validation before the first step: training must beat its start
            use_distributed_sampler=False,
        )
        _fit(trainer, module, data)
    return learning.curve


def train_gaps(network: ForecastNetwork, panel: Panel, settings: TrainSettings) -> None:
    """Fit the gaps between the quantiles of a trained network in place, and nothing else; without gaps, do nothing.

    They come after the median, on forecasts as they will be made, so that they neither move it nor follow a network
    that is still learning. They start at the quantiles of each step's errors, and learn how these differ by state.

    Args:
        network: a trained network.
        panel: the training rows.
        settings: the settings of the training run.
    """
    gaps = network.gaps
    if gaps is None:
        return
    steps = max(FEWEST_GAP_STEPS, int(GAP_SHARE * settings.steps))
    module = ForecastModule(network, settings).to(settings.device).eval()
    data = ForecastDataModule(
        panel,
        network.settings.window,
        batch_size=settings.batch_size,
        steps=steps,
        val_size=0,  # the median has not learnt from the rows that validate: its errors there are honest
        seed=settings.seed,
    )
    network.requires_grad_(False)
    gaps.start_at(_error_quantiles(module, data, gaps.shape[0]))
    adam = torch.optim.Adam(gaps.requires_grad_().parameters(), GAP_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, GAP_RATE, total_steps=steps + 1)
    for batch in data.training_batches(settings.epochs):
        adam.zero_grad()
        pinball(module.scaled(batch.on(module.device))).backward()  # type: ignore[no-untyped-call]
        adam.step()
        schedule.step()
    network.requires_grad_()
    gaps.requires_grad_(False)


def _error_quantiles(module: ForecastModule, data: ForecastDataModule, steps: int) -> Tensor:
    """Return the quantiles of the errors of a trained median at each step, (steps, levels); with 1, of all together."""
    errors = []
    for batch in islice(data.training_batches(0), BATCHES_FOR_ERRORS):
        scaled = module.scaled(batch.on(module.device))
        error = torch.where(scaled.weight > 0, scaled.target - scaled.point, torch.nan)
        errors.append(error.reshape(-1, error.shape[-1] if steps > 1 else 1))
    found = torch.cat(errors).nan_to_num(nan=torch.nan, posinf=torch.nan, neginf=torch.nan).double()
    quantiles = torch.nanquantile(found[-MOST_ERRORS:], module.levels.double(), dim=0).T.nan_to_num(0.0)
    side = torch.sign(module.levels.double() - 0.5)
    return torch.where(side < 0, quantiles.clamp_max(0), torch.where(side > 0, quantiles.clamp_min(0), 0.0))


def _fit(trainer: Trainer, module: ForecastModule, data: ForecastDataModule) -> None:
    """Run the Trainer, and raise KeyboardInterrupt on Ctrl-C.

    Lightning answers Ctrl-C with exit code 1, and leaves the signal ignored afterwards; both are undone here.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, datamodule=data)
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if signal.getsignal(signal.SIGINT) is not handler:
            signal.signal(signal.SIGINT, handler)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning's advice on loaders, devices and loggers, which is for people who write Lightning code."""
    names = ("pytorch_lightning", "lightning_fabric", "pytorch_lightning.utilities.rank_zero", "lightning.pytorch")
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric)\..*")
            warnings.filterwarnings("ignore", message=r".*LeafSpec.*")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
