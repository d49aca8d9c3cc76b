"""From rows to recurrent steps: what the core reads at each segment."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLAMP = 20.0  # in units of scale: an outlier may be loud, not deafening


class SegmentEmbedding(nn.Module):
    """A segment of rows as one step: Linear + GELU of the segment in its origin's units and what changed since.

    With one origin all segments are in that origin's units (the classical window). With many, each segment is in
    the units of the origin at its end, and the change of level and scale since the origin before is an input too,
    so that nothing about the past is lost.

    Args:
        segment: rows in a segment.
        hidden_size: features out.
        streaming: True where every segment has units of its own.
        masked: whether the observed mask is an input.
        extra: features of the covariates of a segment.

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
        """(batch, segments, segment) rows with their mask, (batch, segments or 1, 1) units, (batch, segments, extra)
        covariates -> (batch, segments, hidden).

        `inverse` is 1 / scale, and 0 where a history has no scale.
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
        out: Tensor = nn.functional.gelu(self.linear(torch.cat(features, -1).clamp(-CLAMP, CLAMP)))
        return out


class PlainEmbedding(nn.Module):
    """The textbook input: one normalised value a step, beside it its mask and the covariates where there are any."""

    def __init__(self, *, masked: bool, extra: int = 0) -> None:
        super().__init__()
        self.masked = masked
        self.output_size = 1 + masked + extra

    def forward(
        self, segments: Tensor, observed: Tensor, level: Tensor, inverse: Tensor, extra: Tensor | None = None
    ) -> Tensor:
        """(batch, time, 1) rows -> (batch, time, features)."""
        features = [((segments - level) * inverse).clamp(-CLAMP, CLAMP)]
        features += ([observed] if self.masked else []) + ([extra] if extra is not None else [])
        return torch.cat(features, -1) if len(features) > 1 else features[0]


def _change_of_scale(inverse: Tensor) -> Tensor:
    """Logarithm of the scale relative to the segment's before, 0 where either has none."""
    before = torch.cat([inverse[:, :1], inverse[:, :-1]], 1)
    known = (inverse > 0) & (before > 0)
    one = torch.ones_like(inverse)
    return torch.where(known, before, one).log() - torch.where(known, inverse, one).log()
