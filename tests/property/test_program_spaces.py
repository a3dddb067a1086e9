"""What programs store, in the database, is by the rules of the model: versions, conflicts and quotas."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.programs import MiniProgramsConfig
from bridge.db import Tx
from bridge.miniprograms.effects import KvDel, KvGet, KvSet
from bridge.miniprograms.host import spaces
from bridge.miniprograms.storage import Share, SpaceOfOne
from tests.features.apps import packed
from tests.features.village import Village, user_id

LIMITS = MiniProgramsConfig(space_keys=3, space_bytes=1024, shared_space_bytes=1024, value_bytes=1000)
KEYS = ("a", "b", "c", "d")
VALUES = st.one_of(st.none(), st.integers(-5, 5), st.text(max_size=5), st.sampled_from(["x" * 300, "x" * 600]))
SPACES = st.sampled_from(["person", "chat", "program"])
CHANGES = st.one_of(
    st.builds(
        lambda space, key, value, version: KvSet(
            type="kv.set", space=space, key=key, value=value, if_version=version, tag="t"
        ),
        SPACES,
        st.sampled_from(KEYS),
        VALUES,
        st.one_of(st.none(), st.integers(0, 6)),
    ),
    st.builds(
        lambda space, key, version: KvDel(type="kv.del", space=space, key=key, if_version=version, tag="t"),
        SPACES,
        st.sampled_from(KEYS),
        st.one_of(st.none(), st.integers(1, 6)),
    ),
)
ALL = KvGet(type="kv.get", tag="t", space="program", keys=KEYS)


@settings(max_examples=40, deadline=None)
@given(st.lists(CHANGES, max_size=20))
def test_the_database_and_the_model_agree(changes: list[KvSet | KvDel]) -> None:
    town = Village()
    try:
        town.open("alice")
        town.install(packed())

        def work(tx: Tx) -> None:
            owner = town.people.named(tx, user_id("alice"))
            program_id = tx.sql("SELECT id FROM programs").scalar_one()
            at = {space: spaces.own(tx, program_id, space, owner, 0) for space in ("person", "chat")}
            at["program"] = spaces.place(tx, program_id, "program", None)
            later = spaces.own(tx, program_id, "person", owner, 1)
            share = Share()
            models = {"person": SpaceOfOne(share), "chat": SpaceOfOne(share), "program": SpaceOfOne()}
            for change in changes:
                place, model = at[change.space], models[change.space]
                assert spaces.change(tx, place, change, LIMITS) == model.change(change, LIMITS)
                assert spaces.read(tx, place, ALL) == model.read(ALL)
            assert all(stored.version == 0 for stored in spaces.read(tx, later, ALL).values())
            own = [(key, one.value) for space in ("person", "chat") for key, one in models[space].values.items()]
            assert sorted(spaces.kept_for(tx, program_id, owner), key=str) == sorted(own, key=str)
            kept = tx.sql("SELECT SUM(bytes) FROM program_values WHERE person_id = ?", (owner,)).scalar() or 0
            assert kept == share.size <= LIMITS.space_bytes

        town.db.run_sync(work)
    finally:
        town.close()
