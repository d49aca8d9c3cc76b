"""Layers that networks share: narrow products, embeddings of names, the effect of known covariates on each step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MAX_EMBEDDING_WIDTH = 16
FUTURE_EFFECT_WIDTH = 32
FEWEST_COLUMNS = 16  # of a product, from which every row is computed alike


class Narrow(nn.Linear):
    """A linear layer of few outputs, which forecasts the same bits wherever a row stands in its batch.

    Products with few columns are summed by kernels that treat rows by their place in memory, so that the last bit of a
    forecast would depend on which others are made beside it. Outside training the product has zero columns behind.
    """

    def forward(self, values: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        if self.training or self.out_features >= FEWEST_COLUMNS:
            return super().forward(values)
        product = rows_alike(values, self.weight.T)
        return product if self.bias is None else product + self.bias


def rows_alike(values: Tensor, weight: Tensor) -> Tensor:
    """Multiply (..., in) by (in, out), with the same bits for a row wherever it stands."""
    missing = FEWEST_COLUMNS - weight.shape[1]
    if missing <= 0:
        return values @ weight
    return (values @ nn.functional.pad(weight, (0, missing)))[..., : weight.shape[1]].contiguous()


class CovariateEmbedding(nn.Module):
    """A layer that turns columns into features: a number stays itself, a code becomes a learnt vector.

    Args:
        sizes: for each column, 0 where it holds numbers, or the size of its vocabulary where it holds codes. Code 0
            stands for a name that training did not see, and counts in the size.
        masked: whether the mask of each column of numbers is a feature, too.

    Attributes:
        output_size: number of features.

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
        """Turn columns into features.

        Args:
            values: (..., column), numbers, and codes as floats.
            observed: (..., column) bool, False where a number is missing (it is then read as 0); None where nothing is.

        Returns:
            (..., feature).
        """
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
    """A layer that computes what the known covariates of each step of the horizon add to the forecast of that step.

    It adds a linear map of the covariates and a small network over the covariates together with the state at the
    origin, so that an effect may depend on what the series did before.

    Args:
        hidden_size: number of features of the state at the origin.
        features: number of features of the known covariates of a step.
        width: number of outputs for each step, which is the head's `width`.
    """

    def __init__(self, hidden_size: int, features: int, width: int) -> None:
        super().__init__()
        self.state = nn.Linear(hidden_size, FUTURE_EFFECT_WIDTH)
        self.known = nn.Linear(features, FUTURE_EFFECT_WIDTH, bias=False)
        self.out = Narrow(FUTURE_EFFECT_WIDTH, width)
        self.direct = Narrow(features, width, bias=False)
        for linear in (self.out, self.direct):  # small, so that training starts at the base forecast
            nn.init.normal_(linear.weight, std=0.1 * linear.in_features**-0.5)
        nn.init.zeros_(self.out.bias)

    def forward(self, state: Tensor, known: Tensor) -> Tensor:
        """Compute the effect in units of the origin.

        Args:
            state: (batch, origin, hidden), the core's states at the origins.
            known: (batch, origin, horizon, feature), the known covariates of the steps to be forecast.

        Returns:
            (batch, origin, horizon, width), which is added to the decoder's output.
        """
        combined = nn.functional.gelu(self.state(state).unsqueeze(-2) + self.known(known))
        out: Tensor = self.out(combined) + self.direct(known)
        return out


def embedding_width(size: int) -> int:
    """Return the number of features of a column.

    Args:
        size: size of the column's vocabulary, 0 for a column of numbers.

    Returns:
        1 for a column of numbers, else 1.6 size^0.56 (a rule of thumb of the library fastai), at most 16.
    """
    return min(MAX_EMBEDDING_WIDTH, max(1, round(1.6 * size**0.56))) if size else 1
