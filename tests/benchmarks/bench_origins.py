"""Milliseconds of CPU for each trained origin: our training beside a bare torch loop that does the same arithmetic.

The segmented GRU that `auto` uses on hourly data: 24 segments of 24 hours, 18 origins a crop, 48 hours out, 64 crops a
step, one thread. The bare loop runs forward, loss, backward and optimiser on one ready batch: no gathering, no
clipping, no averaging, no Lightning. Rounds alternate; the median of their ratios counts.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace

import torch
from report import Report, options
from step_clock import StepClock

from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.crops import CropPlan
from forecast.datasets.windows.datamodule import make_batch
from forecast.datasets.windows.facts import Facts
from forecast.models.recurrent import network_settings
from forecast.models.setting_rules import resolve
from forecast.networks.network import ForecastNetwork, NetworkSettings
from forecast.settings import Settings
from forecast.training.loop import train
from forecast.training.module import ForecastModule
from forecast.training.settings import TrainSettings

STEPS, ROUNDS, LIMIT = 40, 7, 1.10


def ours(shape: NetworkSettings, panel: Panel, plan: TrainSettings) -> float:
    """Milliseconds of CPU in a step of our training."""
    torch.manual_seed(0)
    clock = StepClock()
    train(ForecastNetwork(shape), panel, plan, progress=clock)
    return clock.milliseconds


def bare(shape: NetworkSettings, panel: Panel, plan: TrainSettings) -> float:
    """Milliseconds of CPU in a step of a plain loop with the same network and loss."""
    torch.manual_seed(0)
    module = ForecastModule(ForecastNetwork(shape), plan)
    optimiser = torch.optim.AdamW(module.parameters(), 1e-3, fused=True)
    batch = make_batch(panel, CropPlan(panel, shape.window, 0).draw(0, plan.batch_size), shape.window)
    clock = StepClock()
    for _ in range(plan.steps):
        loss = module.batch_loss(batch)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
        clock.step(1, 0.0)
    return clock.milliseconds


def main(argv: list[str] | None = None) -> None:
    given = options(__doc__).parse_args(argv)
    steps, rounds, series, hidden = (10, 1, 8, 8) if given.smoke else (STEPS, ROUNDS, 414, 128)
    torch.set_num_threads(1)
    panel = panel_from_table(synthetic(series, 800, season_length=24, freq="h"), Columns())
    wanted = Settings(horizon=48, val_size=0, hidden_size=hidden, device="cpu")
    settings, _ = resolve(wanted, Facts.of(panel, 48, 24))
    plan = replace(TrainSettings.of(settings), steps=steps, epochs=1)
    shape = network_settings("gru", settings, panel, 24)
    pairs = [(ours(shape, panel, plan), bare(shape, panel, plan)) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    origins = plan.batch_size * shape.window.origins
    mine, floor = (1e3 * statistics.median(column) / origins for column in zip(*pairs, strict=True))
    report = Report(given)
    text = f"{mine:.1f} us an origin, bare loop {floor:.1f} us, ratio {ratio:.3f} (at most {LIMIT})"
    report.line(text, origin_us=mine, bare_us=floor, origin_ratio=ratio)
    report.close()


if __name__ == "__main__":
    main(sys.argv[1:])
