"""The only room that knows Matrix and imports nio."""
