"""The house's floors: imports point down, packages are what the folders are."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest
from house import ROOT

FLOORS = {"datasets": 0, "forecast": 1, "cli": 2}
FILES = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py")) if "__pycache__" not in path.parts]
FILES = [path for path in FILES if not {"datasets", "cli"} & set(path.relative_to(ROOT).parts[1:-1])]


def _floor_of(module: str) -> int | None:
    if module == "forecast.cli" or module.startswith("forecast.cli."):
        return 2
    if module == "forecast.datasets" or module.startswith("forecast.datasets."):
        return 0
    return 1 if module == "forecast" or module.startswith("forecast.") else None


def _imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [node.module or ""] + [f"{node.module}.{name.name}" for name in node.names]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    own = FLOORS[path.relative_to(ROOT).parts[0]]
    modules = [name for name in _imports(path) if _floor_of(name) is not None]
    if path.name == "grid.py":
        modules = [name for name in modules if name != "forecast.datasets.panel"]
    above = [name for name in modules if (_floor_of(name) or 0) > own and name != "forecast"]
    assert not above, f"{path} imports upwards: {above}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_import_of_a_bare_floor(path: Path) -> None:
    roots = {name.split(".")[0] for name in _imports(path)}
    assert not roots & {"datasets", "cli"}, "the wheel has no such top-level names"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_small_and_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text)), "a file begins with what it is for"


def test_packages_are_the_folders() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {str(path.parent.relative_to(ROOT)).replace("/", ".") for path in FILES if path.name == "__init__.py"}
    renamed = {name if name.startswith("forecast") else f"forecast.{name}" for name in found}
    assert set(listed) == renamed


def test_links_for_static_tools() -> None:
    for name in ("datasets", "cli"):
        link = ROOT / "forecast" / name
        assert link.is_symlink()
        assert str(link.readlink()) == f"../{name}"
