"""That the twins would notice: each rule that denies, broken on purpose, lets Alice receive something else.

One rule can't be shown so: no reading code asks for somebody else's tags or remarks, so that OWNERS_NOTES guards
nothing that could come through (what does, if reading code forgets whose they are, the twins notice: see the end).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

from bridge.chat.people import People
from bridge.chat.reply import Text
from bridge.contacts import profiles
from bridge.contacts import store as contacts_store
from bridge.contacts.model import FriendRequest
from bridge.contacts.profile_commands import field_blocks
from bridge.db import Tx
from bridge.ids import PersonId, UserId
from bridge.moments import copy_store, reach, responses, store
from bridge.moments.kinds import ALL_COPIES
from bridge.moments.model import Moment
from bridge.privacy import Decision, Rule, model, viewer
from tests.features.village import MINUTE, Village, user_id
from tests.property.twins import FIRST, ME, SECOND, Do, Event, Step, Wait, befriend, both, hidden, settle

ALICE, BOB, CAROL = user_id(ME), user_id("bob"), user_id("carol")
SETTING: list[Event] = [
    *befriend(ME, "bob"),
    *befriend(ME, "carol"),
    *befriend(ME, "gina"),
    *befriend("bob", "carol"),
    *befriend("bob", "fourth"),
    Step("bob", f"tag add #out {ALICE}"),
    Step("bob", "post The first"),
]
WITH_POLL = [*SETTING[:-1], Step("bob", "post poll Yes / No | The first")]
FEED, ALBUM = Step(ME, "feed"), Step(ME, "album @fourth:x.org")


def _say(who: str, *texts: str) -> list[Event]:
    return hidden(*(Step(who, text, 0 if "{n}" in text else None) for text in texts))


def _stuck(*events: Event) -> list[Event]:
    """Alice's room takes nothing while these happen."""
    return [Do(lambda v: v.stuck.add(ME)), *events, Do(lambda v: v.stuck.discard(ME)), Do(lambda v: v.deliver())]


def _later_version(village: Village) -> None:
    """The newest moment was posted by a later version, for an audience that this one does not know."""
    village.db.run_sync(
        lambda tx: tx.sql("UPDATE moments SET audience = 'later' WHERE id = (SELECT MAX(id) FROM moments)")
    )


def _pass(village: Village, ms: int) -> None:
    """Time passes, and nobody has come round to do what is due."""
    village.now += ms


STORIES: dict[Rule, list[Event]] = {
    Rule.DEFAULT: [
        Step(ME, "friend add @fourth:x.org"),
        # Accepted and ended before she could be told.
        *_stuck(*_say("fourth", f"friend accept {ALICE}", f"friend remove {ALICE}")),
    ],
    Rule.BLOCKED: [*_say("gina", f"block {ALICE}", "post Hidden"), FEED],
    Rule.BLOCKED_BY_VIEWER: [Step(ME, f"block {BOB}"), *_say("bob", "post Hidden"), FEED],
    Rule.PRIVATE: [*_say("bob", "post to private | Hidden"), FEED],
    Rule.STRANGER: [*_say("fourth", "profile set name Hidden"), Step(ME, "profile @fourth:x.org")],
    Rule.STRANGERS_OFF: [*_say("fourth", "post to public | Hidden"), ALBUM],
    Rule.STRANGERS_OLDER: [
        Step("fourth", "privacy set strangers on"),
        *_say("fourth", "post to public | Hidden"),
        *(Step("fourth", f"post to public | Open {n}") for n in range(10)),
        ALBUM,
        Step(ME, "feed more"),
        Step(ME, "feed more"),
    ],
    Rule.CHATS_ONLY: [*_say("gina", f"privacy set chats-only {ALICE} on", "post Hidden"), FEED],
    Rule.CHATS_ONLY_BY_VIEWER: [Step(ME, f"privacy set chats-only {BOB} on"), *_say("bob", "post Hidden"), FEED],
    Rule.SHUT_OUT: [*_say("gina", f"privacy set mine {ALICE} off", "post Hidden"), FEED],
    Rule.HIDDEN: [Step(ME, f"privacy set theirs {BOB} off"), *_say("bob", "post Hidden"), FEED],
    Rule.WINDOW: [
        Step("bob", "privacy set window 3d"),
        *_say("bob", "post Hidden"),
        Wait(4 * 24 * 60 * MINUTE),
        FEED,
    ],
    Rule.EXPIRED: [*_say("bob", "post Hidden", "expire 2 2m"), Do(lambda v: _pass(v, 3 * MINUTE)), FEED],
    Rule.EXCLUDED: [*_say("bob", f"post to friends except {ALICE} | Hidden"), FEED],
    Rule.EXCLUDED_TAG: [*_say("bob", "post to friends except #out | Hidden"), FEED],
    Rule.NOT_NAMED: [*_say("bob", f"post to {CAROL} | Hidden"), FEED],
    Rule.UNKNOWN_AUDIENCE: [*_say("bob", "post Hidden"), *hidden(Do(_later_version)), FEED],
    Rule.WRITER_OUTSIDE: [*_say("carol", "comment {n} Hidden"), *_say("bob", f"privacy set mine {CAROL} off"), FEED],
    Rule.WRITER_BLOCKED: [Step(ME, f"block {CAROL}"), *_say("carol", "comment {n} Hidden", "like {n}"), FEED],
    Rule.WRITER_SHUT_OUT: [Step("carol", f"privacy set mine {ALICE} off"), *_say("carol", "like {n}"), FEED],
    Rule.NOT_FRIEND_OF_WRITER: [*_say("fourth", "comment {n} Hidden", "like {n}"), FEED],
    Rule.FIELD_LEFT_OUT: [
        *_say("bob", f"privacy set bio {CAROL}", "profile set bio Hidden"),
        Step(ME, f"profile {BOB}"),
    ],
    Rule.FIELD_PRIVATE: [*_say("bob", "profile set phone Hidden"), Step(ME, f"profile {BOB}")],
    Rule.NOT_PENDING: [
        *_stuck(*_say("fourth", f"friend add {ALICE} Hidden", f"friend remove {ALICE}")),
        Step(ME, "friends"),
    ],
}
NOT_SHOWN = {Rule.OWNERS_NOTES}
_ALLOWING = {
    *(Rule.OWN, Rule.STRANGERS, Rule.PUBLIC, Rule.FRIENDS, Rule.NAMED, Rule.TAGGED, Rule.TO_AUTHOR),
    *(Rule.FRIEND_OF_WRITER, Rule.FIELD_EVERYONE, Rule.FIELD_FRIENDS, Rule.FIELD_TAGGED),
    *(Rule.ACCOUNT_TO_FRIENDS, Rule.FRIENDSHIP, Rule.ASKED),
}


def test_every_rule_that_denies_has_a_story() -> None:
    assert STORIES.keys() | NOT_SHOWN | _ALLOWING == set(Rule)
    assert not STORIES.keys() & (NOT_SHOWN | _ALLOWING)


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_broken_yet() -> None:
    """When what goes before a story happens."""
    settle(SETTING)
    settle(WITH_POLL)


@pytest.fixture
def only_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading code narrows what it loads, which may hide that the policy is broken: here it loads everything."""
    newest_of = store.newest_of

    def everything_of(
        tx: Tx, spans: Sequence[store.Span], reader: PersonId, limit: int, **_: bool
    ) -> list[list[Moment]]:
        return [newest_of(tx, [store.Span(s.author, s.before, None)], s.author, limit)[0] for s in spans]

    def everybody(tx: Tx, reader: PersonId, before: object, limit: int, offset: int) -> list[tuple[PersonId, int]]:
        rows = tx.sql(
            "SELECT p.id, (SELECT MAX(m.created_at) FROM moments m WHERE m.author_id = p.id) AS latest FROM people p"
            " ORDER BY latest DESC LIMIT ? OFFSET ?",
            (limit, offset),
        )
        return [(PersonId(row[0]), row[1]) for row in rows if row[1] is not None]

    def every_request(tx: Tx, asked: PersonId, limit: int) -> list[FriendRequest]:
        rows = tx.sql("SELECT id FROM friend_requests WHERE to_id = ? ORDER BY id LIMIT ?", (asked, limit)).all()
        return [one for row in rows if (one := contacts_store.request_by_id(tx, row.id)) is not None]

    monkeypatch.setattr(store, "newest_of", everything_of)
    monkeypatch.setattr(profiles, "_public_rows", profiles._rows)
    monkeypatch.setattr(store, "latest_times", everybody)
    monkeypatch.setattr(store, "windows", lambda tx, authors: {})
    monkeypatch.setattr(responses, "_narrowed", lambda *_: ("", ()))
    monkeypatch.setattr(contacts_store, "pending_for", every_request)


@pytest.mark.parametrize("rule", STORIES, ids=lambda rule: rule.name)
@pytest.mark.usefixtures("only_the_policy")
def test_a_broken_rule_is_noticed(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = both(STORIES[rule], SETTING)
    assert second == first, "the policy alone is enough"
    monkeypatch.setattr(model, "deny", lambda denied: Decision(denied is rule, denied))
    first, second = both(STORIES[rule], SETTING)
    assert second != first


VOTES: dict[Rule, list[Event]] = {
    Rule.WRITER_OUTSIDE: [*_say("carol", "vote {n} 1"), *_say("bob", f"privacy set mine {CAROL} off"), FEED],
    Rule.WRITER_BLOCKED: [Step(ME, f"block {CAROL}"), *_say("carol", "vote {n} 1"), FEED],
    Rule.WRITER_SHUT_OUT: [Step("carol", f"privacy set mine {ALICE} off"), *_say("carol", "vote {n} 1"), FEED],
    Rule.NOT_FRIEND_OF_WRITER: [*_say("fourth", "vote {n} 1"), FEED, *_say("fourth", "vote {n} 2"), Wait(), FEED],
}
"""What is so for likes and comments is so for votes."""


@pytest.mark.parametrize("rule", VOTES, ids=lambda rule: rule.name)
@pytest.mark.usefixtures("only_the_policy")
def test_a_broken_rule_is_noticed_by_votes(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = both(VOTES[rule], WITH_POLL)
    assert second == first, "the policy alone is enough"
    monkeypatch.setattr(model, "deny", lambda denied: Decision(denied is rule, denied))
    first, second = both(VOTES[rule], WITH_POLL)
    assert second != first


@pytest.mark.parametrize("rule", STORIES, ids=lambda rule: rule.name)
def test_the_stories_are_without_interference_in_the_compact_form(rule: Rule) -> None:
    compact = [*SETTING, Step(ME, "feed compact"), Wait()]
    first, second = both([*STORIES[rule], Wait(), FEED], compact)
    assert second == first


@pytest.mark.parametrize("rule", STORIES, ids=lambda rule: rule.name)
def test_the_stories_are_without_interference(rule: Rule) -> None:
    first, second = both(STORIES[rule], SETTING)
    assert second == first


# --- what no rule decides ------------------------------------------------------------------------------------
def _with_their_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`view as` shows what the other keeps about its owner."""
    kept: list[Text] = []

    def person(tx: Tx, owner: PersonId, other: PersonId, tags: frozenset[int]) -> viewer.Viewer:
        kept[:] = [Text("remark-shown", {"name": name}) for name in contacts_store.remarks(tx, other, [owner]).values()]
        return seen_by(tx, owner, other, tags)

    def blocks(*args: Any) -> Any:
        shown, picture = field_blocks(*args)
        return [*shown, *kept], picture

    seen_by = viewer.person
    monkeypatch.setattr(viewer, "person", person)
    monkeypatch.setattr("bridge.rights.view_as.field_blocks", blocks)


def _without_known_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """What others decided in silence is counted for the owner."""
    monkeypatch.setattr(model.World, "known_to", lambda world, owner: world)


def _copies_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """`moment N copies` counts who was shown it."""

    def of(tx: Tx, moment: Moment) -> reach.Reach:
        holders = copy_store.readers_since(tx, ALL_COPIES, moment.id, 0)
        return reach.Reach(frozenset(holders) - {moment.author}, False, moment.created_at)

    monkeypatch.setattr(reach, "of", of)


def _where_copies_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat counts as out of reach only where there is something to take back."""
    out_of_reach = People.out_of_reach

    def only_holders(self: People, tx: Tx, people: Mapping[PersonId, UserId], since: int) -> set[PersonId]:
        rows = tx.sql("SELECT person_id FROM copies WHERE kind = 'moment'").scalars()
        return out_of_reach(self, tx, people, since) & {PersonId(person) for person in rows}

    monkeypatch.setattr(People, "out_of_reach", only_holders)


def _counted_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest public moments are counted with those that leave the viewer out."""

    def count(tx: Tx, moment: Moment, viewer: PersonId, most: int) -> int:
        at = (moment.author, moment.created_at, moment.created_at, moment.id)
        query = (
            "SELECT COUNT(*) FROM moments n WHERE n.author_id = ? AND n.audience = 'public'"
            " AND n.created_at >= ? AND (n.created_at > ? OR n.id > ?)"
        )
        return min(most, int(tx.sql(query, at).scalar_one()))

    monkeypatch.setattr(store, "count_newer_public", count)


_POSTED: list[Event] = [Step(ME, "post 1")]
_OUT: list[Event] = [Do(lambda v: v.thrown_out.add("gina"))]
_COPIES = Step(ME, "moment 1 copies")
LEAKS: list[tuple[Callable[[pytest.MonkeyPatch], None], Iterable[Event]]] = [
    (_with_their_notes, [*_say("gina", f"remark {ALICE} Hidden"), Step(ME, "view as @gina:x.org")]),
    (_without_known_to, [*_say("gina", f"privacy set theirs {ALICE} off"), Step(ME, "post Mine")]),
    (_without_known_to, [*_say("gina", f"block {ALICE}"), Step(ME, "post 1"), Step(ME, "privacy set window 3d")]),
    (_without_known_to, [*_say("gina", f"block {ALICE}"), Step(ME, "post 1"), Step(ME, "why can @gina:x.org see 1")]),
    (_copies_counted, [*_POSTED, *_say("gina", "feed"), _COPIES]),
    (_copies_counted, [*_say("gina", "notify now"), Step(ME, "post 1"), _COPIES]),
    (_where_copies_are, [*_POSTED, *_say("gina", "feed"), *_OUT, _COPIES]),
    (
        _counted_for_all,
        [
            Step("fourth", "privacy set strangers on"),
            *(Step("fourth", f"post to public | Open {n}") for n in range(10)),
            *_say("fourth", f"post to public except {ALICE} | Hidden"),
            ALBUM,
            Step(ME, "feed more"),
            Step(ME, "feed more"),
        ],
    ),
]


@pytest.mark.parametrize(("leak", "story"), LEAKS)
def test_a_leak_beside_the_rules_is_noticed(
    leak: Callable[[pytest.MonkeyPatch], None], story: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = both(story, SETTING)
    assert second == first
    leak(monkeypatch)
    first, second = both(story, SETTING)
    assert second != first


def test_what_grew_too_old_is_not_taken_back_because_something_else_changed() -> None:
    """Copies that Alice has, of what time alone took from her, must not be redacted at the moment at which somebody
    changes a setting that has nothing to do with her."""
    story: list[Event] = [
        Step("bob", "privacy set window 3d"),
        Step("fourth", "privacy set strangers on"),
        *(Step("fourth", f"post to public | Open {n}") for n in range(10)),
        FEED,
        ALBUM,
        Step(ME, "feed more"),
        *(Step("fourth", f"post to public | Newer {n}") for n in range(3)),
        Wait(4 * 24 * 60 * MINUTE),
        *_say("bob", "privacy set by-id off", "privacy set phone me"),
        *_say("fourth", "privacy set reactions off", f"privacy set mine {BOB} off"),
        FEED,
    ]
    first, second = both(story, SETTING)
    assert second == first


def test_who_else_loses_a_moment_leaves_no_trace() -> None:
    """Bob takes his moment from people whom Alice does not know, with what they wrote under it."""
    story: list[Event] = [
        *_say("fourth", "comment {n} Hidden", "like {n}", "moment {n}"),
        FEED,
        *_say("bob", "audience {n} friends except @fourth:x.org"),
        Wait(),
        FEED,
        Step(ME, "moment 1"),
    ]
    first, second = both(story, SETTING)
    assert second == first


@pytest.mark.parametrize("answer", ["decline", "nothing", "closed"])
def test_what_became_of_a_request_that_was_taken_back(answer: str) -> None:
    """Alice asks and takes it back. When they ask her later, it is a question, whatever they had decided before."""
    decided = {
        "decline": [Step("fourth", f"friend decline {ALICE}", only=SECOND)],
        "nothing": [],
        "closed": [],
    }[answer]
    closed = [Step("fourth", "privacy set by-id off", only=SECOND)] if answer == "closed" else []
    story: list[Event] = [
        *closed,
        Step(ME, "friend add @fourth:x.org"),
        *decided,
        Step(ME, "friend remove @fourth:x.org"),
        Step("fourth", f"friend add {ALICE}", only=None),
        Step(ME, "friends"),
        Step(ME, "friend add @fourth:x.org"),
    ]
    first, second = both(story, SETTING)
    assert second == first
    assert any("would like to be your friend" in event for event in first)


@pytest.mark.parametrize("again", [FIRST, SECOND])
def test_a_request_made_again_after_it_was_taken_back(again: int) -> None:
    """Whether it got through or not, the other's wish later makes the two friends."""
    story: list[Event] = [
        Step(ME, "friend add @fourth:x.org"),
        Step(ME, "friend remove @fourth:x.org"),
        Step("fourth", "privacy set by-id off", only=again),
        Step(ME, "friend add @fourth:x.org"),
        Step("fourth", f"friend add {ALICE}"),
        Step(ME, "friends"),
    ]
    first, second = both(story, SETTING)
    assert second == first
