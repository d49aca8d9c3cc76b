"""Tables to windows: everything below the networks."""
