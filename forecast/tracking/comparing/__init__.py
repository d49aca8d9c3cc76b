"""What `forecast compare` says of recorded evaluations: which of them can be ranked, how, and what may be chance."""
