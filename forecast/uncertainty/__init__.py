"""How sure a forecast is: calibrated quantiles and sample paths."""
