"""The model `auto`: it plans, probes, weighs, trains its members and blends (start reading in `ensemble`)."""
