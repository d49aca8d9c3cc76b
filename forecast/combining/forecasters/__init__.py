"""Forecasters of the pool that are more than a line, and the scale that they share."""
