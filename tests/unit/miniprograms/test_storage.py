"""Stored values: nobody overwrites what they have not seen, and nobody takes more than their share."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms.effects import KvDel, KvGet, KvSet
from bridge.miniprograms.events import Stored
from bridge.miniprograms.storage import Refusal, Share, SpaceOfOne
from bridge.miniprograms.strict_json import dump

LIMITS = MiniProgramsConfig(space_keys=3, space_bytes=1024, shared_space_bytes=2048)


def put(space: SpaceOfOne, key: str, value: Any, version: int | None = None, where: Any = "person") -> Refusal | None:
    effect = KvSet(type="kv.set", space=where, key=key, value=value, if_version=version, tag="t")
    return space.change(effect, LIMITS)


def drop(space: SpaceOfOne, key: str, version: int | None = None) -> Refusal | None:
    return space.change(KvDel(type="kv.del", space="person", key=key, if_version=version, tag="t"), LIMITS)


def version(space: SpaceOfOne, key: str) -> int:
    return space.read(KvGet(type="kv.get", tag="t", space="person", keys=(key,)))[key].version


def test_only_who_saw_the_latest_may_overwrite_it() -> None:
    space = SpaceOfOne()
    assert put(space, "seat", "alice", 0) is None
    assert put(space, "seat", "bob", 0) == "conflict"
    seen = version(space, "seat")
    assert put(space, "seat", "carol", seen) is None
    assert put(space, "seat", "bob", seen) == "conflict"
    assert drop(space, "seat", seen) == "conflict"
    assert space.values["seat"].value == "carol"


def test_a_version_does_not_come_again_after_deleting() -> None:
    space = SpaceOfOne()
    put(space, "k", "old")
    seen = version(space, "k")
    assert drop(space, "k") is None
    assert version(space, "k") == 0
    put(space, "k", "new")
    assert put(space, "k", "late", seen) == "conflict"


@pytest.mark.parametrize(
    ("where", "fits", "too_much"), [("person", 900, 1100), ("chat", 900, 1100), ("program", 1900, 2100)]
)
def test_bytes_are_bounded(where: str, fits: int, too_much: int) -> None:
    space = SpaceOfOne()
    assert put(space, "k", "x" * too_much, where=where) == "quota"
    assert space.values == {}
    assert put(space, "k", "x" * fits, where=where) is None
    assert put(space, "other", "x" * (too_much - fits), where=where) == "quota"
    assert put(space, "k", "y" * fits, where=where) is None, "in the place of the old one"


def test_keys_are_bounded() -> None:
    space = SpaceOfOne()
    assert [put(space, str(n), n) for n in range(4)] == [None, None, None, "quota"]
    assert put(space, "1", "changed") is None
    drop(space, "0")
    assert put(space, "3", 3) is None


def test_what_is_one_persons_alone_counts_together() -> None:
    share = Share()
    person, chat, other = SpaceOfOne(share), SpaceOfOne(share), SpaceOfOne()
    assert put(person, "k", "x" * 600) is None
    assert put(chat, "k", "x" * 600, where="chat") == "quota"
    assert put(chat, "k", "x" * 300, where="chat") is None
    assert put(other, "k", "x" * 900) is None, "somebody else's"
    assert put(person, "k", "x") is None
    assert put(chat, "k", "x" * 600, where="chat") is None, "there is room again"
    assert [put(person, "2", 0), put(chat, "3", 0, where="chat")] == [None, "quota"], "three values in all"
    assert drop(person, "k") is None
    assert put(chat, "3", 0, where="chat") is None


def test_what_grows_nothing_is_stored_also_where_the_limits_were_once_wider() -> None:
    share = Share(count=9, size=5000)
    space = SpaceOfOne(share, {"k": Stored(value="x" * 100, version=1)}, 1)
    assert put(space, "k", "y" * 100) is None
    assert put(space, "k", "y" * 101) == "quota"
    assert put(space, "k", "y") is None
    assert put(space, "new", 0) == "quota"


@pytest.mark.property
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"), st.one_of(st.none(), st.text(max_size=600)), st.sampled_from([None, 0, 1, 2, 3])
        ),
        max_size=30,
    )
)
def test_sizes_and_versions_stay_true(steps: list[tuple[str, str | None, int | None]]) -> None:
    space, versions = SpaceOfOne(), set[int]()
    for key, value, wanted in steps:
        before = dict(space.values)
        refusal = drop(space, key, wanted or None) if value is None else put(space, key, value, wanted)
        if refusal is not None:
            assert space.values == before
        elif value is not None:
            assert version(space, key) not in versions
            versions.add(version(space, key))
        assert space.share.size == sum(len(k) + len(dump(stored.value)) for k, stored in space.values.items())
        assert space.share.count == len(space.values)
        assert space.share.size <= LIMITS.space_bytes
        assert len(space.values) <= LIMITS.space_keys
