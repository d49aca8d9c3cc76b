"""Networks as models: a panel in, forecasts at origins out."""
