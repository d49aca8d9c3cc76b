"""`forecast check` describes a table, or lists everything that is wrong with it."""

from __future__ import annotations

from typing import Any

from forecast.cli import options as o
from forecast.datasets.declarations import DATA


@o.with_options(groups=(DATA,))
def check(
    data: o.Data,
    settings: dict[str, str],
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Validate a table and describe it.

    Example: forecast check sales.csv
    """
    from forecast.cli.output import show_frame, show_json

    facts = _facts(data, settings, quiet=quiet)
    if json:
        show_json({"schema": "forecast/check/v1", "status": "ok", **facts})
        return
    import pandas as pd

    notes = facts.pop("notes")
    rows = [(name.replace("_", " "), _text(value)) for name, value in facts.items()]
    rows += [("note", note) for note in notes]
    show_frame(pd.DataFrame(rows, columns=["what", "found"]), max_rows=len(rows))


def _facts(data: str, settings: dict[str, str], *, quiet: bool) -> dict[str, Any]:
    """Read the table, and return what there is to know about it."""
    from dataclasses import asdict

    from forecast.cli.config import read_settings
    from forecast.cli.session import read
    from forecast.cli.stages import stages
    from forecast.progress import doing
    from forecast.settings import Settings

    values = read_settings({**settings, "horizon": "1"})
    with stages(quiet=quiet):
        doing(f"reading {data}")  # before what it takes is imported
        from forecast.datasets.profile import profile
        from forecast.datasets.tables.schema import panel_from_table

        roles, table = Settings.of(values), read(data, values)
        doing("checking")
        return asdict(profile(panel_from_table(table, roles.columns, freq=roles.freq), roles.season_length))


def _text(value: object) -> str:
    """Return a fact as text; a fraction is a share in per cent."""
    return f"{value:.1%}" if isinstance(value, float) else str(value)
