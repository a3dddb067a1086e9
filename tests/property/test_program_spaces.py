"""What programs store, in the database, is by the rules of the model: versions, conflicts and quotas."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.programs import MiniProgramsConfig
from bridge.db import Tx
from bridge.miniprograms.effects import KvDel, KvGet, KvSet
from bridge.miniprograms.host import spaces
from bridge.miniprograms.storage import SpaceOfOne
from tests.features.apps import packed
from tests.features.village import Village, user_id

LIMITS = MiniProgramsConfig(space_keys=3, space_bytes=1024, shared_space_bytes=1024, value_bytes=1000)
KEYS = ("a", "b", "c", "d")
VALUES = st.one_of(st.none(), st.integers(-5, 5), st.text(max_size=5), st.sampled_from(["x" * 300, "x" * 600]))
CHANGES = st.one_of(
    st.builds(
        lambda key, value, version: KvSet(
            type="kv.set", space="program", key=key, value=value, if_version=version, tag="t"
        ),
        st.sampled_from(KEYS),
        VALUES,
        st.one_of(st.none(), st.integers(0, 6)),
    ),
    st.builds(
        lambda key, version: KvDel(type="kv.del", space="program", key=key, if_version=version, tag="t"),
        st.sampled_from(KEYS),
        st.one_of(st.none(), st.integers(1, 6)),
    ),
)
ALL = KvGet(type="kv.get", tag="t", space="program", keys=KEYS)


@settings(max_examples=40, deadline=None)
@given(st.lists(CHANGES, max_size=15), st.booleans())
def test_the_database_and_the_model_agree(changes: list[KvSet | KvDel], of_a_person: bool) -> None:
    town = Village()
    try:
        town.open("alice")
        town.install(packed())

        def work(tx: Tx) -> None:
            owner = town.people.named(tx, user_id("alice")) if of_a_person else None
            program_id = tx.sql("SELECT id FROM programs").scalar_one()
            at = spaces.place(tx, program_id, "program", owner)
            other = spaces.place(tx, program_id, "program", owner, 1)
            model = SpaceOfOne()
            for change in changes:
                assert spaces.change(tx, at, change, LIMITS) == model.change(change, LIMITS)
                assert spaces.read(tx, at, ALL) == model.read(ALL)
            assert all(stored.version == 0 for stored in spaces.read(tx, other, ALL).values())
            assert dict(spaces.listed(tx, at)) == {key: stored.value for key, stored in model.values.items()}

        town.db.run_sync(work)
    finally:
        town.close()
