"""Ctrl-C reaches whoever called `fit` from Python."""

from __future__ import annotations

import signal

import pandas as pd
import pytest
from house import QUICK

import forecast as fc
from forecast.progress import NoProgress


class _Interrupting(NoProgress):
    """An observer at whose third step the user presses Ctrl-C."""

    def __init__(self) -> None:
        self.steps, self.finished = 0, False

    def step(self, n: int, loss: float) -> None:
        self.steps += n
        if self.steps == 3:
            signal.raise_signal(signal.SIGINT)

    def finish(self) -> None:
        self.finished = True


@pytest.mark.parametrize("model", ["gru", "auto"])
def test_ctrl_c_comes_out_of_fit_as_it_is_and_works_again(frame: pd.DataFrame, model: str) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for _ in range(2):
            progress = _Interrupting()
            with pytest.raises(KeyboardInterrupt):
                fc.Forecaster(6, model=model, **QUICK).fit(frame, progress=progress, output="model")
            assert progress.finished
            assert progress.steps == 3
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
