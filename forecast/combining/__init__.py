"""Cheap forecasts, and the pretrained network that combines them."""
