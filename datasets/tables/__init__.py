"""Tables as users have them, and the panel that is made of them."""
