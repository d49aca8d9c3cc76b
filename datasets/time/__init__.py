"""Times, and the grid they lie on."""
