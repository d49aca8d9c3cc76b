"""`auto`: several networks and the statistical forecasts, weighted by how well they did on validation origins."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.base import Baseline
from forecast.baselines.simple import Naive, SeasonalNaive
from forecast.baselines.theta import Theta
from forecast.blend import blend_weights
from forecast.datasets.panel import Panel
from forecast.datasets.windows import Origins
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.recurrent import EPOCHS, RecurrentModel
from forecast.scales import mean_difference
from forecast.settings import Settings

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

CELL = "gru"
MEMBERS = {"fast": 1, "balanced": 2, "best": 8}
LATE = 0.7  # share of training after which the best weights count as found at its end
ORIGINS = 512  # validation origins the weights are learned on, at most
LEAST_ROWS = 4  # of history before a validation origin


class RecentTheta(Theta):
    """Theta on the newest rows only: validation origins are many, and old rows weigh little."""

    longest = 1000


class Ensemble:
    """Networks that differ in their seed, blended with Theta, naive and seasonal naive.

    The first network leaves validation rows out, and a convex combination of it and the statistical forecasts is fitted
    on them. The others share its weight, and learn from the validation rows too where the first was best at its end.

    Args:
        settings: what was asked for; `members` networks, `blend` "off" leaves the statistical forecasts out.
        season_length: steps in a season.
        progress: told of each training step.
        logger: a Lightning logger for the learning curve of the first member.

    References:
        Smyl (2020), A hybrid method of exponential smoothing and recurrent neural networks, section 3.4 (ensembling).
    """

    name = "auto"

    def __init__(
        self,
        settings: Settings,
        season_length: int,
        *,
        progress: Progress | None = None,
        logger: Logger | None = None,
    ) -> None:
        self.settings, self.season_length, self.horizon = settings, season_length, settings.horizon
        self.progress, self.logger = progress, logger
        self.resolved, self.reasons = settings, dict[str, str]()
        self.history: list[dict[str, float]] = []
        self.members: list[RecurrentModel] = []
        self.others: list[Baseline] = []
        self.weights = np.ones(0)

    @property
    def context(self) -> int | None:
        """Rows of history a forecast reads."""
        return max([member.context for member in self.members] + [other.context or 0 for other in self.others])

    def plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        """The settings that fitting this panel would use, and why."""
        count = MEMBERS[self.settings.preset] if self.settings.members == "auto" else int(self.settings.members)
        blend = "on" if self.settings.blend == "auto" else self.settings.blend
        resolved, reasons = self._member(0).plan(panel)
        reasons |= {"members": f"preset {self.settings.preset}", "blend": "weighted on validation origins"}
        return replace(resolved, model="auto", members=count, blend=blend), reasons

    def fit(self, panel: Panel) -> Ensemble:
        """Fit the members, then the weights."""
        self.resolved, self.reasons = self.plan(panel)
        self.others = self._others()
        count, held = int(self.resolved.members), int(self.resolved.val_size)
        if held:
            self.members = self._fitted(panel, 1)
            first = self._weigh(panel, held)
            self.members += self._fitted(panel, count, first=1, everything=self._trained_to_the_end())
            self.weights = np.concatenate([np.full(count, first[0] / count), first[1:]])
        else:  # too short to spare rows for good: hold a horizon back for the weights, then learn from everything
            cut = panel.indptr[1:] - np.where(panel.lengths >= self.horizon + LEAST_ROWS, self.horizon, 0)
            early = panel.truncate(cut)
            if (early.lengths > 1).any() and count + len(self.others) > 1:
                self.members = self._fitted(early, 1)
                first = self._weigh(panel, self.horizon)
                self.weights = np.concatenate([np.full(count, first[0] / count), first[1:]])
            else:
                self.weights = np.full(count + len(self.others), 1 / (count + len(self.others)))
            self.members = self._fitted(panel, count)
        self.resolved = replace(self.resolved, steps=self.members[0].resolved.steps)
        names = [f"{CELL} {number + 1}" for number in range(count)] + [other.name for other in self.others]
        shares = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(names, self.weights, strict=True))
        self.reasons["blend"] = f"weights on validation origins: {shares}"
        return self

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """The weighted mean of what every part with a weight forecasts, quantile by quantile."""
        parts: list[RecurrentModel | Baseline] = [*self.members, *self.others]
        point, quantiles = np.zeros((len(origins), self.horizon)), None
        for part, weight in zip(parts, self.weights, strict=True):
            if weight == 0:
                continue
            found = part.predict(panel, origins)
            point += weight * found.point
            if found.quantiles is not None:
                quantiles = weight * found.quantiles + (0 if quantiles is None else quantiles)
        return Prediction(point, self.settings.quantiles if quantiles is not None else (), quantiles)

    def state(self) -> dict[str, NDArray[Any]]:
        """Every member's arrays under its number, and the weights."""
        arrays = {f"{k}.{name}": a for k, member in enumerate(self.members) for name, a in member.state().items()}
        settings = json.dumps([asdict(member.resolved) for member in self.members]).encode()
        return {**arrays, "weights": self.weights, "members": np.frombuffer(settings, np.uint8).copy()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` gave; nothing in it is executed."""
        listed = json.loads(state["members"].tobytes())
        self.members = [RecurrentModel(CELL, CELL, Settings.of(values), self.season_length) for values in listed]
        for number, member in enumerate(self.members):
            prefix = f"{number}."
            member.restore({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        self.weights = state["weights"]
        self.others, self.resolved = self._others(), self.settings

    def _others(self) -> list[Baseline]:
        blend = self.resolved.blend if self.resolved.blend != "auto" else self.settings.blend
        if blend == "off":
            return []
        kinds: list[type[Baseline]] = [RecentTheta, Naive, *([SeasonalNaive] if self.season_length > 1 else [])]
        asked = {"season_length": self.season_length, "levels": self.settings.quantiles}
        return [kind(self.horizon, **asked) for kind in kinds]  # type: ignore[arg-type]  # by name

    def _fitted(self, panel: Panel, count: int, *, first: int = 0, everything: bool = False) -> list[RecurrentModel]:
        members = [self._member(number, everything=everything) for number in range(first, count)]
        self.history = self.history if first else []
        for number, member in enumerate(members, start=first + 1):
            member.fit(panel)
            self.history += [{"member": float(number), **row} for row in member.history]
        return members

    def _trained_to_the_end(self) -> bool:
        """Whether the first member was best near the end of its training: then others need no validation rows."""
        losses = [row["val_loss"] for row in self.history if "val_loss" in row]
        planned = min(EPOCHS, int(self.resolved.steps))
        return bool(losses) and int(np.argmin(losses)) + 1 >= LATE * planned

    def _member(self, number: int, *, everything: bool = False) -> RecurrentModel:
        """The networks differ in their seed; later ones may learn from the validation rows too."""
        asked = replace(self.settings, model=CELL, seed=self.settings.seed + number, members="auto", blend="auto")
        if self.settings.max_seconds is not None and self.settings.preset in MEMBERS:
            count = MEMBERS[self.settings.preset] if self.settings.members == "auto" else int(self.settings.members)
            asked = replace(asked, max_time=f"{self.settings.max_seconds / count:.3f}s")
        if everything and asked.val_size == "auto":
            asked = replace(asked, val_size=0)
        logger = self.logger if number == 0 else None
        return RecurrentModel(CELL, CELL, asked, self.season_length, progress=self.progress, logger=logger)

    def _weigh(self, panel: Panel, held: int) -> NDArray[np.float64]:
        """Weights of members and statistical forecasts from origins in the last `held` rows."""
        origins = _validation(panel, held, self.horizon)
        parts: list[RecurrentModel | Baseline] = [*self.members, *self.others]
        if not len(origins) or len(parts) == 1:
            return np.full(len(parts), 1 / len(parts))
        forecasts = np.stack([part.predict(panel, origins).point for part in parts])
        rows = origins.end[:, None] + np.arange(self.horizon)
        last = panel.indptr[origins.series + 1][:, None]
        actual = np.where(rows < last, panel.target[np.minimum(rows, last - 1)], np.nan)
        scale = mean_difference(panel.truncate(panel.indptr[1:] - _kept(panel, held)), self.season_length)
        scale = np.where(np.isfinite(scale) & (scale > 0), scale, np.nan)[origins.series]
        prior = np.zeros(len(parts))
        prior[:2] = 0.5  # the network and Theta: where little can be learned, half of each is hard to beat
        return blend_weights(forecasts, actual, scale, prior)


def _kept(panel: Panel, held: int) -> NDArray[np.int64]:
    """Rows held back from each series: none where nothing would be left."""
    return np.where(panel.lengths > held + 1, held, 0)


def _validation(panel: Panel, held: int, horizon: int) -> Origins:
    """Origins a horizon apart in the last `held` rows of series with enough history, at most `ORIGINS`."""
    long = np.flatnonzero(panel.lengths >= held + LEAST_ROWS)
    back = np.arange(held, 0, -horizon)
    back = back[back >= min(horizon, held)]
    series, rows = np.repeat(long, len(back)), np.tile(back, len(long))
    chosen = np.unique(np.linspace(0, len(series) - 1, min(len(series), ORIGINS)).round().astype(np.int64))
    if not len(series):
        chosen = np.array([], np.int64)
    return Origins(series[chosen], panel.indptr[series[chosen] + 1] - rows[chosen])
