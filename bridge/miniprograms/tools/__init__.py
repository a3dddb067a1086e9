"""What developers of mini-programs work with, on the same guest and by the same rules as the bot."""
