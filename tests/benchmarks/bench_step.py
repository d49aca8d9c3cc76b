"""Milliseconds of CPU in an optimiser step: our Lightning training beside the bare torch loop, in one run.

One LSTM layer, 96 hours in, 48 hours out, 128 windows a step with one origin each, one thread. The bare loop is the
floor: the same layer and a two-layer head on a ready batch, no data loading, no Lightning. Rounds alternate, and the
median of their ratios is what counts on a noisy machine.
"""

from __future__ import annotations

import statistics
import sys

import torch
from report import Report, options
from step_clock import StepClock

from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.crops import WindowSpec
from forecast.networks.network import ForecastNetwork, NetworkSettings
from forecast.training.loop import train
from forecast.training.settings import TrainSettings

LOOKBACK, HORIZON, BATCH = 96, 48, 128
STEPS, ROUNDS = 60, 7
LIMITS = {32: 1.15, 128: 1.05}


def ours(panel: Panel, hidden: int, steps: int) -> float:
    """Milliseconds of CPU in a step of our training."""
    window = WindowSpec(lookback=LOOKBACK, horizon=HORIZON)
    torch.manual_seed(0)
    network = ForecastNetwork(
        NetworkSettings(
            cell="lstm",
            window=window,
            hidden_size=hidden,
            layers=1,
            dropout=0.0,
            normaliser="last",
            memory=24,
            base="last",
            season_length=24,
            levels=(),
            masked=False,
        )
    )
    settings = TrainSettings(
        loss="mae",
        series_weights="equal",
        teacher_forcing=0.0,
        steps=steps,
        epochs=1,
        batch_size=BATCH,
        learning_rate=1e-3,
        weight_decay=0.01,
        gradient_clip=1.0,
        patience=0,
        val_size=0,
        averaging=0.99,
        seed=0,
        device="cpu",
    )
    clock = StepClock()
    train(network, panel, settings, progress=clock)
    return clock.milliseconds


def bare(hidden: int, steps: int) -> float:
    """Milliseconds of CPU in a step of a plain loop."""
    torch.manual_seed(0)
    core = torch.nn.LSTM(1, hidden, batch_first=True)
    head = torch.nn.Sequential(torch.nn.Linear(hidden, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, HORIZON))
    optimiser = torch.optim.Adam([*core.parameters(), *head.parameters()], 1e-3)
    x, y = torch.randn(BATCH, LOOKBACK, 1), torch.randn(BATCH, HORIZON)
    clock = StepClock()
    for _ in range(steps):
        optimiser.zero_grad()
        loss = (head(core(x)[0][:, -1]) - y).abs().mean()
        loss.backward()
        optimiser.step()
        clock.step(1, 0.0)
    return clock.milliseconds


def main(argv: list[str] | None = None) -> None:
    given = options(__doc__).parse_args(argv)
    limits, steps, rounds = ({8: LIMITS[32]}, 10, 1) if given.smoke else (LIMITS, STEPS, ROUNDS)
    torch.set_num_threads(1)
    panel = panel_from_table(synthetic(8 if given.smoke else 414, 800, season_length=24, freq="h"), Columns())
    report = Report(given)
    report.line("milliseconds of CPU in an optimiser step, LSTM, 96 in, 48 out, 128 windows, one thread")
    for hidden, limit in limits.items():
        pairs = [(ours(panel, hidden, steps), bare(hidden, steps)) for _ in range(rounds)]
        ratio = statistics.median(a / b for a, b in pairs)
        mine, floor = (statistics.median(column) for column in zip(*pairs, strict=True))
        text = f"hidden {hidden:4}: {mine:6.2f} ms, bare loop {floor:6.2f} ms, ratio {ratio:.3f} (at most {limit})"
        report.line(text, **{f"step_{hidden}_ms": mine, f"bare_{hidden}_ms": floor, f"step_{hidden}": ratio})
    report.close()


if __name__ == "__main__":
    main(sys.argv[1:])
