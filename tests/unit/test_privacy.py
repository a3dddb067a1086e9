"""The policy as a table: who sees what of whom, and which rule says so."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ids import PersonId
from bridge.privacy import (
    FRIENDS,
    PRIVATE,
    PUBLIC,
    AccountItem,
    Addressed,
    Audience,
    FriendshipItem,
    Item,
    MomentItem,
    NoteItem,
    ProfileItem,
    RequestItem,
    ResponseItem,
    Rule,
    Shows,
    World,
    may_see,
)
from bridge.privacy.model import STRANGERS_SEE

AUTHOR, FRIEND, MUTUAL, STRANGER, OTHER = (PersonId(n) for n in range(1, 6))
# FRIEND and MUTUAL are friends of the author and of each other; OTHER is a friend of the author alone.
WORLD = World.of_friends([(AUTHOR, FRIEND), (AUTHOR, MUTUAL), (AUTHOR, OTHER), (FRIEND, MUTUAL)])
NOW = 1_000_000
TAG = 7

FOR_FRIENDS = MomentItem(AUTHOR, FRIENDS)
IS_PRIVATE = MomentItem(AUTHOR, PRIVATE)
IS_PUBLIC = MomentItem(AUTHOR, PUBLIC)
FOR_FRIEND = MomentItem(AUTHOR, Addressed(Audience.PEOPLE, frozenset({FRIEND, STRANGER})))
NEWEST = replace(IS_PUBLIC, newer_public=STRANGERS_SEE - 1)


def people(**parts: Iterable[int]) -> Addressed:
    return Addressed(Audience.PEOPLE, **{name: frozenset(ids) for name, ids in parts.items()})  # type: ignore[arg-type]


def world(**facts: object) -> World:
    return replace(WORLD, now=NOW, **facts)  # type: ignore[arg-type]


def pair(a: PersonId, b: PersonId) -> frozenset[tuple[PersonId, PersonId]]:
    return frozenset({(a, b)})


CASES: list[tuple[PersonId, Item, bool, Rule]] = [
    (AUTHOR, FOR_FRIENDS, True, Rule.OWN),
    (FRIEND, FOR_FRIENDS, True, Rule.FRIENDS),
    (STRANGER, FOR_FRIENDS, False, Rule.STRANGER),
    (AUTHOR, IS_PRIVATE, True, Rule.OWN),
    (FRIEND, IS_PRIVATE, False, Rule.PRIVATE),
    (FRIEND, IS_PUBLIC, True, Rule.PUBLIC),
    (STRANGER, IS_PUBLIC, False, Rule.STRANGERS_OFF),
    (STRANGER, NEWEST, False, Rule.STRANGERS_OFF),
    (FRIEND, FOR_FRIEND, True, Rule.NAMED),
    (MUTUAL, FOR_FRIEND, False, Rule.NOT_NAMED),
    # Named once, but no friend (any more).
    (STRANGER, FOR_FRIEND, False, Rule.STRANGER),
    (FRIEND, MomentItem(AUTHOR, Addressed(None)), False, Rule.UNKNOWN_AUDIENCE),
    (AUTHOR, ResponseItem(FOR_FRIENDS, FRIEND), True, Rule.TO_AUTHOR),
    (FRIEND, ResponseItem(FOR_FRIENDS, FRIEND), True, Rule.OWN),
    (MUTUAL, ResponseItem(FOR_FRIENDS, FRIEND), True, Rule.FRIEND_OF_WRITER),
    (OTHER, ResponseItem(FOR_FRIENDS, FRIEND), False, Rule.NOT_FRIEND_OF_WRITER),
    (OTHER, ResponseItem(FOR_FRIENDS, AUTHOR), True, Rule.FRIEND_OF_WRITER),
    (STRANGER, ResponseItem(FOR_FRIENDS, FRIEND), False, Rule.STRANGER),
    # A friend of the writer, but outside the audience.
    (MUTUAL, ResponseItem(FOR_FRIEND, FRIEND), False, Rule.NOT_NAMED),
    # Who wrote it is no longer a friend of the author.
    (AUTHOR, ResponseItem(FOR_FRIENDS, STRANGER), False, Rule.WRITER_OUTSIDE),
    (AUTHOR, ResponseItem(NEWEST, STRANGER), False, Rule.WRITER_OUTSIDE),
    (AUTHOR, ProfileItem(AUTHOR, PRIVATE), True, Rule.OWN),
    (FRIEND, ProfileItem(AUTHOR, FRIENDS), True, Rule.FIELD_FRIENDS),
    (STRANGER, ProfileItem(AUTHOR, FRIENDS), False, Rule.STRANGER),
    (STRANGER, ProfileItem(AUTHOR, PUBLIC), True, Rule.FIELD_EVERYONE),
    (FRIEND, ProfileItem(AUTHOR, PRIVATE), False, Rule.FIELD_PRIVATE),
    (FRIEND, ProfileItem(AUTHOR, Addressed(None)), False, Rule.FIELD_PRIVATE),
    (FRIEND, ProfileItem(AUTHOR, people(people=[FRIEND])), True, Rule.FIELD_TAGGED),
    (MUTUAL, ProfileItem(AUTHOR, people(people=[FRIEND])), False, Rule.FIELD_LEFT_OUT),
    (STRANGER, ProfileItem(AUTHOR, people(people=[STRANGER])), False, Rule.STRANGER),
    (STRANGER, ProfileItem(AUTHOR, replace(PUBLIC, except_people=frozenset({STRANGER}))), False, Rule.FIELD_LEFT_OUT),
    (AUTHOR, AccountItem(AUTHOR), True, Rule.OWN),
    (FRIEND, AccountItem(AUTHOR), True, Rule.ACCOUNT_TO_FRIENDS),
    (STRANGER, AccountItem(AUTHOR), False, Rule.STRANGER),
    (FRIEND, FriendshipItem(AUTHOR, FRIEND), True, Rule.FRIENDSHIP),
    (MUTUAL, FriendshipItem(AUTHOR, FRIEND), False, Rule.DEFAULT),
    (AUTHOR, FriendshipItem(AUTHOR, STRANGER), False, Rule.DEFAULT),
    (AUTHOR, NoteItem(AUTHOR), True, Rule.OWN),
    (FRIEND, NoteItem(AUTHOR), False, Rule.OWNERS_NOTES),
    (FRIEND, RequestItem(STRANGER, FRIEND, pending=True), True, Rule.ASKED),
    (STRANGER, RequestItem(STRANGER, FRIEND, pending=True), True, Rule.OWN),
    (AUTHOR, RequestItem(STRANGER, FRIEND, pending=True), False, Rule.DEFAULT),
    (FRIEND, RequestItem(STRANGER, FRIEND, pending=False), False, Rule.NOT_PENDING),
]


@pytest.mark.parametrize(("viewer", "item", "allowed", "rule"), CASES)
def test_rules(viewer: PersonId, item: Item, allowed: bool, rule: Rule) -> None:
    decision = may_see(viewer, item, world())
    assert (decision.allowed, decision.rule) == (allowed, rule)


SHOWS = {AUTHOR: Shows(strangers=True)}


@pytest.mark.parametrize(
    ("viewer", "item", "facts", "allowed", "rule"),
    [
        # I7
        (FRIEND, FOR_FRIENDS, {"blocks": pair(AUTHOR, FRIEND)}, False, Rule.BLOCKED),
        (FRIEND, FOR_FRIENDS, {"blocks": pair(FRIEND, AUTHOR)}, False, Rule.BLOCKED_BY_VIEWER),
        (MUTUAL, FOR_FRIENDS, {"blocks": pair(AUTHOR, FRIEND)}, True, Rule.FRIENDS),
        (AUTHOR, FOR_FRIENDS, {"blocks": pair(AUTHOR, AUTHOR)}, True, Rule.OWN),
        (FRIEND, ProfileItem(AUTHOR, PUBLIC), {"blocks": pair(AUTHOR, FRIEND)}, False, Rule.BLOCKED),
        (FRIEND, ProfileItem(AUTHOR, PUBLIC), {"blocks": pair(FRIEND, AUTHOR)}, False, Rule.BLOCKED_BY_VIEWER),
        # Still a friend, to the one who is blocked.
        (FRIEND, AccountItem(AUTHOR), {"blocks": pair(AUTHOR, FRIEND)}, True, Rule.ACCOUNT_TO_FRIENDS),
        (FRIEND, FriendshipItem(AUTHOR, FRIEND), {"blocks": pair(AUTHOR, FRIEND)}, True, Rule.FRIENDSHIP),
        (FRIEND, RequestItem(STRANGER, FRIEND, True), {"blocks": pair(FRIEND, STRANGER)}, False, Rule.BLOCKED),
        (STRANGER, RequestItem(STRANGER, FRIEND, True), {"blocks": pair(FRIEND, STRANGER)}, True, Rule.OWN),
        # A block by who wrote it is not to be noticed under one's own moment, and looks like P2 elsewhere.
        (AUTHOR, ResponseItem(FOR_FRIENDS, FRIEND), {"blocks": pair(FRIEND, AUTHOR)}, True, Rule.TO_AUTHOR),
        (AUTHOR, ResponseItem(FOR_FRIENDS, FRIEND), {"hidden": pair(FRIEND, AUTHOR)}, True, Rule.TO_AUTHOR),
        (AUTHOR, ResponseItem(FOR_FRIENDS, FRIEND), {"chats_only": pair(FRIEND, AUTHOR)}, True, Rule.TO_AUTHOR),
        (AUTHOR, ResponseItem(FOR_FRIENDS, FRIEND), {"blocks": pair(AUTHOR, FRIEND)}, False, Rule.WRITER_OUTSIDE),
        (AUTHOR, ResponseItem(FOR_FRIENDS, FRIEND), {"shut_out": pair(AUTHOR, FRIEND)}, False, Rule.WRITER_OUTSIDE),
        (MUTUAL, ResponseItem(FOR_FRIENDS, FRIEND), {"blocks": pair(MUTUAL, FRIEND)}, False, Rule.WRITER_BLOCKED),
        (MUTUAL, ResponseItem(FOR_FRIENDS, FRIEND), {"blocks": pair(FRIEND, MUTUAL)}, False, Rule.WRITER_SHUT_OUT),
        (MUTUAL, ResponseItem(FOR_FRIENDS, FRIEND), {"shut_out": pair(FRIEND, MUTUAL)}, False, Rule.WRITER_SHUT_OUT),
        (MUTUAL, ResponseItem(FOR_FRIENDS, FRIEND), {"chats_only": pair(FRIEND, MUTUAL)}, False, Rule.WRITER_SHUT_OUT),
        (MUTUAL, ResponseItem(FOR_FRIENDS, FRIEND), {"chats_only": pair(MUTUAL, FRIEND)}, False, Rule.WRITER_SHUT_OUT),
        (MUTUAL, ResponseItem(FOR_FRIENDS, FRIEND), {"shut_out": pair(MUTUAL, FRIEND)}, True, Rule.FRIEND_OF_WRITER),
        (MUTUAL, ResponseItem(FOR_FRIENDS, FRIEND), {"hidden": pair(MUTUAL, FRIEND)}, True, Rule.FRIEND_OF_WRITER),
        # M11
        (FRIEND, replace(FOR_FRIENDS, expires_at=NOW), {}, False, Rule.EXPIRED),
        (AUTHOR, replace(FOR_FRIENDS, expires_at=NOW), {}, False, Rule.EXPIRED),
        (FRIEND, replace(FOR_FRIENDS, expires_at=NOW + 1), {}, True, Rule.FRIENDS),
        # I6, P2, P3
        (FRIEND, FOR_FRIENDS, {"chats_only": pair(AUTHOR, FRIEND)}, False, Rule.CHATS_ONLY),
        (FRIEND, FOR_FRIENDS, {"chats_only": pair(FRIEND, AUTHOR)}, False, Rule.CHATS_ONLY_BY_VIEWER),
        (FRIEND, ProfileItem(AUTHOR, FRIENDS), {"chats_only": pair(AUTHOR, FRIEND)}, True, Rule.FIELD_FRIENDS),
        (FRIEND, FOR_FRIENDS, {"shut_out": pair(AUTHOR, FRIEND)}, False, Rule.SHUT_OUT),
        (FRIEND, FOR_FRIENDS, {"shut_out": pair(FRIEND, AUTHOR)}, True, Rule.FRIENDS),
        (FRIEND, FOR_FRIENDS, {"hidden": pair(FRIEND, AUTHOR)}, False, Rule.HIDDEN),
        (FRIEND, FOR_FRIENDS, {"hidden": pair(AUTHOR, FRIEND)}, True, Rule.FRIENDS),
        (STRANGER, NEWEST, {"shows": SHOWS, "shut_out": pair(AUTHOR, STRANGER)}, False, Rule.SHUT_OUT),
        # P1
        (FRIEND, replace(FOR_FRIENDS, created_at=NOW - 11), {"shows": {AUTHOR: Shows(10)}}, False, Rule.WINDOW),
        (FRIEND, replace(FOR_FRIENDS, created_at=NOW - 10), {"shows": {AUTHOR: Shows(10)}}, True, Rule.FRIENDS),
        (AUTHOR, replace(FOR_FRIENDS, created_at=NOW - 11), {"shows": {AUTHOR: Shows(10)}}, True, Rule.OWN),
        (FRIEND, replace(FOR_FRIENDS, created_at=NOW - 11), {"shows": {FRIEND: Shows(10)}}, True, Rule.FRIENDS),
        # P4
        (STRANGER, NEWEST, {"shows": SHOWS}, True, Rule.STRANGERS),
        (STRANGER, replace(NEWEST, newer_public=STRANGERS_SEE), {"shows": SHOWS}, False, Rule.STRANGERS_OLDER),
        (STRANGER, IS_PUBLIC, {"shows": SHOWS}, False, Rule.STRANGERS_OLDER),
        (STRANGER, replace(NEWEST, to=FRIENDS), {"shows": SHOWS}, False, Rule.STRANGER),
        (STRANGER, replace(NEWEST, created_at=0), {"shows": {AUTHOR: Shows(10, True)}}, False, Rule.WINDOW),
        # M2, M3: who is left out is left out, whatever else names them.
        (FRIEND, MomentItem(AUTHOR, replace(FRIENDS, except_people=frozenset({FRIEND}))), {}, False, Rule.EXCLUDED),
        (MUTUAL, MomentItem(AUTHOR, replace(FRIENDS, except_people=frozenset({FRIEND}))), {}, True, Rule.FRIENDS),
        (FRIEND, MomentItem(AUTHOR, people(people=[FRIEND], except_people=[FRIEND])), {}, False, Rule.EXCLUDED),
        (
            FRIEND,
            MomentItem(AUTHOR, people(people=[FRIEND], except_tags=[TAG])),
            {"tagged": frozenset({(TAG, FRIEND)})},
            False,
            Rule.EXCLUDED_TAG,
        ),
        (
            FRIEND,
            MomentItem(AUTHOR, people(people=[FRIEND], except_tags=[TAG])),
            {"tagged": frozenset({(TAG, MUTUAL), (TAG + 1, FRIEND)})},
            True,
            Rule.NAMED,
        ),
        (FRIEND, MomentItem(AUTHOR, people(tags=[TAG])), {"tagged": frozenset({(TAG, FRIEND)})}, True, Rule.TAGGED),
        (FRIEND, MomentItem(AUTHOR, people(tags=[TAG])), {}, False, Rule.NOT_NAMED),
        (
            STRANGER,
            MomentItem(AUTHOR, people(tags=[TAG])),
            {"tagged": frozenset({(TAG, STRANGER)})},
            False,
            Rule.STRANGER,
        ),
        (
            FRIEND,
            ProfileItem(AUTHOR, people(tags=[TAG])),
            {"tagged": frozenset({(TAG, FRIEND)})},
            True,
            Rule.FIELD_TAGGED,
        ),
        (
            FRIEND,
            ProfileItem(AUTHOR, replace(FRIENDS, except_tags=frozenset({TAG}))),
            {"tagged": frozenset({(TAG, FRIEND)})},
            False,
            Rule.FIELD_LEFT_OUT,
        ),
    ],
)
def test_rules_in_their_worlds(
    viewer: PersonId, item: Item, facts: dict[str, object], allowed: bool, rule: Rule
) -> None:
    decision = may_see(viewer, item, world(**facts))
    assert (decision.allowed, decision.rule) == (allowed, rule)


def test_what_the_owner_may_know_of_a_world_has_nothing_that_others_decided_in_silence() -> None:
    everything = {
        name: pair(FRIEND, AUTHOR) | pair(AUTHOR, MUTUAL) for name in ("blocks", "chats_only", "hidden", "shut_out")
    }
    known = world(**everything).known_to(AUTHOR)
    for name in ("blocks", "chats_only", "hidden"):
        assert getattr(known, name) == pair(AUTHOR, MUTUAL)


_people = st.integers(1, 5).map(PersonId)
_pairs = st.frozensets(st.tuples(_people, _people), max_size=8)
_tag_ids = st.frozensets(st.integers(1, 2), max_size=2)
_some = st.frozensets(_people, max_size=3)
_audiences = st.builds(Addressed, st.sampled_from([*Audience, None]), _some, _tag_ids, _some, _tag_ids)
_moments = st.builds(
    MomentItem, _people, _audiences, st.integers(0, 20), st.none() | st.integers(0, 30), st.none() | st.integers(0, 12)
)
_items = st.one_of(
    _moments,
    st.builds(ResponseItem, _moments, _people),
    st.builds(ProfileItem, _people, _audiences),
    st.builds(AccountItem, _people),
    st.builds(FriendshipItem, _people, _people),
    st.builds(NoteItem, _people),
    st.builds(RequestItem, _people, _people, st.booleans()),
)
_shows = st.dictionaries(_people, st.builds(Shows, st.none() | st.integers(0, 20), st.booleans()))
_worlds = st.builds(
    World,
    now=st.integers(0, 30),
    links=_pairs,
    blocks=_pairs,
    chats_only=_pairs,
    shut_out=_pairs,
    hidden=_pairs,
    tagged=st.frozensets(st.tuples(st.integers(1, 2), _people), max_size=6),
    shows=_shows,
)


@pytest.mark.property
@given(_people, _items, _worlds)
def test_knowing_less_of_friends_never_shows_more(viewer: PersonId, item: Item, some: World) -> None:
    """A one-sided link counts for nothing, and each friendship only adds."""
    shown = bool(may_see(viewer, item, some))
    mutual = frozenset((a, b) for a, b in some.links if a != b and (b, a) in some.links)
    assert shown == bool(may_see(viewer, item, replace(some, links=mutual)))
    if isinstance(item, MomentItem | ResponseItem):
        return  # a stranger may see what a friend sees no longer: the newest public ones
    for link in mutual:
        if may_see(viewer, item, replace(some, links=mutual - {link})):
            assert shown


@pytest.mark.property
@given(_people, _items, _worlds, st.sampled_from(["blocks", "chats_only", "shut_out", "hidden"]), _people, _people)
def test_a_denial_never_shows_more(
    viewer: PersonId, item: Item, some: World, name: str, a: PersonId, b: PersonId
) -> None:
    more = replace(some, **{name: getattr(some, name) | {(a, b)}})
    if may_see(viewer, item, more):
        assert may_see(viewer, item, some)


@pytest.mark.property
@given(_people, _moments, _worlds, _people)
def test_whom_an_audience_leaves_out_does_not_see_it(
    viewer: PersonId, moment: MomentItem, some: World, writer: PersonId
) -> None:
    out = replace(moment, to=replace(moment.to, except_people=moment.to.except_people | {viewer}))
    if viewer != moment.author:
        assert not may_see(viewer, out, some)
        assert not may_see(viewer, ResponseItem(out, writer), some)


@pytest.mark.property
@given(_people, _moments, _people, _worlds)
def test_what_is_said_about_a_moment_is_never_seen_without_it(
    viewer: PersonId, moment: MomentItem, writer: PersonId, some: World
) -> None:
    if may_see(viewer, ResponseItem(moment, writer), some):
        assert may_see(viewer, moment, some)


@pytest.mark.property
@given(_people, _items, _worlds)
def test_every_decision_is_one_of_its_rule(viewer: PersonId, item: Item, some: World) -> None:
    """The same rule never says yes here and no there."""
    decision = may_see(viewer, item, some)
    allowing = {rule for rule in Rule if rule in _ALLOW}
    assert decision.allowed == (decision.rule in allowing)


_ALLOW = {
    Rule.OWN,
    Rule.STRANGERS,
    Rule.PUBLIC,
    Rule.FRIENDS,
    Rule.NAMED,
    Rule.TAGGED,
    Rule.TO_AUTHOR,
    Rule.FRIEND_OF_WRITER,
    Rule.FIELD_EVERYONE,
    Rule.FIELD_FRIENDS,
    Rule.FIELD_TAGGED,
    Rule.ACCOUNT_TO_FRIENDS,
    Rule.FRIENDSHIP,
    Rule.ASKED,
}
