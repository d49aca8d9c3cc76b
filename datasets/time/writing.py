"""How times are written as text, and read from it: strptime's forms, quarters, ISO weeks, and a fixed offset at the end."""

from __future__ import annotations

import re

import pandas as pd

# strptime has no quarters, and reads no week without a day; %q is the quarter, as in the forms of pandas' periods
QUARTERS = ("%YQ%q", "%Y-Q%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y", "Q%q/%Y")
WEEKS = ("%G-W%V", "%GW%V", "%G-W%V-%u", "%GW%V%u")
FIELDS = {
    "%Y": r"(?P<Y>\d{4})",
    "%q": "(?P<q>[1-4])",
    "%G": r"(?P<G>\d{4})",
    "%V": r"(?P<V>\d\d)",
    "%u": "(?P<u>[1-7])",
}
OFFSET = r"(Z|[+-]\d\d:?\d\d|[+-]\d\d)$"  # at the end of a time, and of a form that has it as it stands
MONTHS = 3  # in a quarter


def parsed(column: pd.Series, form: str) -> pd.Series:
    """Read text of a form.

    Args:
        column: the text; blanks around it do not count.
        form: a strptime form, or one of `QUARTERS` and `WEEKS`: a quarter is its first day, a week its Monday.

    Returns:
        The stamps, NaT where the form does not fit.
    """
    text = column.astype(str).str.strip()
    if form not in (*QUARTERS, *WEEKS):
        return pd.to_datetime(text, format=form, errors="coerce")
    pattern = re.sub("%.", lambda field: FIELDS[field[0]], re.escape(form).replace(r"\%", "%"))
    fields = text.str.extract(f"^{pattern}$")
    if form in QUARTERS:
        month = (MONTHS * fields["q"].astype("float64") - MONTHS + 1).fillna(0).astype("int64").astype(str)
        return pd.to_datetime(fields["Y"] + "-" + month, format="%Y-%m", errors="coerce")
    day = fields.get("u", "1")
    return pd.to_datetime(fields["G"] + "-" + fields["V"] + "-" + day, format="%G-%V-%u", errors="coerce")


def written(stamps: pd.DatetimeIndex, form: str) -> pd.Index:
    """Write stamps without a zone as text of a form; where it ends in an offset, the stamps are UTC."""
    if form in QUARTERS:
        return stamps.to_period("Q").strftime(form)
    return (stamps + offset_of(form)).strftime(form)


def offset_of(text: str) -> pd.Timedelta:
    """Return what clocks are ahead of UTC in a time, or a form, that ends in an offset; nothing where it has none."""
    sign = re.search(OFFSET, text)
    if sign is None or sign[0] == "Z":
        return pd.Timedelta(0)
    digits = sign[0].replace(":", "").ljust(5, "0")
    minutes = 60 * int(digits[1:3]) + int(digits[3:])
    return pd.Timedelta(minutes=-minutes if digits[0] == "-" else minutes)


def has_offset(form: str | None) -> bool:
    """Return whether a form ends in an offset."""
    return form is not None and re.search(OFFSET, form) is not None
