"""The smoothing bank runs a grid of exponential smoothings over all series at once, and takes the best of each."""
