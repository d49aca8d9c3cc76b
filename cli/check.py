"""`forecast check`: what a table looks like, or everything that is wrong with it."""

from __future__ import annotations

from forecast.cli import options as o


def check(
    data: o.Data,
    id: o.Id = None,
    time: o.Time = None,
    target: o.Target = None,
    freq: o.Freq = None,
    season_length: o.SeasonLength = None,
    static: o.Static = None,
    known: o.Known = None,
    past: o.Past = None,
    observed: o.Observed = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Validate a table and describe it.

    Example: forecast check sales.csv
    """
    given = dict(locals())
    from dataclasses import asdict

    from forecast.cli.config import settings
    from forecast.cli.output import show_frame, show_json
    from forecast.cli.session import read
    from forecast.datasets.profile import profile
    from forecast.datasets.tables.schema import panel_from_table
    from forecast.roles import columns
    from forecast.settings import Settings

    values = settings({**given, "horizon": 1}, None, None)
    panel = panel_from_table(read(data, values), columns(Settings.of(values)), freq=freq)
    found = asdict(profile(panel, season_length))
    if json:
        show_json({"schema": "forecast/check/v1", "status": "ok", **found})
        return
    import pandas as pd

    notes = found.pop("notes")
    rows = [(name.replace("_", " "), _text(value)) for name, value in found.items()]
    rows += [("note", note) for note in notes]
    show_frame(pd.DataFrame(rows, columns=["what", "found"]), most=len(rows))


def _text(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, float) else str(value)
