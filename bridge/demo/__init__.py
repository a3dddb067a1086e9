"""What it takes to try Courtyard on one machine: a homeserver beside the bot."""
