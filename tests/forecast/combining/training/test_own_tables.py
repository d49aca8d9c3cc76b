"""Learning from tables: nothing after an end, nothing that is held back, nothing made up where nobody asked for it."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from forecast.combining.network import Combiner
from forecast.combining.training import pretraining
from forecast.combining.training.diet import draw_panels
from forecast.combining.training.examples import Examples, make_examples
from forecast.combining.training.loss import Batch, loss_of
from forecast.combining.training.own_tables import OwnTable, OwnTables, least_rows
from forecast.combining.training.panel_examples import ends_back, examples_before
from forecast.combining.trial import Trial
from forecast.datasets.errors import ConfigError, DataError
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table

HORIZON = 4
TINY = pretraining.Recipe(series=100, batches=6, width=8, hidden=8)


def _silent(text: str) -> None:
    pass


def _panel(n: int = 6, rows: int = 40, seed: int = 1) -> Panel:
    return panel_from_table(synthetic(n, rows, seed=seed), Columns())


def _poisoned(panel: Panel, ends: np.ndarray) -> Panel:
    """Replace every value from the flat row on at which each series ends."""
    after = np.arange(panel.n_rows) >= np.repeat(ends, panel.lengths)
    values = np.where(after[:, None], np.float32(1e9), panel.values)
    return replace(panel, values=values, target=np.where(after, 1e9, panel.target))


def _own(panel: Panel, share: float = 1.0, held_back: int = HORIZON) -> OwnTables:
    table = OwnTable.of("sales.csv", panel, 1, HORIZON, held_back)
    return OwnTables((table,), HORIZON, held_back, share)


def _assert_same(left: list[Examples], right: list[Examples]) -> None:
    assert len(left) == len(right) > 0
    for one, other in zip(left, right, strict=True):
        for name in ("tokens", "forecasts", "available", "actual", "first", "ahead", "steps"):
            assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True), name
        assert one.joined is not None
        assert other.joined is not None
        assert all(np.array_equal(*pair) for pair in zip(one.joined, other.joined, strict=True))


def test_examples_read_no_row_after_their_ends() -> None:
    panel, trial = _panel(), Trial(HORIZON, 7, 0)
    origins = ends_back(panel, np.arange(panel.n_series), 9, least_rows(HORIZON))
    assert len(origins) == panel.n_series
    _assert_same(examples_before(trial, panel, origins), examples_before(trial, _poisoned(panel, origins.end), origins))


def test_a_table_is_learnt_from_at_many_ends_and_horizons() -> None:
    table = _own(_panel()).tables[0]
    draws = list(islice(table.draw(HORIZON, np.random.default_rng(0)), 16))
    assert {examples.horizon for draw in draws for examples in draw} == set(range(1, HORIZON + 1))
    again = list(islice(table.draw(HORIZON, np.random.default_rng(0)), 16))
    _assert_same(*([examples for draw in each for examples in draw] for each in (draws, again)))
    one = islice(_own(_panel(1)).tables[0].draw(1, np.random.default_rng(0)), 8)
    assert len({examples.tokens.tobytes() for draw in one for examples in draw}) > 3, "each end has tokens of its own"


def test_it_learns_from_a_table() -> None:
    recipe = replace(TINY, batches=100)
    diet = pretraining.make_diet(recipe, _silent, _own(_panel(rows=60)))
    torch.manual_seed(0)
    losses = []
    for network in (Combiner(8, 8), pretraining.train(diet, recipe, None, _silent)):
        random = np.random.default_rng(0)
        losses.append(np.mean([loss_of(network, Batch.drawn(each, random)).item() for each in diet.own[0]]))
    assert losses[1] < 0.97 * losses[0]


def test_an_interruption_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "BATCHES_AT_ONCE", 2)
    own = _own(_panel(), share=0.5)
    whole = pretraining.train(pretraining.make_diet(TINY, _silent, own), TINY, None, _silent).state_dict()

    def stop(text: str) -> None:
        if "4 of 6" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretraining.train(pretraining.make_diet(TINY, _silent, own), TINY, tmp_path / "part", stop)
    reports = list[str]()
    again = pretraining.train(pretraining.make_diet(TINY, _silent, own), TINY, tmp_path / "part", reports.append)
    assert reports[0].startswith("4 of 6")
    assert all(torch.equal(whole[name], value) for name, value in again.state_dict().items())
    other = _own(_panel(seed=2)).fingerprint()
    for recipe, source in ((TINY, other), (replace(TINY, seed=1), own.fingerprint())):
        with pytest.raises(ConfigError, match="other options or tables"):
            pretraining.check_part(tmp_path / "part", recipe, source)
    (tmp_path / "part").write_bytes(b"cut off")
    with pytest.raises(ConfigError, match="no checkpoint"):
        pretraining.check_part(tmp_path / "part", TINY, own.fingerprint())


def test_a_whole_share_makes_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(random: np.random.Generator) -> None:
        raise AssertionError("nothing is to be made up")

    monkeypatch.setattr(pretraining, "draw_panels", refuse)
    diet = pretraining.make_diet(TINY, _silent, _own(_panel()))
    assert not diet.made_up
    assert diet.draw(np.random.default_rng(0)) in diet.own[0]
    with pytest.raises(AssertionError, match="made up"):
        pretraining.make_diet(TINY, _silent, _own(_panel(), share=0.5))


def test_the_share_is_of_the_batches() -> None:
    made_up, own = ([replace(_one(), season_length=season)] for season in (1, 2))
    diet = pretraining.Diet(made_up, [own], 0.3)
    drawn = [diet.draw(np.random.default_rng((0, batch))).season_length for batch in range(2000)]
    assert np.mean(np.array(drawn) == 2) == pytest.approx(0.3, abs=0.03)


def test_without_tables_nothing_else_is_drawn() -> None:
    """The shipped weights depend on it: the generator decides the place of a batch first, and then its steps."""
    panels = draw_panels(np.random.default_rng(TINY.seed))
    expected = list[Examples]()
    while sum(len(each.tokens) for each in expected) < TINY.series:
        examples = make_examples(next(panels))
        expected += [] if examples is None else [examples]
    diet = pretraining.make_diet(TINY, _silent)
    assert [each.tokens.tobytes() for each in diet.made_up] == [each.tokens.tobytes() for each in expected]
    for batch in range(20):
        one, other = (np.random.default_rng((TINY.seed, batch)) for _ in range(2))
        assert diet.draw(one) is diet.made_up[other.integers(len(diet.made_up))]
        assert one.bit_generator.state == other.bit_generator.state


def test_it_says_early_that_it_works() -> None:
    reports = list[str]()
    pretraining.make_diet(replace(TINY, series=260), reports.append)
    assert int(reports[0].split()[0]) < 5000
    assert reports[0].endswith("made-up series")


def test_a_table_that_is_too_short_is_refused_by_name() -> None:
    least = least_rows(HORIZON) + 3
    with pytest.raises(DataError, match=r"sales.csv is too short: its longest series has 10 rows") as caught:
        _own(_panel(rows=least - 1), held_back=3)
    assert "--held-back" in caught.value.hint
    assert _own(_panel(rows=least), held_back=3).tables[0].panel.n_rows == 6 * (least - 3)


def test_a_table_of_missing_values_is_refused_by_name() -> None:
    table = synthetic(1, 40, seed=1)
    table.loc[1:38, "y"] = np.nan
    own = _own(panel_from_table(table, Columns()), held_back=0)
    with pytest.raises(DataError, match=r"sales.csv has too few values"):
        pretraining.make_diet(TINY, _silent, replace(own, horizon=2))


def test_facts_say_what_was_read() -> None:
    table = pd.concat([synthetic(1, 40, seed=1), synthetic(1, 3, seed=2).assign(unique_id="short")])
    facts = _own(panel_from_table(table, Columns())).facts()["tables"]
    last = str(pd.Timestamp(synthetic(1, 40, seed=1)["ds"].iloc[-1 - HORIZON]).date())
    first = str(pd.Timestamp(synthetic(1, 40, seed=1)["ds"].iloc[0]).date())
    assert facts == [{"table": "sales.csv", "series": 1, "rows": 36, "first": first, "last": last}]


def _one() -> Examples:
    return next(iter(_own(_panel()).tables[0].draw(HORIZON, np.random.default_rng(0))))[0]
