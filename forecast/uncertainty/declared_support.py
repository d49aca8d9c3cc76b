"""Which values a forecast may take, by what was declared: the user's bounds, the transform, the head, or the rows."""

from __future__ import annotations

from forecast.datasets.errors import DataError
from forecast.datasets.panel import Panel
from forecast.datasets.windows.support import ANY, Support, inferred_support
from forecast.models.transforms import transform_named
from forecast.settings import Settings

HEADS_WITHOUT_FAMILY = ("auto", "point", "quantile")


def support_of(settings: Settings, panel: Panel, *, is_network: bool) -> tuple[Support, str]:
    """Decide what values the forecasts of a model may take.

    The user's bounds come first, then the transform and the head of a network, then what the training rows show:
    counts, and values that are never negative. That a target is positive, or lies between 0 and 1, is never inferred.

    Args:
        settings: the user's settings.
        panel: the training rows.
        is_network: whether transform and head have a meaning for the model.

    Returns:
        The support, and its reason in words.

    Raises:
        DataError: if a training row lies outside the bounds that the user gave; it names the first few.
    """
    declared, reason = _declared(settings) if is_network else (ANY, "")
    if declared is ANY:
        declared, reason = inferred_support(panel)
    support = declared.within(settings.lower, settings.upper)
    if support is declared:
        return support, reason
    count, problems = support.problems(panel, remedy="Mend the row, or give other bounds (--lower, --upper).")
    if count:
        raise DataError(f"{count} values lie outside the bounds that were given", problems=problems)
    return support, f"{support.words}: set by the user"


def _declared(settings: Settings) -> tuple[Support, str]:
    """Return what transform or head say."""
    support = transform_named(settings.transform).support
    if support is not ANY:
        return support, f"{support.words}: transform={settings.transform}"
    if settings.head not in HEADS_WITHOUT_FAMILY:
        from forecast.networks.heads import distribution_heads  # torch, which a network needs anyway

        family = distribution_heads().get(settings.head)  # an unknown head is refused when the network is made
        support = ANY if family is None else family.support
    return support, f"{support.words}: head={settings.head}"
