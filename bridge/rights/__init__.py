"""What people decide, see and ask about their own privacy: above the features, whose things it looks at."""
