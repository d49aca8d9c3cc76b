"""The combiner is trained on made-up series, and on tables; nothing here is imported to forecast."""
