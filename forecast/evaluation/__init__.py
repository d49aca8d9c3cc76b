"""Backtests, and what they say."""
