"""What was recorded is put to use: the best model, the origin of a forecast, its score when actuals arrive."""
