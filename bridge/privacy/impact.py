"""What a change of privacy changes, in numbers that its author may know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Impact:
    """People, moments and copies that are concerned. Never who has read what."""

    people_lose: int = 0
    moments_lost: int = 0
    people_gain: int = 0
    moments_gained: int = 0
    copies: int = 0
    """At most so many copies are withdrawn: one for each moment and each person who loses sight of it, whether it was
    shown to them or not."""
    complete: bool = True
    """False: there were too many to look at all, so people and moments are the least; copies stay the most."""
    looked: int = 0
    """How many of the newest moments were looked at."""

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return bool(self.moments_lost or self.moments_gained)
