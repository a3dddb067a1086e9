"""Who may see what: one pure function."""
