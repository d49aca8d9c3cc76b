"""CPU time of single optimiser steps, by listening to the progress that training reports."""

from __future__ import annotations

import statistics
import time

from forecast.progress import NoProgress

WARM = 5  # first steps are slower: memory is fetched, kernels are chosen


class StepClock(NoProgress):
    """Notes the process's CPU time at the end of every step; from end to end is a whole step, loading included."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def step(self, n: int, loss: float) -> None:
        self.marks.append(time.process_time())

    @property
    def milliseconds(self) -> float:
        """Median of a step; a median, since the machine is shared."""
        steps = [after - before for before, after in zip(self.marks[WARM:], self.marks[WARM + 1 :], strict=False)]
        return statistics.median(steps) * 1e3
