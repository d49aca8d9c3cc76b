"""Made-up series look like those that people forecast, and feed a network that is pretrained once; see `table`."""
