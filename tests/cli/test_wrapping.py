"""Sentences fit 80 columns, and neither names nor times are broken for that."""

from __future__ import annotations

import pytest

from forecast.cli.comparing import print_text

PLACE = "/data/of-all-the-shops/in-the-north-and-the-south/forecasts-of-next-month-2024-01-31.parquet"


@pytest.mark.parametrize(
    "text", [f"no actual of {PLACE} has arrived yet", "12 of 24 forecasts " * 4 + "up to 2012-09-28"]
)
@pytest.mark.parametrize("before", range(12))
def test_names_and_times_stay_whole(text: str, before: int, capsys: pytest.CaptureFixture[str]) -> None:
    print_text("x" * before + " " + text)
    shown = capsys.readouterr().out
    assert set(text.split()) <= set(shown.split())
    assert all(len(line) <= 80 or PLACE in line for line in shown.splitlines())
