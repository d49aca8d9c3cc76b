"""`forecast check` describes a table, or lists everything that is wrong with it."""

from __future__ import annotations

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
    from dataclasses import asdict

    from forecast.cli.config import read_settings
    from forecast.cli.output import show_frame, show_json
    from forecast.cli.session import read
    from forecast.datasets.profile import profile
    from forecast.datasets.tables.schema import panel_from_table
    from forecast.settings import Settings

    values = read_settings({**settings, "horizon": "1"})
    roles = Settings.of(values)
    panel = panel_from_table(read(data, values), roles.columns, freq=roles.freq)
    facts = asdict(profile(panel, roles.season_length))
    if json:
        show_json({"schema": "forecast/check/v1", "status": "ok", **facts})
        return
    import pandas as pd

    notes = facts.pop("notes")
    rows = [(name.replace("_", " "), _text(value)) for name, value in facts.items()]
    rows += [("note", note) for note in notes]
    show_frame(pd.DataFrame(rows, columns=["what", "found"]), max_rows=len(rows))


def _text(value: object) -> str:
    """Return a fact as text; a fraction is a share in per cent."""
    return f"{value:.1%}" if isinstance(value, float) else str(value)
