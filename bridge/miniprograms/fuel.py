"""What is counted instead of time, so that a run is the same anywhere.

In a file of its own: the machine itself is loaded only by the process that runs programs.
"""

FUEL_PER_MS = 10_000_000
"""Instructions of the guest that make a millisecond of a usual server's core."""
