"""The combiner is trained, on made-up series and tables, and tuned to a panel; nothing here is imported to forecast."""
