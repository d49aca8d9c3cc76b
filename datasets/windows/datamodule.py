"""The Lightning data module: training, validation, test and prediction crops of one panel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from forecast.datasets.panel import Panel
from forecast.datasets.windows.crops import CropPlan, WindowSpec
from forecast.datasets.windows.history import ends_without_newest
from forecast.datasets.windows.origins import Integers, Origins, gather

CROPS_WITHOUT_GRADIENTS = 1024  # in one batch
MAX_VALIDATION_CROPS = 2048  # spread evenly over the validation rows; of more series, one each


class Batch(NamedTuple):
    """Crops as tensors.

    Args:
        values: (batch, lookback + horizon, channels) float32, each series less its offset.
        observed: (batch, lookback + horizon, channels) bool, False where the table had no value.
        scored: (batch, lookback + horizon) bool, True for the rows whose target counts in the loss.
        offset: (batch,) float32, the target's offset; values + offset are in units of the target.
        static: (batch, static columns) float32, the encoded static columns.
    """

    values: Tensor
    observed: Tensor
    scored: Tensor
    offset: Tensor
    static: Tensor

    def on(self, device: torch.device) -> Batch:
        """Return the batch on a device; itself, where it stands there."""
        return self if device == self.values.device else Batch(*(part.to(device) for part in self))


def make_batch(panel: Panel, origins: Origins, spec: WindowSpec, cut: Integers | None = None) -> Batch:
    """Gather the crops that end at `origins` and their futures.

    Args:
        panel: the rows.
        origins: the last origin of each crop.
        spec: shape of a crop.
        cut: (series,) flat row of each series from which targets count in the loss; None counts all.
    """
    window = gather(panel, origins, before=spec.lookback, after=spec.horizon)
    scored = window.observed[:, :, 0]
    if cut is not None:
        rows = origins.end[:, None] + np.arange(-spec.lookback, spec.horizon)
        scored = scored & (rows >= cut[origins.series][:, None])
    offset = panel.offset[origins.series, 0].astype(np.float32)
    static = panel.static_values[origins.series]
    return Batch(*(torch.from_numpy(a) for a in (window.values, window.observed, scored, offset, static)))


def validation_origins(panel: Panel, spec: WindowSpec, val_size: int) -> Origins:
    """Choose crops whose origins cover the last `val_size` rows of every series that has rows before them.

    Args:
        panel: the rows, those to validate on included.
        spec: shape of a crop.
        val_size: rows at each series' end that only validate.

    Returns:
        The last origin of each crop.
    """
    tile = spec.origins * spec.segment
    per_series = max(1, -(-(val_size - spec.horizon + 1) // tile))
    stride = tile * max(1, -(-per_series * panel.n_series // MAX_VALIDATION_CROPS))
    long = np.flatnonzero(panel.lengths > val_size)
    back = np.arange(min(spec.horizon, val_size), val_size + 1, stride)
    series, rows = np.repeat(long, len(back)), np.tile(back, len(long))
    return Origins(series, panel.indptr[series + 1] - rows)


class ForecastDataModule(LightningDataModule):
    """The crops of one panel; a batch is one gather, so that no worker processes are needed.

    Args:
        panel: the training rows, the validation cut included.
        spec: shape of a crop.
        batch_size: crops in one optimiser step.
        steps: optimiser steps in one epoch.
        val_size: rows at each series' end that only validate; 0 by default, which trains on everything.
        seed: seed of the order of crops; 0 by default.
        test: origins in `panel` for the test loader; None takes the end of each series.
    """

    def __init__(
        self,
        panel: Panel,
        spec: WindowSpec,
        *,
        batch_size: int,
        steps: int,
        val_size: int = 0,
        seed: int = 0,
        test: Origins | None = None,
    ) -> None:
        super().__init__()
        self.panel, self.spec, self.test = panel, spec, test
        self.cut = ends_without_newest(panel, val_size)
        self.train = panel.truncate(self.cut) if val_size else panel
        self.plan = CropPlan(self.train, spec, seed)
        self.batch_size, self.steps = batch_size, steps
        self.validation = validation_origins(panel, spec, val_size) if val_size else None

    def training_batches(self, epoch: int = 0) -> Iterator[Batch]:
        """Make the batches of an epoch, each as it is read; the next epoch goes on where this one ends."""
        for step in range(epoch * self.steps, (epoch + 1) * self.steps):
            yield make_batch(self.train, self.plan.draw(step * self.batch_size, self.batch_size), self.spec)

    def train_dataloader(self) -> DataLoader[Iterator[Batch]]:
        """Return the batches of one epoch as one item, so that Lightning's work is done once an epoch, not once a step."""
        return DataLoader(_Epoch(self), sampler=_EpochNumber(), batch_size=None, collate_fn=_as_is)

    def val_dataloader(self) -> DataLoader[Batch] | list[DataLoader[Batch]]:
        """Return the batches of validation crops; an empty list, which Lightning skips, where there are none."""
        if self.validation is None or not len(self.validation):
            return []
        return self._fixed(self.validation, self.cut)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Return the batches of the crops that end at the test origins."""
        return self._fixed(self.test if self.test is not None else Origins.last(self.panel))

    def predict_dataloader(self) -> DataLoader[Batch]:
        """Return the batches of the crops that end with each series."""
        return self._fixed(Origins.last(self.panel))

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move a batch to the device; the batches of an epoch are moved one by one, as they are made."""
        return batch.on(device) if isinstance(batch, Batch) else batch

    def _fixed(self, origins: Origins, cut: Integers | None = None) -> DataLoader[Batch]:
        """Return the batches of the crops that end at these origins, in their order."""
        crops = _Crops(self.panel, origins, self.spec, cut)
        # torch collates nothing: the crops come as a batch already
        return DataLoader(crops, sampler=_Chunks(len(origins)), batch_size=None, collate_fn=_as_is)


class _Epoch(Dataset[Iterator[Batch]]):
    """Epochs by their numbers; an item is all batches of one."""

    def __init__(self, data: ForecastDataModule) -> None:
        self.data = data

    def __getitem__(self, epoch: int) -> Iterator[Batch]:
        return self.data.training_batches(epoch)


class _EpochNumber(Sampler[int]):
    """The number of the epoch that is being trained."""

    def __init__(self) -> None:
        self.epoch = 0

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[int]:
        return iter([self.epoch])

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; Lightning calls this before each one."""
        self.epoch = epoch


class _Crops(Dataset[Batch]):
    """Crops by their numbers; an item is a whole batch."""

    def __init__(self, panel: Panel, origins: Origins, spec: WindowSpec, cut: Integers | None = None) -> None:
        self.panel, self.origins, self.spec, self.cut = panel, origins, spec, cut

    def __getitem__(self, numbers: range) -> Batch:
        return make_batch(self.panel, self.origins[numbers.start : numbers.stop], self.spec, self.cut)


class _Chunks(Sampler[range]):
    """The numbers 0 to n - 1 in order, a batch at a time."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return -(-self.n // CROPS_WITHOUT_GRADIENTS)

    def __iter__(self) -> Iterator[range]:
        size = CROPS_WITHOUT_GRADIENTS
        return (range(first, min(first + size, self.n)) for first in range(0, self.n, size))


def _as_is(batch: Any) -> Any:
    return batch
