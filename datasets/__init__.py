"""Tables become windows here; the networks stand above."""
