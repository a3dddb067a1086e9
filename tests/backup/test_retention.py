"""O4: what was let go since it was old opens nowhere: in no file, no copy, no backup whose epoch is over."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from bridge.backup.epochs import Epochs
from bridge.db import Tx
from bridge.moments import drafts
from bridge.moments.model import MomentLimits
from bridge.rights import access_log
from bridge.rights.retention import Retention, RetentionSettings, count
from bridge.storage import Storage, open_storage
from tests.backup.attacker import attack, present_files, values
from tests.backup.conftest import DAY, POSTGRESQL, SQLITE, MakeHouse, canary
from tests.features.village import Village, user_id

SETTINGS = RetentionSettings(moments_ms=10 * DAY, log_ms=10 * DAY, requests_ms=10 * DAY)
BOTH = pytest.mark.parametrize("engine", [SQLITE, POSTGRESQL])


def village_in(storage: Storage) -> Village:
    return Village(storage.db, moment_limits=MomentLimits(confirm_wider=False, own_keys=True))


def retain(village: Village) -> None:
    deletions = village.deletions
    job = Retention(SETTINGS, village.people, deletions.outbox, village.moments, deletions)
    while village.db.run_sync(job.step):
        pass
    village.db.run_sync(lambda tx: drafts.forget_old(tx, 10 * DAY))
    village.deliver()
    village.wait(0)  # keys are destroyed
    village.db.scrub()


def say(village: Village, words: dict[str, str], number: int = 1) -> None:
    """Bob posts, Alice comments and begins a draft, Carol asks Bob, and an operator reads something of Bob's."""
    village.say("bob", f"post {words['text']}")
    village.say("alice", "feed")
    village.say("alice", f"comment {number} {words['comment']}")
    for text in ("post", words["draft"], "drafts"):
        village.say("alice", text)
    village.say("carol", f"friend add {user_id('bob')} {words['request']}")

    def look(tx: Tx) -> None:
        bob = village.people.known(tx, user_id("bob"))
        assert bob is not None
        access_log.record(tx, bob, "operator", what="moments", reason=words["log"], number=1)

    village.db.run_sync(look)


def owners(storage: Storage) -> set[int]:
    return set(storage.vault.keys.database.run_sync(lambda tx: tx.sql("SELECT owner FROM data_keys").scalars().all()))


def found(words: dict[str, str], loot: bytes) -> Sequence[str]:
    return [what for what, word in words.items() if word.encode() in loot]


@BOTH
def test_with_every_key_and_copy_nothing_of_it_opens(make_house: MakeHouse, engine: str) -> None:
    """Beside the running bot."""
    house = make_house(engine)
    old = {what: canary(f"old-{what}") for what in ("text", "comment", "request", "log", "draft")}
    new = {what: canary(f"new-{what}") for what in ("text", "comment", "request", "log", "draft")}
    with open_storage(house.config) as storage, contextlib.closing(village_in(storage)) as village:
        village.open("alice", "bob", "carol")
        village.befriend("alice", "bob")
        say(village, old)
        whose = owners(storage)
        backup = house.backup("before.backup")
        copied = values(house.config.database_url)
        [epoch] = house.config.epoch_dir.glob("*.epoch")
        kept = Path(shutil.copy(epoch, house.directory.parent / "kept.epoch"))
        loot, opened = attack(house, present_files(house, engine), backup, whose)
        assert opened > 0
        assert found(old, loot) == [*old], "the attacker can find"

        village.now += 12 * DAY
        village.say("carol", f"friend add {user_id('alice')} {new['request']}")
        say(village, {**new, "request": "again"}, 2)
        counts = village.db.run_sync(lambda tx: count(tx, SETTINGS))
        assert (counts["moments"], counts["log_entries"], counts["requests"]) == (1, 1, 1)
        retain(village)
        counts = village.db.run_sync(lambda tx: count(tx, SETTINGS))
        assert (counts["moments"], counts["log_entries"], counts["requests"]) == (0, 0, 0)
        whose |= owners(storage)

        house.clock.offset = 8 * DAY
        assert Epochs(house.config.epoch_dir, 7, house.clock).destroy_ended() == 1
        loot, opened = attack(house, present_files(house, engine), backup, whose, copied)
        assert opened == 0
        assert found(old, loot) == []
        assert found(new, loot) == [*new], "what is not old is read with the keys of the present"
        # It is the epoch key alone that makes the difference.
        loot, opened = attack(house, [*present_files(house, engine), kept], backup, whose)
        assert opened > 0
        assert found(old, loot) == [*old]
