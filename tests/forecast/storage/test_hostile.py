"""Hostile model directories: whoever wrote them signed them, too, so that only the strict reader stands in their way.

Every corruption is a `ModelError` of one line that names the file, and costs no memory to speak of.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.numpy
from house import QUICK, same
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.errors import ModelError
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import TableFormat
from forecast.pyfunc import _load_pyfunc
from forecast.storage.directory import FILES, MANIFEST

CONFIG, TENSORS, CONTEXT = FILES
MOST_GROWTH = 300 * 2**20  # bytes of memory, whatever a directory says it holds
LEVELS = (0.1, 0.9)
MODELS: dict[str, dict[str, Any]] = {
    "gru": {"known": ("price",), "static": ("shop",)},
    "auto": {"members": 2, "blend": "boosted"},
    "theta": {},
    "boosting": {},
    "deepar": {},
    "calibrated": {"model": "gru", "calibrate": "adaptive"},
}


def _table() -> pd.DataFrame:
    table = synthetic(3, 80, seed=1)
    names = sorted(table["unique_id"].unique())
    table["price"] = np.random.default_rng(0).choice(["low", "high"], len(table))
    return table.assign(shop=table["unique_id"].map({name: f"shop {k}" for k, name in enumerate(names)}))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model directory of each kind of model."""
    folder, quick = tmp_path_factory.mktemp("models"), {**QUICK, "steps": 3}
    made = {}
    for name, more in MODELS.items():
        model = fc.Forecaster(6, **{"model": name, "quantiles": LEVELS, **quick, **more})
        made[name] = model.fit(_table()).save(folder / name)
    return made


@pytest.fixture
def copy(saved: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A function that copies a model directory, for a test to corrupt."""
    return lambda name: Path(shutil.copytree(saved[name], tmp_path / name))


# -- tools -------------------------------------------------------------------------------------------------------------


def _peak() -> int:
    """The most bytes of memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _sign(directory: Path) -> None:
    """Write the manifest that the files have by now."""
    hashes = {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in FILES}
    (directory / MANIFEST).write_text(json.dumps({"sha256": hashes}))


def _refused(directory: Path, name: str) -> ModelError:
    """Loading ends in an error of one line that names the file, says what to do, and is none of memory."""
    before = _peak()
    with pytest.raises(ModelError, match=name.replace(".", r"\.")) as caught:
        fc.load(directory)
    assert _peak() - before < MOST_GROWTH
    error = caught.value
    assert error.exit_code == 4
    assert "\n" not in error.message
    assert error.message.isprintable()
    assert len(error.message) < 600
    assert error.hint
    assert "alloc" not in error.message.lower()
    assert "Memory" not in error.message
    return error


def _at(config: Any, place: str) -> tuple[Any, Any]:
    """The object or list that a place such as panel.channels.0.name lies in, and its key there."""
    *path, last = [int(key) if key.isdigit() else key for key in place.split(".")]
    for key in path:
        config = config[key]
    return config, int(last) if isinstance(last, int) else last


def _change_config(directory: Path, change: Callable[[Any], None]) -> None:
    path = directory / CONFIG
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    _sign(directory)


def _change_tensors(directory: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = directory / TENSORS
    state = safetensors.numpy.load(path.read_bytes())
    change(state)
    path.write_bytes(safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in state.items()}))
    _sign(directory)


def _change_context(directory: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    path = directory / CONTEXT
    pq.write_table(change(pq.read_table(path)), path, compression="zstd")
    _sign(directory)


def _with(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


# -- what is no regular file, or none of the model ---------------------------------------------------------------------


def _link(path: Path) -> None:
    target = path.with_name(f".{path.name}")
    target.write_bytes(path.read_bytes() if path.exists() else b"")
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _link_to_a_device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def _pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40] if path.exists() else b"half")


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(5000))


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 20 * 2**30)


@pytest.mark.parametrize("place", [*FILES, MANIFEST, "notes.txt"])
@pytest.mark.parametrize("way", [_link, _link_to_a_device, _pipe, _folder, _empty, _cut, _noise, _sparse])
def test_only_the_regular_files_of_a_model_are_read(
    copy: Callable[[str], Path], way: Callable[[Path], None], place: str
) -> None:
    directory = copy("theta")
    way(directory / place)
    if way in (_empty, _cut, _noise) and place in FILES:
        _sign(directory)
    _refused(directory, place)


def test_a_link_to_the_directory_and_hidden_files_are_no_offence(copy: Callable[[str], Path], tmp_path: Path) -> None:
    directory = copy("theta")
    (directory / ".DS_Store").write_bytes(b"a desktop")
    (tmp_path / "newest").symlink_to(directory)
    assert same(fc.load(tmp_path / "newest").predict(), fc.load(directory).predict())


@pytest.mark.parametrize(
    "manifest",
    [
        "[]",
        '{"sha256": []}',
        '{"sha256": {"config.json": 1}}',
        '{"sha256": {}, "more": 1}',
        '{"sha256": {"../x": "0"}}',
    ],
)
def test_a_manifest_names_exactly_the_files(copy: Callable[[str], Path], manifest: str) -> None:
    directory = copy("theta")
    (directory / MANIFEST).write_text(manifest)
    _refused(directory, MANIFEST)


# -- config.json -------------------------------------------------------------------------------------------------------

PLACES = ["season_length", "settings.horizon", "panel.grid.freq", "support.lower", "resolved.hidden_size"]
OBJECTS = ["settings", "resolved", "panel", "panel.format", "support"]
VALUES: dict[str, Any] = {
    "a text": "x\n\x1b[31m",
    "a list": [1, 2],
    "an object": {"a": 1},
    "a truth": True,
    "a fraction": 0.5,
    "below zero": -1,
    "64 bits": 2**63,
    "a billion": 10**9,
}
ADMITTED = {  # values that a setting or a support may have
    ("support.lower", "a fraction"),
    ("support.lower", "below zero"),
    ("support.lower", "64 bits"),
    ("support.lower", "a billion"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", VALUES)
def test_values_of_another_kind_or_size(copy: Callable[[str], Path], place: str, value: str) -> None:
    if (place, value) in ADMITTED:
        return
    directory = copy("gru")

    def change(config: Any) -> None:
        part, key = _at(config, place)
        part[key] = VALUES[value]

    _change_config(directory, change)
    _refused(directory, CONFIG)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", ["NaN", "1e999", "-Infinity", "9" * 5000, "[" * 200 + "]" * 200, '"\\ud800"'])
def test_json_that_is_no_plain_value(copy: Callable[[str], Path], place: str, text: str) -> None:
    directory = copy("gru")

    def change(config: Any) -> None:
        part, key = _at(config, place)
        part[key] = "HERE"

    _change_config(directory, change)
    path = directory / CONFIG
    path.write_text(path.read_text().replace('"HERE"', text))
    _sign(directory)
    _refused(directory, CONFIG)


@pytest.mark.parametrize("place", PLACES)
def test_a_key_that_is_missing(copy: Callable[[str], Path], place: str) -> None:
    directory = copy("gru")

    def change(config: Any) -> None:
        part, key = _at(config, place)
        del part[key]

    _change_config(directory, change)
    assert place.rpartition(".")[2] in _refused(directory, CONFIG).message


@pytest.mark.parametrize("place", OBJECTS)
def test_a_key_that_is_unknown(copy: Callable[[str], Path], place: str) -> None:
    directory = copy("gru")

    def change(config: Any) -> None:
        part, key = _at(config, place)
        part[key]["surprise"] = 1

    _change_config(directory, change)
    assert "surprise" in _refused(directory, CONFIG).message


@pytest.mark.parametrize("place", OBJECTS)
def test_a_key_that_is_there_twice(copy: Callable[[str], Path], place: str) -> None:
    directory = copy("gru")

    def change(config: Any) -> None:
        part, key = _at(config, place)
        part[key]["HERE"] = 1

    _change_config(directory, change)
    path = directory / CONFIG
    path.write_text(path.read_text().replace('"HERE": 1', '"twice": 1, "twice": 2'))
    _sign(directory)
    assert "twice" in _refused(directory, CONFIG).message


@pytest.mark.parametrize(
    "text", ["[]", "null", "3", '"text"', '{"schema": ' + "[" * 100_000, "[" + "[]," * 3_000_000 + "1]"]
)
def test_a_config_that_is_no_object(copy: Callable[[str], Path], text: str) -> None:
    directory = copy("theta")
    (directory / CONFIG).write_text(text)
    _sign(directory)
    _refused(directory, CONFIG)


PANELS: dict[str, tuple[str, Any]] = {
    "another frequency": ("panel.grid.step", 7),
    "an unknown frequency": ("panel.grid.freq", "fortnight"),
    "an unknown zone": ("panel.format.zone", "Mars/Olympus"),
    "an unknown dtype of times": ("panel.format.time_dtype", "period[x]"),
    "an unknown dtype of ids": ("panel.format.id_dtypes", ["nonsense"]),
    "an id of other parts": ("panel.format", TableFormat(ids=("a", "b"), id_dtypes=("str", "str")).to_json()),
    "an id without a dtype": ("panel.format.ids", ["unique_id", "shop"]),
    "a level that is no column": ("panel.format.levels", ["unique_id", "when"]),
    "another role": ("panel.channels.1.role", "past"),
    "no channel": ("panel.channels", []),
    "names that do not suffice": ("panel.channels.1.categories", ["high"]),
    "numbers for names": ("panel.channels.1.categories", None),
    "bounds without room": ("support", {"lower": 1, "upper": 1, "is_open": False, "whole": False, "inferred": False}),
}


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_that_contradicts_its_rows(copy: Callable[[str], Path], name: str) -> None:
    directory, (place, value) = copy("gru"), PANELS[name]

    def change(config: Any) -> None:
        part, key = _at(config, place)
        part[key] = value

    _change_config(directory, change)
    _refused(directory, f"({CONFIG}|{CONTEXT})")


SIZES = {
    "hidden_size": 60_000,
    "layers": 200,
    "memory": 90_000,
    "horizon": 90_000,
    "lookback": 90_000,
    "head": "normal",
    "decoder": "attention",
    "quantiles": [0.1, 0.2, 0.9],
    "season_length": 900_000,
    "model": "lstm",
}
READ = {  # which of these a forecast reads, where it does not read all: the networks of auto have settings of their own
    "auto": ("horizon", "quantiles"),
    "theta": ("horizon", "model"),
    "boosting": ("horizon", "model", "quantiles"),
    "deepar": tuple(name for name in SIZES if name != "quantiles"),
}


@pytest.mark.parametrize("model", ["gru", "auto", "theta", "boosting", "deepar", "calibrated"])
@pytest.mark.parametrize("name", SIZES)
def test_settings_that_the_tensors_are_not_of(copy: Callable[[str], Path], model: str, name: str) -> None:
    if name not in READ.get(model, SIZES) or (model, name) == ("deepar", "memory"):  # it has all of its lookback
        return
    directory = copy(model)

    def change(config: Any) -> None:
        for part in ("settings", "resolved"):
            config[part][name] = SIZES[name]
        if name == "season_length":
            config[name] = SIZES[name]

    _change_config(directory, change)
    _refused(directory, f"({CONFIG}|{TENSORS}|{CONTEXT})")


# -- model.safetensors -------------------------------------------------------------------------------------------------

ARRAYS = {  # an array of numbers of each model
    "gru": "highway.weight",
    "auto": "0.0.core.layers.0.layer.weight_ih_l0",
    "theta": "horizon",
    "boosting": "trees.value",
    "deepar": "highway.weight",
    "calibrated": "calibration.weights",
}
TEXTS = {"gru": "network_settings", "auto": "parts", "deepar": "covariates", "calibrated": "calibration.trained"}


def _more(array: Any) -> Any:
    return np.concatenate([array, array])


def _another_dtype(array: Any) -> Any:
    return array.astype(np.float32 if array.dtype == np.float64 else np.float64)


def _not_finite(array: Any) -> Any:
    array = array.astype(np.float64) if array.dtype.kind == "i" else array
    array.flat[-1] = np.inf
    return array


def _another_rank(array: Any) -> Any:
    return array[None]


@pytest.mark.parametrize("model", ARRAYS)
@pytest.mark.parametrize("way", [_more, _another_dtype, _not_finite, _another_rank, None])
def test_an_array_that_is_another(copy: Callable[[str], Path], model: str, way: Callable[[Any], Any] | None) -> None:
    directory, name = copy(model), ARRAYS[model]

    def change(state: dict[str, Any]) -> None:
        array = state.pop(name)
        if way is not None:
            state[name] = way(array)

    _change_tensors(directory, change)
    _refused(directory, TENSORS)


@pytest.mark.parametrize("model", ARRAYS)
@pytest.mark.parametrize("name", ["surprise", "0.surprise", "9.highway.weight", "calibration.surprise"])
def test_an_array_too_many(copy: Callable[[str], Path], model: str, name: str) -> None:
    directory = copy(model)
    _change_tensors(directory, lambda state: state.update({name: np.zeros(3)}))
    _refused(directory, TENSORS)


@pytest.mark.parametrize("model", TEXTS)
@pytest.mark.parametrize("text", ["[" * 5000, "{}", "[1]", '{"masked": 1, "masked": 1}', '[{"name": NaN}]', "\x00"])
def test_json_in_an_array(copy: Callable[[str], Path], model: str, text: str) -> None:
    directory = copy(model)
    content = np.frombuffer(text.encode(), np.uint8)
    _change_tensors(directory, lambda state: state.update({TEXTS[model]: content}))
    _refused(directory, TENSORS)


@pytest.mark.parametrize("name", ["trees.feature", "trees.kept", "trees.threshold", "trees.base", "errors"])
@pytest.mark.parametrize("value", [0, 1000])
def test_trees_that_would_look_up_what_is_not_there(copy: Callable[[str], Path], name: str, value: int) -> None:
    if (name, value) not in {("trees.feature", 1000), ("trees.kept", 0)}:
        return
    directory = copy("boosting")
    _change_tensors(directory, lambda state: state.update({name: np.full_like(state[name], value)}))
    _refused(directory, TENSORS)


HEADERS: dict[str, Any] = {
    "a shape that is larger than its bytes": {"dtype": "I64", "shape": [10**9], "data_offsets": [0, 8]},
    "a shape whose bytes overflow": {"dtype": "I64", "shape": [2**32, 2**32], "data_offsets": [0, 8]},
    "a shape below zero": {"dtype": "I64", "shape": [-1], "data_offsets": [0, 8]},
    "bytes behind the end": {"dtype": "I64", "shape": [10**9], "data_offsets": [0, 8 * 10**9]},
    "bytes that begin later": {"dtype": "I64", "shape": [1], "data_offsets": [8, 16]},
    "an unknown dtype": {"dtype": "C64", "shape": [1], "data_offsets": [0, 8]},
    "no place": {"dtype": "I64", "shape": [1]},
    "no object": [1, 2, 3],
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_tensors(copy: Callable[[str], Path], name: str) -> None:
    directory = copy("theta")
    header = json.dumps({"horizon": HEADERS[name]}).encode()
    (directory / TENSORS).write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    _sign(directory)
    _refused(directory, TENSORS)


@pytest.mark.parametrize("length", [0, 7, 2**31, 2**40, 2**64 - 1])
def test_a_header_of_another_length(copy: Callable[[str], Path], length: int) -> None:
    directory = copy("theta")
    path = directory / TENSORS
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    _sign(directory)
    _refused(directory, TENSORS)


# -- context.parquet ---------------------------------------------------------------------------------------------------

COLUMNS = ["__series__", "id", "target", "value_1", "static_shop"]


def _without(table: pa.Table, name: str) -> pa.Table:
    return table.drop_columns([name])


def _twice(table: pa.Table, name: str) -> pa.Table:
    return table.append_column(name, table[name])


def _nested(table: pa.Table, name: str) -> pa.Table:
    return _with(table, name, [[1, 2]] * len(table))


def _other_type(table: pa.Table, name: str) -> pa.Table:
    return _with(table, name, np.arange(len(table)).astype(np.int16)) if name != "static_shop" else _nested(table, name)


def _missing_values(table: pa.Table, name: str) -> pa.Table:
    if name == "static_shop":
        return _without(table, name)
    return _with(table, name, pa.array([None, *table[name].to_pylist()[1:]], table[name].type))


def _no_rows(table: pa.Table, name: str) -> pa.Table:
    return table.slice(0, 0)


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("way", [_without, _twice, _nested, _other_type, _missing_values, _no_rows])
def test_columns_of_another_kind(
    copy: Callable[[str], Path], way: Callable[[pa.Table, str], pa.Table], name: str
) -> None:
    directory = copy("gru")
    _change_context(directory, lambda table: way(table, name))
    _refused(directory, CONTEXT)


def _filled(value: Any, kind: Any) -> Callable[[Any], Any]:
    return lambda column: np.full(len(column), value, kind)


ROWS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "an infinite target": ("target", _filled(np.inf, np.float64)),
    "a target where none was observed": ("observed_0", lambda column: ~column),
    "values that are not finite": ("value_0", _filled(np.nan, np.float32)),
    "offsets that are not finite": ("offset_0", _filled(np.inf, np.float64)),
    "codes without a name": ("value_1", _filled(99, np.float32)),
    "codes below zero": ("value_1", _filled(-1, np.float32)),
    "series that are not sorted": ("__series__", lambda column: column[::-1].copy()),
    "series that begin below zero": ("__series__", lambda column: column - 1),
    "series with gaps": ("__series__", lambda column: column * 2),
    "one id for all": ("id", lambda column: np.full(len(column), "a", object)),
    "times before the calendar": ("start", _filled(-(2**62), np.int64)),
    "times after the calendar": ("start", _filled(2**62, np.int64)),
}


@pytest.mark.parametrize("model", ["gru", "theta", "auto", "boosting", "deepar"])
@pytest.mark.parametrize("name", ROWS)
def test_rows_that_no_table_gave(copy: Callable[[str], Path], model: str, name: str) -> None:
    directory, (column, change) = copy(model), ROWS[name]
    if column == "value_1" and model != "gru":
        return  # it has no covariates
    _change_context(directory, lambda table: _with(table, column, change(table[column].to_numpy())))
    _refused(directory, CONTEXT)


@pytest.mark.parametrize(("rows", "parts", "letters"), [(2_000_000, 25, 1), (20, 40, 10**6)], ids=["rows", "texts"])
def test_rows_that_unpack_into_gigabytes(copy: Callable[[str], Path], rows: int, parts: int, letters: int) -> None:
    directory = copy("theta")
    table = pq.read_table(directory / CONTEXT)
    columns = {field.name: np.zeros(rows, field.type.to_pandas_dtype()) for field in table.schema if field.name != "id"}
    ids = pa.array(["x" * letters]).take(pa.array(np.zeros(rows, np.int64)))
    part = pa.table({name: columns.get(name, ids) for name in table.column_names})
    with pq.ParquetWriter(directory / CONTEXT, part.schema, compression="zstd", use_dictionary=letters == 1) as writer:
        for _ in range(parts):
            writer.write_table(part)
    assert (directory / CONTEXT).stat().st_size < 2**21
    _sign(directory)
    assert "bytes of memory" in _refused(directory, CONTEXT).message


@pytest.mark.parametrize("model", ["gru", "calibrated"])
def test_a_calibration_goes_with_its_settings(copy: Callable[[str], Path], model: str) -> None:
    directory = copy(model)

    def change(config: Any) -> None:
        for part in ("settings", "resolved"):
            config[part]["calibrate"] = "split" if model == "gru" else "none"

    _change_config(directory, change)
    assert "calibrat" in _refused(directory, TENSORS).message


def test_every_door_has_the_strict_reader(copy: Callable[[str], Path]) -> None:
    directory = copy("theta")
    _change_tensors(directory, lambda state: state.update(horizon=np.array([7])))
    with pytest.raises(ModelError, match=TENSORS):
        _load_pyfunc(str(directory))
    ended = CliRunner().invoke(app, ["predict", str(directory)])
    assert isinstance(ended.exception, ModelError)  # of which `main` makes the exit code 4
    assert TENSORS in str(ended.exception)
    _pipe(directory / CONTEXT)
    with pytest.raises(ModelError, match=CONTEXT):
        fc.verify(directory)


@pytest.mark.parametrize("model", MODELS)
def test_what_was_saved_is_read(saved: dict[str, Path], model: str) -> None:
    first, second = (fc.load(saved[model]) for _ in range(2))
    panel = first.context
    origins = first._fitted.last_origins(panel)
    found = first._fitted.predict(panel, origins)
    assert np.isfinite(found.point).all()
    assert np.array_equal(found.point, second._fitted.predict(panel, origins).point)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("seed", range(10))
def test_noise_in_a_signed_file_is_refused_or_read(copy: Callable[[str], Path], name: str, seed: int) -> None:
    """Whether a byte may be another one is not for the manifest to say, but no byte ends in anything else."""
    directory, rng = copy("gru"), np.random.default_rng(seed)
    content = bytearray((directory / name).read_bytes())
    for place in rng.integers(0, len(content), 3):
        content[place] = rng.integers(256)
    (directory / name).write_bytes(content)
    _sign(directory)
    with suppress(ModelError):
        loaded = fc.load(directory)
        assert np.isfinite(loaded.context.values).all()
