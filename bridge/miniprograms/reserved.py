"""Places in the contract that are kept for later versions of it: nothing else may ever be called so."""

EVENTS = ("pay.result",)
"""What came of a payment that the person was asked for."""
EFFECTS = ("pay.request",)
"""Ask the person to pay: the host draws it."""
SCOPES = "claim."
"""Scopes that begin so are answers, yes or no, about somebody without what they follow from; in `user.claims`."""
EVERY = {"event": [*EVENTS, "user.claims"], "answer": [*EFFECTS], "manifest": [f"scopes.{SCOPES}*"]}
"""By schema."""
