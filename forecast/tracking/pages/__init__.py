"""What MLflow's own pages show of runs: their names, their descriptions in words, and the view that they open on."""
