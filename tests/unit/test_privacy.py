"""The policy as a table: who sees what of whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ids import PersonId
from bridge.privacy import (
    AccountItem,
    Audience,
    Item,
    MomentItem,
    ProfileItem,
    RequestItem,
    ResponseItem,
    Rule,
    World,
    may_see,
)

AUTHOR, FRIEND, MUTUAL, STRANGER = (PersonId(n) for n in range(1, 5))
# FRIEND and MUTUAL are friends of the author and of each other; OTHER is a friend of the author alone.
OTHER = PersonId(5)
WORLD = World.of_friends([(AUTHOR, FRIEND), (AUTHOR, MUTUAL), (AUTHOR, OTHER), (FRIEND, MUTUAL)])

FOR_FRIENDS = MomentItem(AUTHOR, Audience.FRIENDS)
PRIVATE = MomentItem(AUTHOR, Audience.PRIVATE)
FOR_FRIEND = MomentItem(AUTHOR, Audience.PEOPLE, frozenset({FRIEND, STRANGER}))


@pytest.mark.parametrize(
    ("viewer", "item", "allowed", "rule"),
    [
        (AUTHOR, FOR_FRIENDS, True, Rule.OWN),
        (FRIEND, FOR_FRIENDS, True, Rule.FRIENDS),
        (STRANGER, FOR_FRIENDS, False, Rule.STRANGER),
        (AUTHOR, PRIVATE, True, Rule.OWN),
        (FRIEND, PRIVATE, False, Rule.PRIVATE),
        (FRIEND, FOR_FRIEND, True, Rule.NAMED),
        (MUTUAL, FOR_FRIEND, False, Rule.NOT_NAMED),
        # Named once, but no friend (any more).
        (STRANGER, FOR_FRIEND, False, Rule.STRANGER),
        (FRIEND, MomentItem(AUTHOR, None), False, Rule.UNKNOWN_AUDIENCE),
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
        (FRIEND, ProfileItem(AUTHOR), True, Rule.PROFILE_TO_FRIENDS),
        (AUTHOR, ProfileItem(AUTHOR), True, Rule.OWN),
        (STRANGER, ProfileItem(AUTHOR), False, Rule.STRANGER),
        (STRANGER, AccountItem(AUTHOR), False, Rule.STRANGER),
        (FRIEND, RequestItem(STRANGER, FRIEND, pending=True), True, Rule.ASKED),
        (STRANGER, RequestItem(STRANGER, FRIEND, pending=True), True, Rule.OWN),
        (AUTHOR, RequestItem(STRANGER, FRIEND, pending=True), False, Rule.DEFAULT),
        (FRIEND, RequestItem(STRANGER, FRIEND, pending=False), False, Rule.NOT_PENDING),
    ],
)
def test_rules(viewer: PersonId, item: Item, allowed: bool, rule: Rule) -> None:
    decision = may_see(viewer, item, WORLD)
    assert (decision.allowed, decision.rule) == (allowed, rule)


_people = st.integers(1, 5).map(PersonId)
_moments = st.builds(
    MomentItem,
    _people,
    st.sampled_from([*Audience, None]),
    st.frozensets(_people, max_size=3),
)
_items = st.one_of(
    _moments,
    st.builds(ResponseItem, _moments, _people),
    st.builds(ProfileItem, _people),
    st.builds(AccountItem, _people),
)
_links = st.frozensets(st.tuples(_people, _people), max_size=12)


@pytest.mark.property
@given(_people, _items, _links)
def test_an_unknown_world_shows_only_what_is_ones_own(
    viewer: PersonId, item: Item, links: frozenset[tuple[PersonId, PersonId]]
) -> None:
    """Knowing less never shows more, and a one-sided link counts for nothing."""
    shown = bool(may_see(viewer, item, World(links)))
    mutual = frozenset((a, b) for a, b in links if a != b and (b, a) in links)
    assert shown == bool(may_see(viewer, item, World(mutual)))
    for link in mutual:
        if may_see(viewer, item, World(mutual - {link})):
            assert shown


@pytest.mark.property
@given(_people, _moments, _people, _links)
def test_what_is_said_about_a_moment_is_never_seen_without_it(
    viewer: PersonId, moment: MomentItem, writer: PersonId, links: frozenset[tuple[PersonId, PersonId]]
) -> None:
    world = World(links)
    if may_see(viewer, ResponseItem(moment, writer), world):
        assert may_see(viewer, moment, world)
