"""`forecast compare` prints leaderboards, groups and verdicts with these functions, in 80 columns."""

from __future__ import annotations

import re
from textwrap import fill
from typing import TYPE_CHECKING, Any

from forecast.cli.output import cell, say, show, show_frame, show_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

WIDTH = 80
MOST_RUNS = 5  # side by side in a table by groups
LONGEST_SETTING = 24


def show_leaderboards(frame: pd.DataFrame, metric: str) -> None:
    """Print each leaderboard under what it is of, then the runs that cannot be ranked."""
    from forecast.tracking.comparing.boards import tables

    for table in tables(frame):
        print_text(heading(table))
        rows = [_row(row, metric) for row in table.to_dict("records")]
        show_rows(["model", "skill", metric, "coverage", "time", "run"], rows, numbers={"skill", metric, "time"})
        for verdict in table.get("verdict", []):
            if verdict:
                print_text(str(verdict))
        print_text("")
    rest = frame[frame["protocol"] == ""]
    if len(rest):
        names = ", ".join(
            f"{run[:8]} ({status.lower()})" for run, status in zip(rest["run_id"], rest["status"], strict=True)
        )
        say(fill(f"not ranked, since they have no protocol on record: {names}", WIDTH))


def show_runs(frame: pd.DataFrame) -> None:
    """Print recorded runs, a row for each; a status is shown where it is not the usual one."""
    rows = []
    for row in frame.to_dict("records"):
        status = "" if row["status"] == "FINISHED" else f" ({row['status'].lower()})"
        steps, name = str(row["horizon"]) if _is(row["horizon"]) else "", data_name(row["data"])
        error = cell(float(row["mase"])) if _is(row["mase"]) else ""
        skill = f"{row['skill']:+.0%}" if _is(row["skill"]) else ""
        rows.append([f"{row['kind']}{status}", row["model"], name, steps, error, skill, row["run_id"][:8]])
    show_rows(["kind", "model", "data", "steps", "mase", "skill", "run"], rows, numbers={"steps", "mase", "skill"})


def show_groups(groups: pd.DataFrame, by: str, metric: str) -> None:
    """Print the metric of the best runs of each leaderboard side by side, a row for each group."""
    for (target, protocol, _), table in groups.groupby(["target", "protocol", "levels"], sort=False):
        print_text(f"{metric} by {by}; target {target}, protocol {protocol}")
        ids = list(dict.fromkeys(table["run_id"]))
        models = dict(zip(table["run_id"], table["model"], strict=True))
        names = [
            models[run] if list(models.values()).count(models[run]) == 1 else f"{models[run]} {run[:8]}" for run in ids
        ]
        wide = table.pivot(index=by, columns="run_id", values=metric)[ids]
        wide.columns = names
        show_frame(wide.iloc[:, :MOST_RUNS].reset_index())
        if len(ids) > MOST_RUNS:
            say(f"{len(ids) - MOST_RUNS} more runs")


def show_differences(settings: dict[str, Any]) -> None:
    """Print the settings in which two runs differ."""
    if not settings:
        print_text("the settings are the same")
        return
    print_text("settings that differ, of the first run and of the second:")
    show_rows(["setting", "first", "second"], [(name, *map(_shortened, values)) for name, values in settings.items()])


def heading(table: pd.DataFrame) -> str:
    """Say what the runs of a leaderboard were evaluated on."""
    first = table.iloc[0].to_dict()
    data = data_name(first["data"])
    cutoffs = f"{first['cutoffs']} cutoffs" if first["cutoffs"] != 1 else "1 cutoff"
    parts = [
        f"{data}: horizon {first['horizon']}",
        cutoffs + (f" every {first['step']} rows" if _is(first["step"]) else ""),
    ]
    parts += [f"gap {first['gap']}"] if first["gap"] else []
    parts += [f"fitted again: {first['refit']}"] if first["refit"] != "never" else []
    span = dict.fromkeys((str(first["first_cutoff"]), str(first["last_cutoff"])))
    parts += [" to ".join(span), *([f"{first['series']} series"] if first["series"] != 1 else [])]
    parts += [f"quantiles {first['levels']}"] if first["levels"] else []
    return ", ".join(parts)


def data_name(source: object) -> str:
    """Return the name of a table, given its address."""
    return str(source).replace("\\", "/").rpartition("/")[2].partition(".")[0]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as values that JSON knows, with None for what is missing."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")  # type: ignore[return-value]  # names are text


def usual(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Keep the columns that the leaderboards show, and those that say which leaderboard a run is in."""
    names = ["target", "protocol", "rank", "model", "skill", metric, "coverage", "interval", "seconds", "run_id"]
    return frame[[*names, *(["p", "verdict"] if "p" in frame else [])]]


def as_markdown(frame: pd.DataFrame) -> str:
    """Return a frame as a table of Markdown."""
    lines = [list(map(str, frame.columns)), ["---"] * len(frame.columns)]
    lines += [[cell(value) if _is(value) else "" for value in row] for row in frame.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(text.replace('|', '&#124;') for text in line)} |" for line in lines)


def print_text(text: str) -> None:
    """Print a text on stdout, wrapped."""
    whole = re.sub(r" p ([=<]) ", r" p~\1~", text)  # a p-value is not broken
    lines = fill(whole, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    show(lines.replace("p~=~", "p = ").replace("p~<~", "p < "))


def _row(row: Mapping[Any, Any], metric: str) -> list[str]:
    skill = f"{row['skill']:+.0%}" if _is(row["skill"]) else ""
    coverage = f"{row['coverage']:.0%} of {row['interval']:.0%}" if _is(row["coverage"]) else ""
    seconds = _time(row["seconds"]) if _is(row["seconds"]) else ""
    return [
        row["model"],
        skill,
        cell(float(row[metric])) if _is(row[metric]) else "",
        coverage,
        seconds,
        row["run_id"][:8],
    ]


def _time(seconds: float) -> str:
    return "<0.1 s" if seconds < 0.1 else f"{seconds:.1f} s" if seconds < 10 else f"{seconds:,.0f} s"


def _is(value: Any) -> bool:
    import pandas as pd

    return not pd.isna(value)


def _shortened(value: str | None) -> str:
    text = "-" if value is None else value
    return text if len(text) <= LONGEST_SETTING else f"{text[: LONGEST_SETTING - 3]}..."
