"""P12, P6: who was erased looks to everybody else as if they had never been here.

In the one world Bob was there, did all sorts of things, and erased himself; in the other nobody of that name ever was.
From then on Alice and Carol get the same, to the last byte, but for what is taken back.
"""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.archives import alike, export
from tests.features.settled import Settled
from tests.features.village import MINUTE, Shown, Village, user_id

_NUMBER = re.compile(r"#(\d+)")
ALICE, BOB, CAROL = (user_id(name) for name in ("alice", "bob", "carol"))

_BOB_SAYS = [
    "post Of Bob",
    "post to public | Of Bob for all",
    f"post to {ALICE} | Of Bob for Alice",
    "profile set name Bobby",
    "profile set phone 5",
    "privacy set strangers on",
    "comment 1 Bob says",
    "like 1",
    "unlike 1",
    "comment 2 Bob says too",
    f"tag add #close {ALICE}",
    f"remark {ALICE} Al",
    f"block {CAROL}",
    f"privacy set mine {ALICE} off",
    f"privacy set theirs {ALICE} off",
    f"privacy set chats-only {ALICE} on",
    f"friend remove {ALICE}",
    f"friend add {CAROL} Please",
    f"friend add {ALICE} Again",
    f"chat {ALICE}",
    "invite new 2",
    "feed",
    "delete 3",
    "privacy recovery on",
    "post poll Yes / No | Bob asks",
    "vote 1 1",
    "vote 2 2",
    "post at in 2 hours | Later",
    "moments keep 30d",
    "privacy set keep-comments on",
    "notify now",
    f"post Hello {ALICE}",
    "edit 2 Of Bob, edited",
    "undo",
    "language zh",
    "language en",
    "export",
    "import",
]
_BETWEEN = [
    "post Of Alice",
    "post to public | For all",
    "post poll Yes / No | Asked",
    "audience 1 private",
    "vote 1 1",
    "notify now",
    "feed",
    "comment 1 Own",
    "like 1",
    f"tag add #t {CAROL}",
]
_AFTER = [
    "feed",
    "feed more",
    "album",
    f"album {BOB}",
    f"album {ALICE}",
    f"album {CAROL}",
    "moment 1",
    "friends",
    f"profile {BOB}",
    f"profile {ALICE}",
    f"friend remove {BOB}",
    f"friend accept {BOB}",
    f"unblock {BOB}",
    f"block {BOB}",
    f"chat {BOB}",
    f"why can {BOB} see 1",
    f"view as {BOB}",
    f"remark {BOB} Robert",
    f"tag add #friends {BOB}",
    "tags",
    "invites",
    "privacy",
    "privacy checkup",
    "log",
    "comments",
    f"friend add {BOB} Hello",
    "friends",
    "post Afterwards",
    f"post to public except {BOB} | Without",
    "comment 1 Later",
    "like 1",
    "view as stranger",
    "moment 1 copies",
    "moment 1",
    "responses 1",
    "delete 1",
    "drafts",
    "grants",
    "undo",
]


@Settled
def _without_bob(village: Village) -> None:
    village.open("alice", "carol")
    village.befriend("alice", "carol")
    village.say("alice", "post The first")
    village.say("carol", "feed")


def live(bob_is_there: bool, bob_says: list[str], others: list[tuple[str, str]]) -> dict[str, list[str]]:
    """What Alice and Carol get after Bob has gone."""
    village = _without_bob()
    try:
        if bob_is_there:
            village.open("bob")
            village.befriend("alice", "bob")
            village.say("bob", "feed")
            for caption in ("post A picture of Bob", "profile set avatar"):
                village.picture("bob", caption)
            for text in bob_says:
                village.say("bob", text)
                for who in ("alice", "carol"):
                    for looks in (f"profile {BOB}", "friends"):
                        village.say(who, looks)
        for who, text in others:
            village.say(who, text)
        if bob_is_there:
            village.say("bob", "feed")
            village.say("bob", "comment 2 Once more")
            village.erase("bob")
        else:
            village.wait(village.deletions.settings.grace_ms)  # as it passes with him
        marks = {who: len(village.rooms[who].events) for who in ("alice", "carol")}
        village.now = 1_760_000_000_000
        for text in _AFTER:
            village.now += 1000
            for who in ("alice", "carol"):
                village.say(who, text)
        village.wait(3 * MINUTE)
        told = {who: ranked(news(village.rooms[who].events, marks[who])) for who in marks}
        # Nor is there a trace of him in what they export.
        exports = {who: sorted(alike(export(village, who)).items()) for who in marks}
        return {who: [*told[who], *map(str, exports[who])] for who in marks}
    finally:
        village.close()


def news(events: list[Shown], mark: int) -> list[str]:
    """What was sent since, but for edits of what was there before: what showed Bob is edited, or taken back."""
    before = {event.event_id for event in events[:mark]}
    return [e.body for e in events[mark:] if e.content.get("m.relates_to", {}).get("event_id") not in before]


def ranked(bodies: list[str]) -> list[str]:
    """Who was shown moments of Bob has used up numbers for them: numbers are never used again, so only their order
    counts."""
    order = sorted({int(number) for body in bodies for number in _NUMBER.findall(body)})
    ranks = {number: rank for rank, number in enumerate(order, 1)}
    return [_NUMBER.sub(lambda found: f"#{ranks[int(found[1])]}", body) for body in bodies]


@pytest.mark.parametrize("who", ["alice", "carol"])
def test_a_whole_life_leaves_no_trace(who: str) -> None:
    with_him, without = (live(there, _BOB_SAYS, [("alice", "post Of Alice")]) for there in (True, False))
    assert with_him[who] == without[who]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(_BOB_SAYS), max_size=8),
    st.lists(st.tuples(st.sampled_from(["alice", "carol"]), st.sampled_from(_BETWEEN)), max_size=5),
)
def test_nobody_can_tell_that_somebody_was_here(bob_says: list[str], others: list[tuple[str, str]]) -> None:
    with_him, without = (live(there, bob_says, others) for there in (True, False))
    assert with_him == without
