"""Pictures and explanations."""
