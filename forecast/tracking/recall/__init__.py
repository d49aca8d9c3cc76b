"""What was recorded is found again: runs by their addresses, their models, and what led to a forecast."""
