"""Programs of strangers, and what they may not do."""
