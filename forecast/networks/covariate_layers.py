"""Covariates inside the network: embeddings of names, and what the known future does to each step of a forecast."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDEST = 16  # numbers a name becomes
CONTEXT = 32  # features of the state that meet the known future


class CovariateEmbedding(nn.Module):
    """Columns of numbers and codes as features: a number stays itself, a code becomes a learnt vector.

    Args:
        sizes: of each column, 0 for a number, the size of its vocabulary for a code (0 is the unknown one).
        masked: whether each column brings its mask along.

    References:
        Guo & Berkhahn (2016), Entity Embeddings of Categorical Variables.
    """

    def __init__(self, sizes: tuple[int, ...], *, masked: bool) -> None:
        super().__init__()
        self.sizes, self.masked = sizes, masked
        widths = [embedding_width(size) for size in sizes]
        tables = [nn.Embedding(n, w) for n, w in zip(sizes, widths, strict=True) if n]
        for table in tables:
            nn.init.normal_(table.weight, std=0.3)
        self.tables = nn.ModuleList(tables)
        self.output_size = sum(widths) + masked * sum(size == 0 for size in sizes)

    def forward(self, values: Tensor, observed: Tensor | None = None) -> Tensor:
        """(..., columns) to (..., features); codes come as floats."""
        parts, tables = [], iter(self.tables)
        for number, size in enumerate(self.sizes):
            column = values[..., number]
            if size:
                parts.append(next(tables)(column.long().clamp(0, size - 1)))
                continue
            parts.append((column if observed is None else column * observed[..., number]).unsqueeze(-1))
            if self.masked and observed is not None:
                parts.append(observed[..., number].to(values.dtype).unsqueeze(-1))
        return torch.cat(parts, -1)


class FutureEffect(nn.Module):
    """What the covariates of a step to be forecast add to it: a linear map of them, and one that the state steers.

    Args:
        hidden_size: of the state at the origin.
        features: of the known covariates of a step.
        width: numbers a step, as the head asks.
    """

    def __init__(self, hidden_size: int, features: int, width: int) -> None:
        super().__init__()
        self.state = nn.Linear(hidden_size, CONTEXT)
        self.known = nn.Linear(features, CONTEXT, bias=False)
        self.out = nn.Linear(CONTEXT, width)
        self.direct = nn.Linear(features, width, bias=False)
        for linear in (self.out, self.direct):  # so that training starts at the base forecast
            nn.init.normal_(linear.weight, std=0.1 * linear.in_features**-0.5)
        nn.init.zeros_(self.out.bias)

    def forward(self, state: Tensor, known: Tensor) -> Tensor:
        """(batch, origin, hidden), (batch, origin, horizon, features) -> (batch, origin, horizon, width)."""
        met = nn.functional.gelu(self.state(state).unsqueeze(-2) + self.known(known))
        out: Tensor = self.out(met) + self.direct(known)
        return out


def embedding_width(size: int) -> int:
    """Numbers for a vocabulary of so many names, 1 for a number; the rule of thumb 1.6 n^0.56."""
    return min(WIDEST, max(1, round(1.6 * size**0.56))) if size else 1
