"""`forecast pretrain` trains the combiner of model `zero` on made-up series."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecast.cli import options as o

Out = Annotated[
    Path, typer.Option("-o", "--output", help="File of the weights, which --weights takes.", metavar="FILE")
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of series and weights.")]
Series = Annotated[int, typer.Option("--series", help="Number of made-up series.", min=100)]
Batches = Annotated[int, typer.Option("--batches", help="Number of training steps.", min=1)]
Width = Annotated[int, typer.Option("--width", help="Size of the recurrent state.", min=4, max=1024)]
Hidden = Annotated[int, typer.Option("--hidden", help="Size of the layers that weigh the forecasts.", min=4, max=1024)]


def pretrain(
    out: Out = Path("zero.safetensors"),
    seed: Seed = 0,
    series: Series = 90_000,
    batches: Batches = 28_000,
    width: Width = 64,
    hidden: Hidden = 96,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Train the network of model `zero` on made-up series, once.

    Training goes on from FILE.part where it was interrupted; the series are made again from the seed.

    Example: forecast pretrain -o mine.safetensors; forecast predict zero sales.csv -H 28 --set weights=mine.safetensors
    """
    from forecast.cli import output
    from forecast.cli.session import session
    from forecast.datasets.errors import ConfigError
    from forecast.progress import doing

    if out.suffix != ".safetensors" or not out.parent.is_dir():
        raise ConfigError(f"cannot write to {out}", hint="Name a file in a folder that exists, ending in .safetensors.")
    checkpoint = out.with_name(f"{out.name}.part")
    with session(quiet=quiet, track=False):
        doing("making series")
        from forecast.combining.pretraining.loop import Recipe, make_diet, save, train

        recipe = Recipe(seed, series, batches, width, hidden)
        diet = make_diet(recipe, output.say)
        sha = save(train(diet, recipe, checkpoint, output.say), recipe, out)
        checkpoint.unlink(missing_ok=True)
        output.say(f"wrote weights {sha[:12]} to {out}")
