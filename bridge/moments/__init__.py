"""Posts for exactly the people one chooses."""
