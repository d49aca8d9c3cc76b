"""What tests share: places, quick settings, comparing frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.architectures import ARCHITECTURES

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"  # benchmark files, where someone has put them
MODELS = [name for name in ARCHITECTURES if name not in ("one_to_many", "aligned")]  # these two need covariates
QUICK = {"steps": 20, "hidden_size": 16, "batch_size": 8, "threads": 1}


def shared(name: str) -> pd.DataFrame:
    """A benchmark file, or the test is skipped."""
    path = SHARED / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"{name} is not in the folder beside the repository")
    return pd.read_parquet(path)


def same(left: pd.DataFrame, right: pd.DataFrame) -> bool:
    """Whether two frames are equal to the last bit."""
    pd.testing.assert_frame_equal(left, right, check_exact=True)
    return bool(np.array_equal(left.index, right.index))
