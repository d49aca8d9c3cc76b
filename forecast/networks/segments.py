"""Embeddings, which turn the rows of each segment into one step that the recurrent core reads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MAX_SCALED_INPUT = 20.0  # in units of the origin; beyond it an outlier would drown every other input


class SegmentEmbedding(nn.Module):
    """A linear layer and a GELU over a segment's rows, and over their changes from the segment before.

    With one origin all segments are in that origin's units (the classical window). With many, each segment is in
    the units of the origin at its end; the change of level and scale since the origin before is an input, too, so that
    nothing about the past is lost.

    Args:
        segment: number of rows in a segment.
        hidden_size: number of features of the output.
        streaming: whether every segment has units of its own.
        masked: whether the mask of the rows is an input.
        extra: number of features of a segment's covariates; 0 by default.

    Attributes:
        output_size: number of features of the output.

    References:
        Lin et al. (2023), SegRNN: Segment Recurrent Neural Network for Long-Term Time Series Forecasting.
    """

    def __init__(self, segment: int, hidden_size: int, *, streaming: bool, masked: bool, extra: int = 0) -> None:
        super().__init__()
        self.streaming, self.masked = streaming, masked
        self.linear = nn.Linear(segment * (2 + masked) + 2 * streaming + extra, hidden_size)
        self.output_size = hidden_size

    def forward(
        self, segments: Tensor, observed: Tensor, level: Tensor, inverse: Tensor, extra: Tensor | None = None
    ) -> Tensor:
        """Embed each segment.

        Args:
            segments: (batch, segment number, row), the target in its own units.
            observed: (batch, segment number, row), 1.0 where the value was observed, else 0.0.
            level: (batch, segment number or 1, 1), in units of the target.
            inverse: (batch, segment number or 1, 1), 1 / scale, and 0 where the history is flat.
            extra: (batch, segment number, extra), the covariates; None (the default) where there are none.

        Returns:
            (batch, segment number, hidden).
        """
        change = torch.diff(segments, dim=1, prepend=segments[:, :1]) * inverse
        features = [(segments - level) * inverse, change]
        if self.streaming:
            features.append(torch.diff(level, dim=1, prepend=level[:, :1]) * inverse)
            features.append(_change_of_scale(inverse))
        if self.masked:
            features.append(observed)
        if extra is not None:
            features.append(extra)
        inputs = torch.cat(features, -1).clamp(-MAX_SCALED_INPUT, MAX_SCALED_INPUT)
        out: Tensor = nn.functional.gelu(self.linear(inputs))
        return out


class PlainEmbedding(nn.Module):
    """The textbook input, without weights: each step's normalised value, its mask and its covariates.

    Args:
        masked: whether the mask is an input.
        extra: number of features of a step's covariates; 0 by default.

    Attributes:
        output_size: number of features of the output.
    """

    def __init__(self, *, masked: bool, extra: int = 0) -> None:
        super().__init__()
        self.masked = masked
        self.output_size = 1 + masked + extra

    def forward(
        self, segments: Tensor, observed: Tensor, level: Tensor, inverse: Tensor, extra: Tensor | None = None
    ) -> Tensor:
        """Embed each step, (batch, time, feature); arguments as in `SegmentEmbedding`, with segments of one row."""
        features = [((segments - level) * inverse).clamp(-MAX_SCALED_INPUT, MAX_SCALED_INPUT)]
        features += ([observed] if self.masked else []) + ([extra] if extra is not None else [])
        return torch.cat(features, -1) if len(features) > 1 else features[0]


def _change_of_scale(inverse: Tensor) -> Tensor:
    """Compute log(scale / scale of the segment before), 0 where one of the two is 0; (batch, segment number, 1)."""
    before = torch.cat([inverse[:, :1], inverse[:, :-1]], 1)
    both_positive = (inverse > 0) & (before > 0)
    one = torch.ones_like(inverse)
    return torch.where(both_positive, before, one).log() - torch.where(both_positive, inverse, one).log()
