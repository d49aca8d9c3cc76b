"""The figures that the documentation quotes: measured, kept in figures.json, and shown in docs/figures.md.

    python tests/benchmarks/figures.py [FOLDER] [--only WORD] [--machine "two shared cores"] [--page]

Each figure in the file has what it is, a form such as "{step_32:.2f} times", the numbers that fill it, the command that
prints them (with `--json`), the day and the machine. Without a folder of benchmark files only those are measured that
need none; the file is written after each command, so that what was measured stays. `--page` measures nothing and writes
the page anew.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from string import Formatter
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILE, PAGE = Path(__file__).with_name("figures.json"), ROOT / "docs" / "figures.md"
MACHINE = "two shared CPU cores, one thread"
FOLDER = "FOLDER"  # in a command, where the benchmark files are
HEAD = """# Measured figures

`make figures` measures what needs only the machine, `make figures FOLDER=...` what needs a folder of benchmark files as
well; both write `tests/benchmarks/figures.json`, from which this page is made. Machines differ, so look at the ratios;
MASE is set beside seasonal naive's.
"""
Figure = dict[str, Any]


def read() -> list[Figure]:
    """Every figure, in the order of the page."""
    figures: list[Figure] = json.loads(FILE.read_text(encoding="utf-8"))
    return figures


def text(figure: Figure) -> str:
    """The figure in words: its form, filled."""
    return str(figure["form"].format(**figure["values"]))


def names(figure: Figure) -> set[str]:
    """The numbers that its form asks for."""
    return {name for _, name, _, _ in Formatter().parse(figure["form"]) if name}


def page(figures: list[Figure]) -> str:
    """The page, a table for each group."""
    parts = [HEAD]
    for group, members in groupby(figures, lambda figure: figure["group"]):
        rows = [f"| {f['what']} | {text(f)} | `{f['command']}` | {f['date']} |" for f in members]
        parts.append(
            "\n".join([f"## {group}\n", "| what | figure | command | measured |", "|---|---|---|---|", *rows, ""])
        )
    machines = sorted({figure["machine"] for figure in figures})
    return "\n".join([*parts, f"Machine: {'; '.join(machines)}.\n"])


def measure(command: str, folder: Path | None) -> dict[str, float]:
    """The numbers that a command prints, run in an empty folder."""
    place = "" if folder is None else str(folder)
    words = [place if word == FOLDER else word for word in shlex.split(command)]
    words = [sys.executable, str(ROOT / words[1]), *words[2:], "--json"]
    ours = os.environ | {"PYTHONPATH": str(ROOT)}  # this checkout, whatever is installed
    with tempfile.TemporaryDirectory() as empty:
        printed = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, cwd=empty, env=ours).stdout
    numbers: dict[str, float] = json.loads(printed.splitlines()[-1])
    return numbers


def renewed(figure: Figure, numbers: dict[str, float], machine: str) -> Figure:
    """The figure with what was measured just now."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return figure | {"values": {n: numbers[n] for n in sorted(names(figure))}, "date": today, "machine": machine}


def write(figures: list[Figure]) -> None:
    """The file, and the page that is made from it."""
    FILE.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(figures), encoding="utf-8")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="benchmark files")
    parser.add_argument("--only", default="", help="commands that hold this word")
    parser.add_argument("--machine", default=MACHINE, help="what it is measured on")
    parser.add_argument("--page", action="store_true", help="write the page from the file and stop")
    parser.add_argument("--smoke", action="store_true", help="fill every form, write nothing")
    parser.add_argument("--json", action="store_true", help="with --smoke, how many figures there are as an object")
    given = parser.parse_args(argv)
    figures, folder = read(), given.folder and given.folder.resolve()
    if given.smoke:
        stream = sys.stderr if given.json else sys.stdout
        stream.write(page(figures))
        sys.stdout.write(json.dumps({"figures": len(figures)}) + "\n" if given.json else "")
        return
    commands = [] if given.page else list(dict.fromkeys(figure["command"] for figure in figures))
    for command in commands:
        if given.only not in command or (folder is None and FOLDER in command):
            continue
        sys.stderr.write(f"{command}\n")
        numbers = measure(command, folder)
        figures = [renewed(f, numbers, given.machine) if f["command"] == command else f for f in figures]
        write(figures)
    write(figures)


if __name__ == "__main__":
    main(sys.argv[1:])
