"""What a change of privacy changes, in a sentence."""

from bridge.chat.reply import Text
from bridge.contacts import store
from bridge.db import Tx
from bridge.ids import PersonId
from bridge.privacy import Addressed, Audience, ProfileItem, load_world, may_see
from bridge.privacy.impact import Impact


def impact_lines(impact: Impact) -> tuple[Text, ...]:
    """One or two lines: who loses sight of how much, and who gains it. Never who has read what."""
    lines: list[Text] = []
    least = "" if impact.complete else "-least"
    if impact.moments_lost:
        lines.append(
            Text(
                f"impact-lost{least}",
                {"people": impact.people_lose, "moments": impact.moments_lost, "copies": impact.copies},
            )
        )
    if impact.moments_gained:
        lines.append(Text(f"impact-gained{least}", {"people": impact.people_gain, "moments": impact.moments_gained}))
    if not lines:
        lines.append(Text(f"impact-none{least}", {"moments": impact.looked} if least else {}))
    return tuple(lines)


def lost_lines(impact: Impact) -> tuple[Text, ...]:
    """What somebody loses sight of; nothing when it is nothing."""
    return impact_lines(impact) if impact.moments_lost else ()


def stranger_lines(lost: int, gained: int) -> tuple[Text, ...]:
    """Of how many moments strangers lose sight and how many they gain; nothing when it is none."""
    numbers = (("lost", lost), ("gained", gained))
    return tuple(Text(f"impact-strangers-{name}", {"moments": count}) for name, count in numbers if count)


def field_impact(tx: Tx, owner: PersonId, before: Addressed, after: Addressed) -> tuple[int, int]:
    """How many friends lose sight of a part of the profile and how many gain it, as its owner may know: whoever blocks
    them counts as if they did not."""
    friends = store.friend_ids(tx, owner)
    world = load_world(tx, [owner], friends, before.all_tags | after.all_tags).known_to(owner)
    seen = [{friend for friend in friends if may_see(friend, ProfileItem(owner, to), world)} for to in (before, after)]
    return len(seen[0] - seen[1]), len(seen[1] - seen[0])


def field_impact_lines(impact: tuple[int, int], before: Addressed, after: Addressed) -> tuple[Text, ...]:
    """Who loses sight of a part of the profile, and who gains it: lines for friends, and one for strangers."""
    lost, gained = impact
    lines = [Text(f"impact-field-{name}", {"people": n}) for name, n in (("lost", lost), ("gained", gained)) if n]
    was, is_now = (to.kind is Audience.PUBLIC for to in (before, after))
    if was != is_now:
        lines.append(Text(f"impact-field-strangers-{'lost' if was else 'gained'}"))
    return tuple(lines) or (Text("impact-field-none"),)
