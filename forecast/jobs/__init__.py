"""Jobs that run by themselves, night after night."""
