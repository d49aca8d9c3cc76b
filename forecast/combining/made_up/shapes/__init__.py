"""Shapes are trends, seasons, calendars and breaks that are drawn as curves, with noise around them."""
