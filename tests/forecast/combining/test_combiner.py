"""The combiner in torch, which is trained, and in numpy, which forecasts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from forecast.combining.joiners import JOINERS, N_JOINER_FACTS, SHARE, SLOTS, Joined
from forecast.combining.network import Combiner, TorchJoined
from forecast.combining.pool import NAMES
from forecast.combining.reader import LEVELS, combine, expected_weights, step_facts
from forecast.combining.tokens import WIDTH

N, ORIGINS, STEPS = 37, 5, 9


def _inputs() -> dict[str, Any]:
    random = np.random.default_rng(0)
    first = random.integers(0, ORIGINS, N)
    available = random.random((N, len(NAMES))) < 0.7
    available[:, 0] = True
    return {
        "tokens": random.normal(size=(N, ORIGINS, WIDTH)).astype(np.float32),
        "alive": np.arange(ORIGINS) >= first[:, None],
        "forecasts": random.normal(size=(N, len(NAMES), STEPS)).astype(np.float32),
        "available": available,
        "facts": step_facts(np.arange(1, STEPS + 1), 4, STEPS),
        "joined": Joined(
            random.normal(size=(N, len(JOINERS), STEPS)).astype(np.float32),
            random.random((N, len(JOINERS))) < 0.7,
            random.normal(size=(N, len(JOINERS), N_JOINER_FACTS)).astype(np.float32),
        ),
    }


def _network() -> Combiner:
    torch.manual_seed(1)
    network = Combiner(32, 48)
    torch.nn.init.normal_(network.out.weight, std=0.3)
    torch.nn.init.normal_(network.out.bias, std=0.3)
    torch.nn.init.normal_(network.join.hidden, std=0.3)
    torch.nn.init.normal_(network.join.facts, std=0.3)
    return network


def _weights(network: Combiner) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy() for name, value in network.state_dict().items()}


def test_numpy_computes_what_torch_does() -> None:
    network, given = _network(), _inputs()
    found = combine(_weights(network), **given)
    every = np.repeat(given["forecasts"][:, None], ORIGINS, axis=1)
    with torch.inference_mode():
        expected = network(
            torch.from_numpy(given["tokens"]),
            torch.from_numpy(given["alive"].argmax(axis=1)),
            torch.from_numpy(every),
            torch.from_numpy(given["available"])[:, None].expand(-1, ORIGINS, -1),
            torch.from_numpy(given["facts"]),
            TorchJoined(
                *(torch.from_numpy(part)[:, None].expand(-1, ORIGINS, *part.shape[1:]) for part in given["joined"])
            ),
        )[:, -1]
    np.testing.assert_allclose(found.quantiles, expected.numpy(), atol=2e-5)
    assert expected_weights(_weights(network)) == {name: w.shape for name, w in _weights(network).items()}


def test_weights_sum_to_one_over_what_is_available() -> None:
    found = combine(_weights(_network()), **(given := _inputs()))
    np.testing.assert_allclose(found.weights.sum(axis=2), 1, rtol=1e-5)
    available = np.concatenate([given["available"], given["joined"].available], axis=1)
    assert found.weights.shape == (N, STEPS, len(SLOTS))
    assert (found.weights.transpose(0, 2, 1)[~available] == 0).all()
    assert (np.diff(found.quantiles, axis=2) > 0).all()
    assert found.quantiles.shape == (N, STEPS, len(LEVELS))


def test_it_cannot_run_away() -> None:
    given = _inputs()
    found = combine(_weights(_network()), **given)
    available = np.concatenate([given["available"], given["joined"].available], axis=1)
    forecasts = np.concatenate([given["forecasts"], given["joined"].forecasts], axis=1)
    there = np.where(available[:, :, None], forecasts, np.nan)
    low, high = np.nanmin(there, axis=1), np.nanmax(there, axis=1)
    middle, reach = found.quantiles[:, :, LEVELS.index(0.5)], high - low + 0.23
    assert (middle > low - reach).all()
    assert (middle < high + reach).all()


@pytest.mark.parametrize("n", [1, 3, 20])
def test_company_changes_no_bit(n: int) -> None:
    given, weights = _inputs(), _weights(_network())
    every = combine(weights, **given).quantiles
    some = slice(7, 7 + n)
    part = {name: array if name == "facts" else array[some] for name, array in given.items() if name != "joined"}
    part["joined"] = Joined(*(array[some] for array in given["joined"]))
    assert np.array_equal(combine(weights, **part).quantiles, every[7 : 7 + n])


def test_what_came_before_a_history_is_not_read() -> None:
    given, weights = _inputs(), _weights(_network())
    before = combine(weights, **given).quantiles
    given["tokens"] = np.where(given["alive"][:, :, None], given["tokens"], np.float32(7))
    assert np.array_equal(combine(weights, **given).quantiles, before)


def test_a_joiner_has_a_fixed_share_until_it_is_tuned() -> None:
    torch.manual_seed(1)
    found = combine(_weights(Combiner(32, 48)), **(given := _inputs()))
    joined = found.weights[:, :, len(NAMES) :]
    np.testing.assert_allclose(joined[given["joined"].available.repeat(STEPS).reshape(N, STEPS)], SHARE, rtol=1e-5)
