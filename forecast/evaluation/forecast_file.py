"""A sink for the forecasts of a backtest: a file that grows by row groups, or memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from forecast.datasets.errors import ConfigError
from forecast.datasets.temporary import beside

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".parquet", ".csv")


class ForecastFile:
    """A collector of frames, which keeps them in memory or writes them straight to disk.

    On disk they go to a temporary file, which takes its final name when `frame` is called; if the work fails before,
    no file is left. It is used as a context manager.

    Args:
        path: a name ending in .parquet or .csv; None keeps the frames in memory.

    Raises:
        ConfigError: if the name ends otherwise.
    """

    def __init__(self, path: str | Path | None) -> None:
        self.path = Path(path) if path is not None else None
        if self.path is not None and self.path.suffix not in SUFFIXES:
            raise ConfigError(
                f"cannot write forecasts to {self.path}", hint=f"Use a name ending in {' or '.join(SUFFIXES)}."
            )
        self._stack = ExitStack()
        self._frames: list[pd.DataFrame] = []
        self._writer: Any = None
        self._temporary: Path | None = None

    def __enter__(self) -> ForecastFile:
        if self.path is not None:
            self._temporary = self._stack.enter_context(beside(self.path))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        self._stack.close()

    def writer(self, model: str | None) -> Callable[[pd.DataFrame], None]:
        """Return a function that takes a model's frames.

        Args:
            model: the model's name, which becomes the column `model`; None adds no column.
        """

        def write(frame: pd.DataFrame) -> None:
            if model is not None:
                frame.insert(0, "model", model)
            self._add(frame)

        return write

    def frame(self) -> pd.DataFrame | None:
        """Return all frames as one, or complete the file on disk and return None."""
        import pandas as pd

        if self.path is None:
            return pd.concat(self._frames, ignore_index=True)
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        assert self._temporary is not None
        with open(self._temporary, "rb+") as file:
            os.fsync(file.fileno())
        self._temporary.chmod(0o644)
        os.replace(self._temporary, self.path)
        return None

    def _add(self, frame: pd.DataFrame) -> None:
        if self._temporary is None:
            self._frames.append(frame)
        elif self.path is not None and self.path.suffix == ".csv":
            empty = self._temporary.stat().st_size == 0
            frame.to_csv(self._temporary, mode="a", header=empty, index=False)
        else:
            self._add_row_group(frame)

    def _add_row_group(self, frame: pd.DataFrame) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.Table.from_pandas(frame, preserve_index=False)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._temporary, table.schema, compression="zstd")
        self._writer.write_table(table)
