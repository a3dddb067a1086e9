"""What a change of privacy changes, in a sentence."""

from bridge.chat.reply import Text
from bridge.privacy.impact import Impact


def impact_lines(impact: Impact) -> tuple[Text, ...]:
    """One or two lines: who loses sight of how much, and who gains it. Never who has read what."""
    lines: list[Text] = []
    least = "" if impact.complete else "-least"
    if impact.moments_lost:
        lines.append(Text(f"impact-lost{least}", {"people": impact.people_lose, "moments": impact.moments_lost}))
    if impact.moments_gained:
        lines.append(Text(f"impact-gained{least}", {"people": impact.people_gain, "moments": impact.moments_gained}))
    if not lines:
        lines.append(Text("impact-none"))
    return tuple(lines)
