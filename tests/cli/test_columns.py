"""Tables fit a terminal, and words stay whole."""

from __future__ import annotations

import pytest
from commands import run
from hypothesis import given
from hypothesis import strategies as st

from forecast.cli.columns import laid_out

WORDS = st.lists(st.text("abcü", min_size=1, max_size=12), max_size=12).map(" ".join)


@given(st.integers(1, 9).flatmap(lambda n: st.lists(st.lists(WORDS, min_size=n, max_size=n), min_size=1, max_size=5)))
def test_lines_fit_and_every_word_is_whole(rows: list[list[str]]) -> None:
    lines = list(laid_out([f"name{k}" for k in range(len(rows[0]))], rows, 40))
    assert max(map(len, lines)) <= 40
    shown = " ".join(lines).split()
    for column in range(1, len(rows[0])):  # the first one is repeated
        for row in rows:
            assert set(row[column].split()) <= set(shown)


def test_what_fits_is_one_table() -> None:
    lines = list(laid_out(["model", "mase"], [["theta", "0.9"], ["gru", "10.25"]], 40, numbers={"mase"}))
    assert lines == [" model    mase", " ─────────────", " theta     0.9", " gru     10.25"]


def test_what_does_not_fit_follows_with_the_first_column() -> None:
    lines = list(laid_out(["model", "first", "second"], [["a b", "1" * 9, "2" * 9]], 22, numbers={"first", "second"}))
    assert lines[:3] == [" model       first", " ─────────────────", " a b     111111111"]
    assert lines[3:] == ["", " model      second", " ─────────────────", " a b     222222222"]


def test_cells_are_broken_between_words_and_wide_letters_count_twice() -> None:
    lines = list(laid_out(["what", "found"], [["note", "one two three"], ["日本", "x"]], 17))
    assert lines == [" what   found", " ────────────────", " note   one two", "        three", " 日本   x"]


@pytest.mark.parametrize(
    "words", ["models list", "models show esrnn", "datasets list", "settings", "settings lookback"]
)
def test_tables_in_a_pipe_are_80_letters_wide(words: str) -> None:
    done = run(*words.split())
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
