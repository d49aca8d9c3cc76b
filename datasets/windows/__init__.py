"""What is read before an origin and forecast after it."""
