"""Ids for programs: the same each time, and nothing in common between programs, rooms and generations."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from bridge.miniprograms.pseudonym import chat_id, seed, user_id
from bridge.miniprograms.values import Id

KEY, OTHER = b"a" * 32, b"b" * 32


def test_they_are_stable() -> None:
    """Stored data hangs on them: they may never change."""
    assert user_id(KEY, "@alice:example.org") == "ua62tpatjg25aan7sr5qznswvza"
    assert chat_id(KEY, "!room:example.org") == "cnogf6cytqemytliuzfs6ugjdsa"
    assert seed(KEY, "e1") == "0c7620259ea87d09afc086cd1a493588"


@pytest.mark.property
@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_of_the_person_is_in_them(person: str, room: str) -> None:
    ids = {
        user_id(KEY, person),
        user_id(OTHER, person),
        user_id(KEY, person, generation=1),
        user_id(KEY, person, room="r" + room),
        user_id(KEY, person + "x"),
        chat_id(KEY, person),
        chat_id(OTHER, person),
    }
    assert len(ids) == 7
    for one in ids:
        TypeAdapter(Id).validate_json(json.dumps(one))
        assert len(person) < 12 or person not in one


@pytest.mark.property
@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_parts_can_not_be_moved_into_each_other(a: str, b: str, c: str, d: str) -> None:
    if (a, b) != (c, d) and b and d:
        assert user_id(KEY, a, room=b) != user_id(KEY, c, room=d)
