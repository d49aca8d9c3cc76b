"""`forecast datasets` shows the catalogue of data sets."""

from __future__ import annotations

from typing import Annotated

import typer

from forecast.cli import options as o

app = typer.Typer(help="Named data sets: list, show.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(help="Name from `forecast datasets list`.")]


@app.command("list")
def list_(json: o.Json = False, verbose: o.Verbose = False) -> None:
    """List every data set in the catalogue."""
    from forecast.cli.output import show_frame, show_json
    from forecast.cli.stages import stages
    from forecast.progress import doing

    with stages(lines=False):
        doing("looking up the data sets")
        from forecast.datasets.catalog import list_datasets

        frame = list_datasets()
    if json:
        show_json({"schema": "forecast/datasets/v1", "status": "ok", "datasets": frame.to_dict("records")})
        return
    frame["bundled"] = frame["bundled"].map({True: "yes", False: ""})
    for name in ("freq", "season_length", "horizon"):  # remarks on them are in `show`
        frame[name] = frame[name].astype(str).str.split(" ").str[0]
    show_frame(frame[["name", "bundled", "series", "rows", "freq", "season_length", "horizon", "what"]])


@app.command("show")
def show(name: Name, json: o.Json = False, verbose: o.Verbose = False) -> None:
    """Show where a data set comes from, its licence, and how it is usually scored."""
    from dataclasses import asdict

    from forecast.cli.output import show_json
    from forecast.datasets.catalog import describe

    entry = asdict(describe(name))
    if json:
        show_json({"schema": "forecast/dataset/v1", "status": "ok", **entry})
        return
    import pandas as pd

    from forecast.cli.output import show_frame

    rows = [(key.replace("_", " "), str(value)) for key, value in entry.items() if value not in ("", None)]
    show_frame(pd.DataFrame(rows, columns=["what", "value"]), max_rows=len(rows))
