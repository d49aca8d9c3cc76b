"""What users rely on: public names, keywords, and doors that open quickly."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import forecast as fc
from forecast.settings import Settings

HEAVY = ("torch", "pandas", "pytorch_lightning", "mlflow", "sklearn", "matplotlib", "numpy")
PREDICTING = ("pytorch_lightning", "mlflow", "sklearn", "matplotlib")


def test_public_names() -> None:
    assert fc.__all__ == [
        "Evaluation",
        "ForecastError",
        "Forecaster",
        "Metric",
        "Settings",
        "aggregate",
        "best",
        "compare",
        "crps",
        "evaluate",
        "explain",
        "future_frame",
        "importance",
        "list_datasets",
        "load",
        "load_dataset",
        "memory_profile",
        "rolling",
        "runs",
        "score",
        "verify",
    ]
    assert all(callable(getattr(fc, name)) for name in fc.__all__)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = fc.nonsense


def test_keywords_of_forecaster_are_the_fields_of_settings() -> None:
    names = list(inspect.signature(fc.Forecaster).parameters)
    assert names == list(Settings.names())
    assert names[0] == "horizon"


def _loaded(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sorted(m for m in sys.modules if '.' not in m))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(answer.stdout.splitlines()[-1].split())


def test_import_is_free() -> None:
    assert not _loaded("import forecast") & set(HEAVY)


def test_help_is_free() -> None:
    code = "sys.argv = ['forecast', '--help']\nfrom forecast.cli.app import main\ntry:\n    main()\nexcept SystemExit:\n    pass"
    assert not _loaded(code) & set(HEAVY)


def test_predicting_needs_no_trainer(fitted: fc.Forecaster) -> None:
    fitted.save("model")
    loaded = _loaded("import forecast as fc\nfc.load('model').predict()")
    assert "torch" in loaded
    assert not loaded & set(PREDICTING)
