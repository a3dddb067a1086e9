"""A homeserver in memory with a crowd of people on it, so that in a measurement the bot is what takes the time."""
