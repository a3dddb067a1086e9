"""People, friends, requests, profiles."""
