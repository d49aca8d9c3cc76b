"""Combining learns, from many series, how much to trust each of the cheap forecasts of a pool."""
