"""The combiner is trained once, on made-up series; nothing here is imported to forecast."""
