"""The model card: what a model is, what it learned from, how good it is, and what its limits are. It is Markdown.

It follows Mitchell et al. (2019), "Model Cards for Model Reporting", as far as a fit knows the answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from forecast.architectures import ARCHITECTURES, settings_read
from forecast.protocol import GoesOn

if TYPE_CHECKING:
    from forecast.fitted import FittedModel

UNKNOWN = "It was not evaluated when it was written."
MOST_NOTES = 10


def card(fitted: FittedModel) -> str:
    """Return the card of a model as Markdown."""
    return "\n".join(
        [
            f"# {fitted.settings.model}, {_steps(fitted.settings.horizon)} ahead",
            "",
            _what(fitted),
            *_section("What it learned from", _data(fitted)),
            *_section("How good it is", [evaluated_in_words(fitted.evaluated)]),
            *_section("Limits", _limits(fitted)),
            *_section("Settings", _settings(fitted)),
            "",
        ]
    )


def evaluated_in_words(facts: dict[str, Any] | None) -> str:
    """Say what an evaluation found.

    Args:
        facts: `horizon`, `cutoffs`, and where they are known `mase`, `skill`, `coverage` with `interval`, and `of`, which
            says what was evaluated where it was not this very model; None where there was no evaluation.
    """
    if not facts:
        return f"{UNKNOWN} `forecast evaluate DATA --horizon H --model DIR` tells."
    parts = [f"{facts['cutoffs']} cutoffs, {_steps(facts['horizon'])} ahead" if facts.get("cutoffs") else ""]
    mase, skill, coverage = (facts.get(name) for name in ("mase", "skill", "coverage"))
    parts += [f"MASE {mase:.4g}"] if _is(mase) else []
    if skill is not None and _is(skill):
        parts += [f"{abs(skill):.0%} {'better' if skill >= 0 else 'worse'} than seasonal naive"]
    parts += [f"{coverage:.0%} of the actuals in the {facts['interval']:.0%} interval"] if _is(coverage) else []
    whose = f" ({facts['of']})" if facts.get("of") else ""
    return f"{', '.join(filter(None, parts))}{whose}."


def _section(title: str, lines: Iterator[str] | list[str]) -> list[str]:
    return ["", f"## {title}", "", *lines]


def _what(fitted: FittedModel) -> str:
    line = ARCHITECTURES.get(fitted.settings.model)
    what = "A model of the user's own" if line is None else line.what[:1].upper() + line.what[1:]
    source = f" ({line.source})" if line is not None and line.source else ""
    return f"{what}{source}. Written by forecast-toolkit {version('forecast-toolkit')}."


def _data(fitted: FittedModel) -> Iterator[str]:
    data, fmt = fitted.learned_from, fitted.context.format
    yield (
        f"- {data['series']:,} series with {data['rows']:,} rows in all, {data['first']} to {data['last']}, "
        f"frequency {data['freq']}, season of {fitted.season_length} rows"
        if data
        else f"- {fitted.context.n_series:,} series, frequency {fitted.context.grid.freq}"
    )
    yield f"- target `{fmt.target}`, time `{fmt.time}`" + "".join(f", id `{name}`" for name in fmt.ids)
    for role in ("static", "known", "past"):
        names = getattr(fitted.settings, role)
        if names:
            yield f"- {role} covariates: {', '.join(f'`{name}`' for name in names)}"
    for note in fitted.context.notes[:MOST_NOTES]:
        yield f"- note: {note}"


def _limits(fitted: FittedModel) -> Iterator[str]:
    settings = fitted.settings
    goes_on = isinstance(fitted.model, GoesOn) and fitted.calibration is None
    how = "the same way" if goes_on else "block by block from its own medians, and were never tested"
    yield f"- It was made for {_steps(settings.horizon)}; more follow {how}."
    if settings.quantiles:
        levels = ", ".join(f"{level:g}" for level in settings.quantiles)
        kind = "not calibrated" if fitted.calibration is None else f"calibrated ({settings.calibrate})"
        yield f"- It forecasts the quantiles {levels}, {kind}."
    elif not fitted.model.uncertain:
        yield "- It says nothing about uncertainty: there are no quantiles."
    yield f"- Values: {fitted.reasons.get('support', 'any')}."
    if fitted.reads_the_future(fitted.context):
        yield f"- It needs {', '.join(settings.known)} over the horizon (`forecast future` writes the rows)."
    yield "- It knows nothing of events that its rows do not show; fit it again as they grow."


def _settings(fitted: FittedModel) -> Iterator[str]:
    for name, value in settings_read(fitted.resolved).items():
        reason = fitted.reasons.get(name)
        yield f"- `{name}`: {value}" + (f" ({reason})" if reason else "")


def _steps(number: int) -> str:
    return f"{number} steps" if number != 1 else "1 step"


def _is(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
