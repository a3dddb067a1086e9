"""Non-interference: what Alice may not see leaves no trace in any byte that she receives."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.doings import ALICE, BOB, CAROL, EVENTS, FIRST_OF_BOB, LOOK, POLL_OF_BOB, SETTING, about, said
from tests.property.twins import FIRST, ME, SECOND, Event, Step, Touch, Wait, befriend, both

_example = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.property
@_example
@given(st.lists(EVENTS, min_size=6, max_size=30))
def test_what_alice_may_not_see_leaves_no_trace(events: list[Event]) -> None:
    first, second = both([*events, *LOOK], SETTING)
    assert second == first


# --- from an event on ----------------------------------------------------------------------------------------
_FIELDS = [Step("bob", f"privacy set {field} me", only=FIRST) for field in ("name", "bio")]
_CLOSINGS: dict[str, list[list[Event]]] = {
    # Ways to close that look alike: what the first world has, and what the second has.
    "tag": [
        [Step("bob", f"privacy set mine {ALICE} off", only=FIRST)],
        [Step("bob", "privacy set mine #out off", only=SECOND)],
    ],
    "chats-only": [
        [Step("bob", f"privacy set mine {ALICE} off", only=FIRST)],
        [Step("bob", f"privacy set chats-only {ALICE} on", only=SECOND)],
    ],
    # To the blocked it looks like somebody who made everything private (I7).
    "block": [
        [*_FIELDS, Step("bob", f"privacy set mine {ALICE} off", only=FIRST)],
        [Step("bob", f"block {ALICE}", only=SECOND)],
    ],
}
_before: st.SearchStrategy[Event] = st.one_of(
    said(
        ME,
        st.sampled_from(
            ["feed", "feed compact", "feed full", "feed more", f"album {BOB}", f"profile {BOB}", "moment 2", "like 2"]
        ),
    ),
    said("bob", st.sampled_from(["post More", f"post to {ALICE} {CAROL} | Some", "profile set name B"])),
    st.builds(Step, st.sampled_from([ME, "bob", "carol"]), st.sampled_from(["comment {n} Oh", "like {n}"]), about),
)
_after: st.SearchStrategy[Event] = st.one_of(
    _before.filter(lambda event: isinstance(event, Step) and event.who == ME),
    said("bob", st.sampled_from(["post Hidden", f"post to {ALICE} | Hidden", "profile set name Hidden"]), SECOND),
    said("carol", st.sampled_from(["post From Carol", "feed"])),
    st.just(Wait()),
    st.builds(Touch, st.sampled_from(["react", "reply"]), st.integers(0, 40), st.just("Oh")),
)
_TO_COPIES = [Touch(kind, index, "Oh") for index in range(16) for kind in ("react", "reply", "react")]
"""Alice answers what she was shown first, whether or not it was taken back."""


@pytest.mark.property
@settings(parent=_example, max_examples=12)
@given(st.sampled_from(sorted(_CLOSINGS)), st.lists(_before, max_size=12), st.lists(_after, max_size=10))
def test_ways_to_close_look_alike(way: str, before: list[Event], after: list[Event]) -> None:
    closing = [event for world in _CLOSINGS[way] for event in world]
    if way != "block":
        after = [event for event in after if not (isinstance(event, Step) and "profile set" in event.text)]
    setting = [*SETTING, *befriend(ME, "carol"), Step("bob", "profile set name Bob"), Step("bob", "profile set bio Hi")]
    first, second = both([*before, Wait(), *closing, *after, *_TO_COPIES, *LOOK], setting)
    assert second == first


# --- answers to what was taken back --------------------------------------------------------------------------
_LOSSES = [
    f"privacy set mine {ALICE} off",
    "privacy set mine #out off",
    f"privacy set chats-only {ALICE} on",
    f"block {ALICE}",
    f"friend remove {ALICE}",
    "audience {n} private",
    f"audience {{n}} friends except {ALICE}",
    "delete {n}",
    "expire {n} 1m",
]


@pytest.mark.property
@pytest.mark.parametrize("way", _LOSSES[1:])
def test_answers_to_copies_that_are_gone_look_alike(way: str) -> None:
    """Whatever took them back: a rule, another audience, deletion, or time."""

    def gone(text: str, world: int) -> list[Event]:
        about = (FIRST_OF_BOB, POLL_OF_BOB) if "{n}" in text else (None,)
        return [Step("bob", text, which, world) for which in about]

    closing = [*gone(_LOSSES[0], FIRST), *gone(way, SECOND)]
    first, second = both([Step(ME, "feed"), *closing, Wait(), *_TO_COPIES], SETTING)
    assert second == first
    assert sum("That is no longer there." in line for line in first) == 4, "two copies, a reaction and a reply each"


# --- between two others --------------------------------------------------------------------------------------
_WAYS = [
    f"privacy set mine {CAROL} off",
    "privacy set mine #hers off",
    f"privacy set chats-only {CAROL} on",
    f"block {CAROL}",
]


@pytest.mark.property
@settings(parent=_example, max_examples=12)
@given(
    st.sampled_from(_WAYS),
    st.sampled_from(_WAYS),
    st.lists(_before, max_size=12),
    st.lists(_after.filter(lambda event: not (isinstance(event, Step) and event.who == "bob")), max_size=10),
)
def test_ways_to_close_to_another_look_alike(one: str, other: str, before: list[Event], after: list[Event]) -> None:
    """Bob closes himself to Carol, whom Alice may have seen under his moments: she sees that Carol is there no more, by
    her own copies too, and not by what."""
    setting = [*SETTING, *befriend(ME, "carol"), Step("bob", f"tag add #hers {CAROL}")]
    closing = [Step("bob", one, only=FIRST), Step("bob", other, only=SECOND)]
    first, second = both([*before, Wait(), *closing, *after, *LOOK], setting)
    assert second == first
