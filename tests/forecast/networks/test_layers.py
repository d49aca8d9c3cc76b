"""Layers that networks share."""

from __future__ import annotations

import pytest
import torch

from forecast.networks.layers import Narrow, rows_alike


@pytest.mark.parametrize("rows", [16, 80])
def test_a_row_has_the_same_bits_wherever_it_stands(rows: int) -> None:
    torch.manual_seed(0)
    with torch.inference_mode():
        for inside in range(1, 50, 3):
            for outside in range(1, 20):
                layer = Narrow(inside, outside).eval()
                found = layer(torch.randn(1, inside).repeat(rows, 1))
                assert (found == found[:1]).all(), (inside, outside)


def test_narrow_products_are_products() -> None:
    torch.manual_seed(0)
    values, layer = torch.randn(3, 5, 7), Narrow(7, 2)
    torch.testing.assert_close(layer.eval()(values), layer.train()(values))
    torch.testing.assert_close(rows_alike(values, layer.weight.T), values @ layer.weight.T)
