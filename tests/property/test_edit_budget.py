"""Copies are edited in place within a budget, whatever happens in whatever order: never more than two edits of one copy
in any hour, nothing lost in the end, and what is asked for shows the truth at any time.

Bob posts and edits; Carol likes and comments; Alice reads, and what is sent to her is held up, arrives without an
answer, or is sent again.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.delivery.claimed import Claimed
from bridge.delivery.refresh import Budget
from bridge.ids import AccountId, EventId
from tests.features.village import MINUTE, Village

HOUR = 60 * MINUTE
PER_HOUR = Budget().per_hour

_acts = st.one_of(
    st.sampled_from(["like", "unlike", "comment", "edit", "like", "unlike", "take back"]),
    st.sampled_from(["feed", "feed", "moment"]),
    st.sampled_from(["stuck", "free", "lost", "killed", "busy"]),
    st.sampled_from([MINUTE, 10 * MINUTE, 29 * MINUTE, 40 * MINUTE, 2 * HOUR]),
)


@dataclass
class Truth:
    """What everybody may see of Bob's moment."""

    text: str = "Version 0"
    liked: bool = False
    comments: list[str] = field(default_factory=list)
    sources: list[EventId] = field(default_factory=list)

    def is_shown(self, body: str) -> bool:
        """Lists show the last three comments, `moment N` all of them."""
        shown = [line for line in body.splitlines() if line.startswith("@carol:x.org: ")]
        said = [f"@carol:x.org: {text}" for text in self.comments]
        return self.text in body and ("♥" in body) is self.liked and shown in (said[-3:], said)


class Watched(Village):
    """A village that notes when copies are edited."""

    def __init__(self) -> None:
        super().__init__()
        self.edited: dict[str, list[int]] = defaultdict(list)

    def arrive(self, claimed: Claimed) -> EventId:
        is_new = claimed.outgoing.txn_id not in self._by_txn
        relation = claimed.outgoing.content.get("m.relates_to", {})
        if is_new and relation.get("rel_type") == "m.replace":
            self.edited[relation["event_id"]].append(self.now)
        return super().arrive(claimed)


def _act(village: Watched, truth: Truth, act: str | int, k: int) -> None:
    village.now += 1000
    match act:
        case int():
            village.wait(act)
        case "like" | "unlike":
            village.say("carol", f"{act} 1")
            truth.liked = act == "like"
        case "comment":
            village.say("carol", f"comment 1 Said {k}")
            truth.comments.append(f"Said {k}")
            truth.sources.append(village.last_event)
        case "take back":
            if truth.sources:
                village.redact("carol", truth.sources.pop())
                truth.comments.pop()
        case "edit":
            village.say("bob", f"edit 1 Version {k}")
            truth.text = f"Version {k}"
        case "feed" | "moment":
            answers = village.say("alice", "feed" if act == "feed" else "moment 1")
            if not village.stuck:
                assert truth.is_shown(next(body for body in reversed(answers) if body.startswith("#"))), answers
        case "stuck":
            village.stuck.add("alice")
        case "free":
            village.stuck.discard("alice")
            village.deliver()
        case "busy":
            village.outbox._edits.add(village.now, Budget().busy)
        case _:
            room = village.rooms["alice"].room_id
            claimed = village.db.run_sync(lambda tx: village._claims.claim(tx, (AccountId(1), room))).claimed
            if claimed is not None:
                village.arrive(claimed)
                if act == "lost":
                    village.settle(claimed, None)
                else:
                    village.restart()


def _newest(village: Village, name: str) -> str:
    """What the newest copy of the moment in somebody's chat shows, with its edits."""
    shown: dict[str, str] = {}
    for event in village.rooms[name].events:
        relation = event.content.get("m.relates_to", {})
        if event.redacted:
            continue
        if relation.get("rel_type") == "m.replace" and relation["event_id"] in shown:
            shown[relation["event_id"]] = event.body
        elif event.body.startswith("#1"):
            shown[str(event.event_id)] = event.body
    return list(shown.values())[-1] if shown else ""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(_acts, min_size=6, max_size=30))
# An edit is on its way and settles late; those behind it were queued before its time was known.
@example(
    [
        *("like", MINUTE, MINUTE, "stuck", "comment", "comment", 40 * MINUTE, "lost", "unlike", 10 * MINUTE, "free"),
        *("comment", MINUTE, "like", MINUTE, 10 * MINUTE, "comment", MINUTE, MINUTE),
    ]
)
@example(["like", MINUTE, "stuck", MINUTE, "killed", "comment", "killed", "unlike", "free", MINUTE, "like", MINUTE])
def test_the_budget_is_kept_and_nothing_is_lost(acts: list[str | int]) -> None:
    village = Watched()
    try:
        village.open("alice", "bob", "carol")
        for a, b in (("alice", "bob"), ("carol", "bob"), ("alice", "carol")):
            village.befriend(a, b)
        village.say("bob", "post Version 0")
        for name in ("carol", "alice"):
            village.now += 1000
            village.say(name, "feed")
        truth = Truth()
        for k, act in enumerate(acts, 1):
            _act(village, truth, act, k)
        village.stuck.clear()
        village.restart()
        for _ in range(60):
            village.wait(30 * MINUTE)
        for times in village.edited.values():
            for start in times:
                within = [at for at in times if start <= at < start + HOUR]
                assert len(within) <= PER_HOUR, times
        copy = _newest(village, "alice")
        # A comment that is taken back takes what showed it with it, the copy as a whole if it did.
        assert not copy or truth.is_shown(copy), copy
        answers = village.say("alice", "feed")
        assert truth.is_shown(next(body for body in answers if body.startswith("#")))
    finally:
        village.close()
