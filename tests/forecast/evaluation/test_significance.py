"""Tests of significance, against numbers worked by hand, published ones, and scipy's."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.evaluation.significance import diebold_mariano, holm, wilcoxon

DARWIN = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]  # crossed less self-fertilised maize, 1/8 inch


def test_wilcoxon_on_darwins_maize() -> None:
    assert (
        wilcoxon(np.array(DARWIN, float)) == 0.041259765625
    )  # scipy documents it: 1352 of 2 ** 15 signs are as far out as 24


def test_wilcoxon_by_hand() -> None:
    assert wilcoxon(np.array([1.0, 2.0, 3.0])) == 0.25  # 1 of 8 signs on each side
    assert wilcoxon(np.array([1.0, 1.0, -1.0])) == 1.0  # ranks 2, 2, 2: at most one counted has 4 of 8, on each side
    assert wilcoxon(np.array([0.0, np.nan, 1.0, 2.0, 3.0])) == 0.25


@given(st.lists(st.integers(-9, 9), min_size=51, max_size=80))
@settings(max_examples=30, deadline=None)
def test_wilcoxon_of_many_pairs_is_scipys(values: list[int]) -> None:
    pairs = np.array([value for value in values if value], float)
    if len(pairs) > 50:
        expected = scipy.stats.wilcoxon(pairs, correction=False, method="asymptotic").pvalue
        assert wilcoxon(np.array(values, float)) == pytest.approx(expected)


def test_wilcoxon_of_few_pairs_is_scipys() -> None:
    pairs = np.random.default_rng(0).normal(0.3, 1, 30)
    assert wilcoxon(pairs) == pytest.approx(scipy.stats.wilcoxon(pairs, method="exact").pvalue)


def test_diebold_mariano_without_overlap_is_the_t_test() -> None:
    p = diebold_mariano(np.array([[1.0, 2.0, 3.0]]))
    assert p == pytest.approx(1 - 12**0.5 / 14**0.5)  # t = 2 / (1 / sqrt(3)) with 2 degrees of freedom
    many = np.random.default_rng(1).normal(0.2, 1, (5, 12))
    assert diebold_mariano(many) == pytest.approx(scipy.stats.ttest_1samp(many, 0, axis=1).pvalue)


def test_diebold_mariano_with_overlap_by_hand() -> None:
    p = diebold_mariano(np.array([[0.0, 1.0, 2.0, 3.0, 4.0]]), 2)
    # autocovariances 2 and 0.8, variance 3.6 / 5, statistic 2 / sqrt(0.72) * sqrt(0.48) = sqrt(8 / 3), 4 degrees of
    # freedom: sin^2 = 0.4 and cos^2 = 0.6 of its angle
    assert p == pytest.approx(1 - 0.4**0.5 * 1.3)


def test_a_variance_that_is_not_positive_is_estimated_without_the_overlap() -> None:
    difference = np.array([[3.0, 1.0, 2.0, 4.0, 0.0]])  # autocovariances 2 and -1
    assert diebold_mariano(difference, 2) == pytest.approx(diebold_mariano(difference, 1))


def test_missing_losses_are_left_out() -> None:
    difference = np.array([[np.nan, 1.0, 2.0, 3.0], [np.nan] * 4])
    p = diebold_mariano(difference)
    assert p[0] == pytest.approx(diebold_mariano(difference[:1, 1:])[0])
    assert np.isnan(p[1])


def test_what_cannot_be_tested_has_no_p() -> None:
    assert np.isnan(diebold_mariano(np.array([[1.0], [2.0]]))).all(), "one cutoff"
    assert np.isnan(diebold_mariano(np.array([[1.0, 2.0, 3.0]]), 3)).all(), "all of them overlap"
    assert np.isnan(diebold_mariano(np.full((1, 4), 0.1))).all(), "no variance"


@given(st.integers(1, 60), st.integers(1, 4))
def test_identical_models_are_never_significant(n: int, overlap: int) -> None:
    assert wilcoxon(np.zeros(n)) == 1.0
    assert (diebold_mariano(np.zeros((2, n)), overlap) == 1.0).all()


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, float("nan")]) == pytest.approx([0.03, 0.06, 0.06, float("nan")], nan_ok=True)
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
