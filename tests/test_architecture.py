"""The house: wings in their order, imports that point down, rooms of a size one can read."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import ROOT

# From the ground up: a wing imports only itself and what stands before it.
ORDER = (
    "forecast.datasets.errors",
    "forecast.datasets.declarations",
    "forecast.datasets.ending",
    "forecast.datasets.processes",
    "forecast.datasets.temporary",
    "forecast.datasets.time",
    "forecast.datasets.panel",
    "forecast.datasets.windows",
    "forecast.datasets.tables",
    "forecast.datasets",
    "forecast.settings",
    "forecast.quantiles",
    "forecast.protocol",
    "forecast.progress",
    "forecast.networks",
    "forecast.training",
    "forecast.baselines",
    "forecast.models",
    "forecast.combining",
    "forecast.uncertainty",
    "forecast.automatic",
    "forecast.architectures",
    "forecast.fitted",
    "forecast.storage",
    "forecast.insight",
    "forecast.evaluation",
    "forecast.tracking",
    "forecast.evaluator",
    "forecast.forecaster",
    "forecast.future_rows",
    "forecast.records",
    "forecast.pyfunc",
    "forecast.jobs",
    "forecast.cli",
)
DOOR = "forecast/__init__.py"  # it names modules of every wing, and imports one when a public name is first used
ONLY_FOR_TYPES = {  # what a file may name from above, for its annotations only
    "datasets/panel.py": {"forecast.datasets.tables"},
    "forecast/insight/plotting.py": {"forecast.evaluation"},
}
ONLY_AN_ADDRESS = {"forecast/tracking/artifacts.py": {"forecast.pyfunc"}}  # MLflow imports it when it serves a model
MOST_FILES = 10  # of a folder of forecast/, beside its __init__.py
MOST_LINES = 400

FOLDERS = ("datasets", "forecast", "cli")
FILES = [
    path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")) if "__pycache__" not in path.parts
]
FILES = [path for path in FILES if not {"datasets", "cli"} & set(path.relative_to(ROOT).parts[1:-1])]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join((*(() if parts[0] == "forecast" else ("forecast",)), *parts)).removesuffix(".__init__")


def _wing(module: str) -> str | None:
    """The longest entry of the order that a module is in; None where it is none of ours."""
    inside = [wing for wing in ORDER if module == wing or module.startswith(f"{wing}.")]
    return max(inside, key=len, default="forecast" if module == "forecast" else None)


def _named(node: ast.AST, path: Path) -> list[str]:
    """Modules that a statement imports, or that a string such as "forecast.models.recurrent:RecurrentModel" names."""
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{path}: relative import"
        return [f"{node.module}.{name.name}" for name in node.names]
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("forecast."):
        module = node.value.partition(":")[0]
        return [module] if module.replace(".", "").replace("_", "").isalnum() else []
    return []


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Every module a file names, inside functions too, and whether that is for annotations only."""
    queue: list[tuple[ast.AST, bool]] = [(ast.parse(path.read_text(encoding="utf-8")), False)]
    while queue:
        node, typing = queue.pop()
        yield from ((module, typing) for module in _named(node, path))
        queue += [(child, typing or _for_types(node)) for child in ast.iter_child_nodes(node)]


@pytest.mark.parametrize("path", [path for path in FILES if _name(path) != DOOR], ids=_name)
def test_imports_point_down(path: Path) -> None:
    own = _wing(_module(path))
    assert own is not None, f"{_name(path)} stands in no wing of the order"
    typed, addressed = (table.get(_name(path), set()) for table in (ONLY_FOR_TYPES, ONLY_AN_ADDRESS))
    for module, for_types in _imports(path):
        wing = _wing(module)
        if wing is None or (for_types and wing in typed) or module in addressed:
            continue
        assert wing != "forecast", f"{_name(path)} imports the door"
        assert ORDER.index(wing) <= ORDER.index(own), f"{_name(path)} imports {module}, which stands above it"


def test_exceptions_for_annotations_are_still_needed() -> None:
    for name, wings in ONLY_FOR_TYPES.items():
        assert wings <= {_wing(module) for module, for_types in _imports(ROOT / name) if for_types}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_no_import_of_a_bare_folder(path: Path) -> None:
    roots = {name.split(".")[0] for name, _ in _imports(path)}
    assert not roots & {"datasets", "cli"}, "the wheel has no such top-level names"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_files_are_small_and_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert ast.get_docstring(ast.parse(text)), "a file begins with what it is for"


def test_rooms_are_few_in_a_wing() -> None:
    rooms = Counter(_name(path.parent) for path in FILES if path.name != "__init__.py")
    crowded = {folder: n for folder, n in rooms.items() if folder.startswith("forecast") and n > MOST_FILES}
    assert not crowded


def test_no_module_bears_the_name_of_a_public_function() -> None:
    import forecast

    names = {_module(path).rpartition(".")[2] for path in FILES if path.relative_to(ROOT).parts[0] != "cli"}
    assert not names & {name for name in forecast.__all__ if name.islower()}


def test_packages_are_the_folders() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert set(listed) == {_module(path) for path in FILES if path.name == "__init__.py"}


def test_links_for_static_tools() -> None:
    for name in ("datasets", "cli"):
        link = ROOT / "forecast" / name
        assert link.is_symlink()
        assert str(link.readlink()) == f"../{name}"


def test_tests_mirror_the_folders() -> None:
    folders = {path.parent.relative_to(ROOT) for path in FILES}
    tests = list((ROOT / "tests").rglob("test_*.py"))
    places = {path.parent.relative_to(ROOT / "tests") for path in tests} - {Path()}
    assert places <= folders
    assert len({path.name for path in tests}) == len(tests), "names of test files are unique"
    assert not list((ROOT / "tests").rglob("__init__.py"))
