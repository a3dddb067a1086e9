"""Races: whatever becomes of a moment, in whatever order, and whenever the bot is interrupted.

Bob posts; he edits, narrows, widens, lets expire and deletes; Alice reads, and what is sent to her is held up, arrives
without an answer, or is sent again. In the end her chat shows exactly what she may see, and the budget was kept.
"""

import json
from dataclasses import dataclass

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.db import Tx
from bridge.ids import AccountId
from tests.features.settled import Settled
from tests.features.village import MINUTE, Village, user_id

HOUR = 60 * MINUTE
ALICE, CAROL = user_id("alice"), user_id("carol")
_MOMENTS = 2


@dataclass(frozen=True)
class Act:
    what: str
    number: int = 1
    ms: int = 0


_acts = st.one_of(
    st.builds(
        Act,
        st.sampled_from(
            [
                "edit {n} Text {k}",
                "edit {n} Text {k}",
                "audience {n} private",
                f"audience {{n}} friends except {ALICE}",
                f"audience {{n}} {ALICE}",
                "audience {n} friends",
                "1",
                "expire {n} 1m",
                "expire {n} 2h",
                "expire {n} never",
                "delete {n}",
                "like {n}",
                "unlike {n}",
                "comment {n} Said {k}",
                "(carol likes)",
                "(carol comments)",
            ]
        ),
        st.integers(1, _MOMENTS),
    ),
    st.builds(Act, st.sampled_from(["(feed)", "(feed)", "(moment)"]), st.integers(1, _MOMENTS)),
    st.builds(Act, st.sampled_from(["(stuck)", "(free)", "(lost)", "(killed)"])),
    st.builds(Act, st.just("(wait)"), st.just(1), st.sampled_from([1000, MINUTE, 20 * MINUTE, 2 * HOUR])),
)


def _act(village: Village, act: Act, k: int) -> None:
    village.now += 1000
    match act.what:
        case "(feed)":
            village.say("alice", "feed")
        case "(moment)":
            village.say("alice", f"moment {act.number}")
        case "(carol likes)":
            village.say("carol", f"like {act.number}")
        case "(carol comments)":
            village.say("carol", f"comment {act.number} Carol said {k}")
        case "(stuck)":
            village.stuck.add("alice")
        case "(free)":
            village.stuck.discard("alice")
            village.deliver()
        case "(wait)":
            village.wait(act.ms)
        case "(lost)" | "(killed)":
            room = village.rooms["alice"].room_id
            claimed = village.db.run_sync(lambda tx: village._claims.claim(tx, (AccountId(1), room))).claimed
            if claimed is not None:
                village.arrive(claimed)
                if act.what == "(lost)":
                    village.settle(claimed, None)
                else:
                    village.restart()
        case command:
            village.say("bob", command.format(n=act.number, k=k))


def _visible(village: Village, name: str) -> dict[str, str]:
    """What somebody's chat shows of moments: each event that stands, as the last edit of it that stands says."""
    shown: dict[str, str] = {}
    for event in village.rooms[name].events:
        relation = event.content.get("m.relates_to", {})
        if event.redacted:
            continue
        if relation.get("rel_type") == "m.replace":
            if relation["event_id"] in shown:
                shown[relation["event_id"]] = event.body
        else:
            shown[str(event.event_id)] = event.body
    return {key: body for key, body in shown.items() if body.startswith("#") and "@bob:x.org ·" in body}


@Settled
def _were_shown_moments(village: Village) -> None:
    village.open("alice", "bob", "carol")
    for a, b in (("alice", "bob"), ("carol", "bob"), ("alice", "carol")):
        village.befriend(a, b)
    for number in range(_MOMENTS):
        village.say("bob", f"post First {number}")
        village.now += 1000
    for name in ("carol", "alice"):
        village.say(name, "feed")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(_acts, min_size=4, max_size=25))
# What was asked for arrives, no answer tells so, and it is tried again when it reads otherwise.
@example([Act("(stuck)"), Act("(moment)", 2), Act("(lost)"), Act("edit {n} Text {k}")])
@example([Act("(stuck)"), Act("audience {n} private"), Act("(lost)"), Act("edit {n} Text {k}")])
def test_in_the_end_everybody_sees_what_is_so(acts: list[Act]) -> None:
    village = _were_shown_moments()
    try:
        for k, act in enumerate(acts):
            _act(village, act, k)
        village.stuck.clear()
        village.restart()
        # Edits may wait for each other: each copy's come ever more seldom.
        for _ in range(30):
            village.wait(6 * HOUR)
        truth = village.say("alice", "feed")
        now = {body.split(" ")[0]: body for body in truth if body.startswith("#")}
        texts = {number: body.split("\n\n")[1] for number, body in now.items()}
        for body in _visible(village, "alice").values():
            shown = body.split(" ")[0]
            assert shown in texts, "what she may no longer see stands in her chat"
            assert texts[shown] in body, "an old text stands in her chat"
        _numbers_are_not_used_again(village)
    finally:
        village.close()


def _numbers_are_not_used_again(village: Village) -> None:
    """What is new gets a number that was never given."""

    def highest(tx: Tx) -> int:
        alice = village.people.ensure(tx, ALICE).id
        rows = tx.sql("SELECT position FROM cursors WHERE person_id = ? AND list = 'numbers'", (alice,)).scalars().all()
        return max((int(json.loads(position)["highest"]) for position in rows), default=0)

    before = village.db.run_sync(highest)
    village.now += 1000
    village.say("bob", f"post to {ALICE} | The last")
    [newest, *_] = village.say("alice", "feed")
    assert newest.startswith(f"#{before + 1} ")
