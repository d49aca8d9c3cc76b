"""The model `auto`: probes, weights, members."""
