"""The combiner is trained once, on made-up series, and tuned to a panel; nothing here is imported to forecast."""
