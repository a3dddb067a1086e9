"""What a change of privacy changes, in numbers that its author may know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Impact:
    """People and moments that are concerned. Never who has read what."""

    people_lose: int = 0
    moments_lost: int = 0
    people_gain: int = 0
    moments_gained: int = 0
    complete: bool = True
    """False: there were too many to look at all, so the numbers are the least."""

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return bool(self.moments_lost or self.moments_gained)
