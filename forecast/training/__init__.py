"""How a network learns its weights."""
