"""Non-interference of mini-programs: what others do out of Alice's sight changes nothing that programs answer her."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.ids import EventId
from tests.features.apps import Engine, packed
from tests.features.begun import Begun
from tests.features.village import Village
from tests.property.twins import Do, Event, Step, Touch, Wait, befriend, both, hidden

SCOPES = {
    "profile.name": "To greet you.",
    "profile.region": "For the weather.",
    "notify": "To remind you.",
    "subscribe": "To tell you the news.",
}
RANDOM = ("id", "seed", "effect")
"""Ids and chance are random in each installation, and differ between twins."""

OWN = (
    "open tester", "open other", "close", "good morning", "tester 2", "1", "2", "3", "apps", "apps mine", "grants",
    "revoke 1", "apps search other",
    "friends", "apps reset tester", "apps stop", "apps stop tester", "post Hello", "help",
)  # fmt: skip
OTHERS = (
    "open tester", "open other", "close", "good morning", "1", "2", "3", "revoke 1", "apps reset tester",
    "profile set name Bobby", "profile set region Rome", "block @alice:x.org", "unblock @alice:x.org",
    "post to private | Secret", "apps sent", "apps stop",
)  # fmt: skip


def shows_all(event: dict[str, Any]) -> dict[str, Any]:
    """Shows all that it is told, but for what is random, and uses all that it may."""
    told = json.dumps(_without(event), sort_keys=True)
    choices = [{"id": one, "label": one.title()} for one in ("tea", "milk")]
    effects: list[dict[str, Any]] = [{"type": "ui.send", "key": "k", "text": f"`{told}`"[:3900], "choices": choices}]
    if event["type"] == "choice":
        effects.append({"type": "ui.update", "key": "k", "text": "Chosen", "choices": choices[:1]})
    if event["type"] in ("open", "text"):
        effects += [
            {"type": "kv.set", "space": "person", "key": "n", "value": (event["state"] or 0)},
            {"type": "kv.get", "tag": "p", "space": "person", "keys": ["n"]},
            {"type": "kv.get", "tag": "c", "space": "chat", "keys": ["n"]},
            {"type": "scope.request", "tag": "s", "scopes": ["profile.name", "profile.region", "subscribe"]},
            {"type": "timer.set", "tag": "t", "after": 60},
        ]
    if event["type"] == "close":
        effects = []
    return {"state": (event["state"] or 0) + 1, "effects": effects}


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(one) for key, one in value.items() if key not in RANDOM}
    return value


def presses(who: str, whose: str, index: int) -> Do:
    """Somebody's client sends a token that it has seen, or that it got from whoever saw it."""

    def work(village: Village) -> None:
        tokens = [token for event in village.rooms[whose].events for token in event.buttons.values()]
        village.press(who, tokens[index % len(tokens)] if tokens else "")

    return Do(work)


def town(begun: Begun | None = None, **where: Any) -> Village:
    made = Village(digests=True, runtime=Engine(tester=shows_all, other=shows_all), begun=begun)
    if begun is None:
        made.install(packed(scopes=SCOPES, **where), packed("other", scopes=SCOPES, **where))
    return made


def town_of_servers(begun: Begun | None = None) -> Village:
    return town(begun, main=None, url="https://far.example.org/hook")


def events() -> st.SearchStrategy[list[Event]]:
    own: st.SearchStrategy[Event] = st.sampled_from([Step("alice", text) for text in OWN])
    others = st.builds(
        lambda who, text: hidden(Step(who, text))[0], st.sampled_from(["gina", "carol"]), st.sampled_from(OTHERS)
    )
    press: st.SearchStrategy[Event] = st.builds(lambda index: Touch("press", index), st.integers(0, 20))
    theirs = st.builds(
        lambda who, whose, index: hidden(presses(who, whose, index))[0],
        st.sampled_from(["gina", "carol"]),
        st.sampled_from(["alice", "gina", "carol"]),
        st.integers(0, 20),
    )
    return st.lists(st.one_of(own, others, press, theirs, st.builds(Wait)), max_size=14)


@settings(max_examples=15, deadline=None)
@given(events())
def test_programs_tell_nobody_of_others(lived: list[Event]) -> None:
    setting = [*befriend("alice", "bob"), Step("alice", "profile set name Alice"), Step("alice", "open tester")]
    first, second = both(lived, setting, town)
    assert first == second


@settings(max_examples=15, deadline=None)
@given(events())
def test_nor_do_programs_on_servers(lived: list[Event]) -> None:
    setting = [*befriend("alice", "bob"), Step("alice", "open tester"), Step("alice", "2"), Step("alice", "open other")]
    first, second = both(lived, setting, town_of_servers)
    assert first == second


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5), st.sampled_from(["open tester", "close"]))
def test_a_token_of_somebody_else_is_as_one_that_never_was(index: int, last: str) -> None:
    """Bob has a program open in one world alone, and Alice got hold of his tokens."""
    lived: list[Event] = [Step("alice", "open tester"), *hidden(Step("bob", "open tester")), Step("alice", last)]

    def stolen(village: Village) -> None:
        tokens = [token for event in village.rooms["bob"].events for token in event.buttons.values()]
        village.next_event = EventId("$stolen")
        village.press("alice", tokens[index % len(tokens)] if tokens else "A" * 22)

    first, second = both([*lived, Do(stolen), Wait()], befriend("alice", "bob"), town)
    assert first == second
