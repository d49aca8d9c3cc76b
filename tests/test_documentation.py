"""The documentation is true: every block runs in the page's order and prints what the page says; every link leads on.

Blocks fenced as `python` share the names of their page, those fenced as `shell` run in bash; both work in one empty
folder a page. A block fenced as `output` holds what the block above it writes to stdout. In `output varies` the numbers
(`<0.1` is one) differ from machine to machine; a line of three dots stands for any lines. Blocks fenced as `text` are
not run.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import commands
import pytest
from house import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = ("python", "shell")
KINDS = (*RUN, "output", "output varies", "text")
MOST_TEXT = 6  # blocks that are not run, over all pages
FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
NUMBER = re.compile(r"(?<![A-Za-z_])(?:[0-9a-f]{8}\b|<?-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?)")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block.

    Args:
        kind: what stands behind the fence.
        text: what stands between the fences.
        line: number of its first line in the page.
    """

    kind: str
    text: str
    line: int


def _blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(kind=fence["kind"], text=fence["text"], line=text[: fence.start()].count("\n") + 2)
        for fence in FENCE.finditer(text)
    ]


def _with_outputs(page: Path) -> Iterator[tuple[Block, Block | None]]:
    """Every block that runs, and the output behind it."""
    for block, after in pairwise([*_blocks(page), None]):
        if block is not None and block.kind in RUN:
            yield block, after if after is not None and after.kind.startswith("output") else None


def _python(block: Block, page: Path, names: dict[str, Any]) -> str:
    """What the block prints; a traceback shows the page's line."""
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout):
        exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)
    return stdout.getvalue()


def _shell(block: Block, page: Path) -> str:
    """What the block writes to stdout; the README runs the `forecast` that is installed, the others quicker copies."""
    copies = [] if page.name == "README.md" else [str(commands.folder())]
    path = os.pathsep.join([*copies, str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-e", "-c", block.text],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
        check=False,
    )
    assert done.returncode == 0, f"line {block.line}:\n{block.text}\n{done.stderr[-3000:]}"
    return done.stdout


def _lines(text: str, *, varies: bool) -> list[str]:
    """Lines to compare: neither blank lines nor the rules of tables, and no widths, which follow the longest number."""
    lines = [line.rstrip() for line in text.splitlines()]
    lines = [line for line in lines if line.strip(" ─━")]
    if not varies:
        return lines
    return [" ".join(NUMBER.sub("#", line).split()) for line in lines]


def _agrees(printed: list[str], promised: list[str]) -> bool:
    """Whether the lines are the promised ones; `...` stands for any lines."""
    pattern = "".join("(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + "\n" for line in promised)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


@pytest.mark.parametrize("page", [page for page in PAGES if list(_with_outputs(page))], ids=lambda page: page.name)
def test_blocks_run_and_print_what_the_page_says(
    page: Path, environment_as_before: None, new_store: Callable[[Path], str]
) -> None:
    if page.name != "README.md":  # which begins where nothing is
        new_store(Path(".forecast/mlflow.db"))
    names: dict[str, Any] = {"__name__": "page"}
    for block, output in _with_outputs(page):
        printed = _python(block, page, names) if block.kind == "python" else _shell(block, page)
        if output is None:
            assert not printed.strip(), f"{page.name}, line {block.line} prints what the page does not show: {printed}"
            continue
        varies = output.kind == "output varies"
        same = _agrees(_lines(printed, varies=varies), _lines(output.text, varies=varies))
        assert same, f"{page.name}, line {output.line} should say:\n{printed}"


@pytest.fixture
def environment_as_before() -> Iterator[None]:
    """Undo what MLflow's own calls on a page leave behind: an address in the environment and one in the process."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
    if "mlflow" in sys.modules:
        sys.modules["mlflow"].set_tracking_uri(None)
        os.environ.pop("MLFLOW_TRACKING_URI", None)


def test_fences_are_of_a_kind_that_is_checked() -> None:
    kinds = [(page.name, block.line, block.kind) for page in PAGES for block in _blocks(page)]
    assert [kind for kind in kinds if kind[2] not in KINDS] == []
    assert sum(kind == "text" for *_, kind in kinds) <= MOST_TEXT, "blocks that nobody runs become false"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [link["target"] for link in LINK.finditer(text) if "://" not in link["target"]]
    assert [target for target in targets if not _leads_on(page, target)] == []


def _leads_on(page: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    place = page if not name else page.parent / name
    if not place.exists():
        return False
    return not anchor or anchor in {_slug(line) for line in place.read_text(encoding="utf-8").splitlines()}


def _slug(line: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-") if line.startswith("#") else ""


def test_every_page_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"docs/{page.name}" not in text] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
