"""O4: what was let go since it was old opens nowhere: in no file, no copy, no backup whose epoch is over."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from bridge.backup.epochs import Epochs
from bridge.db import Tx, own_limits
from bridge.miniprograms.host import deliveries
from bridge.moments import drafts
from bridge.moments.model import MomentLimits
from bridge.rights import access_log
from bridge.rights.retention import Retention, RetentionSettings, count, dry_run
from bridge.storage import Storage, open_storage
from tests.backup.attacker import attack, present_files, values
from tests.backup.conftest import DAY, POSTGRESQL, SQLITE, MakeHouse, canary
from tests.features.apps import packed
from tests.features.village import Village, user_id

pytestmark = pytest.mark.usefixtures("migrated_once")

EVERYBODY = RetentionSettings(moments_ms=10 * DAY, log_ms=10 * DAY, requests_ms=10 * DAY)
_OWN = {own_limits.MOMENTS: 10, own_limits.LOG: 10, own_limits.REQUESTS: 10}
SINGLE = RetentionSettings(
    moments_ms=500 * DAY, log_ms=500 * DAY, people={user_id("bob"): _OWN, user_id("carol"): _OWN}
)
"""Those whose things are looked for; everybody else's stay longer, with what was written on the same days."""
WORDS = ("text", "comment", "request", "log", "told", "draft")
BOTH = pytest.mark.parametrize("engine", [SQLITE, POSTGRESQL])


def village_in(storage: Storage) -> Village:
    return Village(storage.db, moment_limits=MomentLimits(confirm_wider=False, kept_days=10))


def retain(village: Village, settings: RetentionSettings) -> None:
    deletions = village.deletions
    job = Retention(settings, village.people, deletions.outbox, village.moments, deletions)
    while village.db.run_sync(job.step):
        pass
    village.db.run_sync(lambda tx: drafts.forget_old(tx, 10 * DAY))
    village.deliver()
    village.wait(0)  # keys are destroyed
    village.db.scrub()


def say(village: Village, words: dict[str, str], number: int = 1) -> None:
    """Bob posts, Alice comments and begins a draft, Carol asks Bob, an operator reads something of Bob's, and a program
    is told something of his."""
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
        program = tx.sql("SELECT id FROM programs").scalar()
        deliveries.record_text(tx, bob.id, program, words["told"])
        for name in ("alice", "carol"):  # with other limits, on the same day
            other = village.people.known(tx, user_id(name))
            assert other is not None
            access_log.record(tx, other, "operator", what="moments", reason="hm", number=1)
            deliveries.record_text(tx, other.id, program, "hm")

    village.db.run_sync(look)


def owners(storage: Storage) -> set[int]:
    return set(storage.vault.keys.database.run_sync(lambda tx: tx.sql("SELECT owner FROM data_keys").scalars().all()))


def found(words: dict[str, str], loot: bytes) -> Sequence[str]:
    return [what for what, word in words.items() if word.encode() in loot]


@BOTH
@pytest.mark.parametrize("settings", [EVERYBODY, SINGLE], ids=["everybody's", "their own"])
def test_with_every_key_and_copy_nothing_of_it_opens(
    make_house: MakeHouse, engine: str, settings: RetentionSettings
) -> None:
    """Beside the running bot."""
    house = make_house(engine)
    old = {what: canary(f"old-{what}") for what in WORDS}
    new = {what: canary(f"new-{what}") for what in WORDS}
    with open_storage(house.config) as storage, contextlib.closing(village_in(storage)) as village:
        village.install(packed())
        village.open("alice", "bob", "carol")
        village.befriend("alice", "bob")
        retain(village, settings)
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
        counts = village.db.run_sync(lambda tx: count(tx, settings))
        whole = 3 if settings is EVERYBODY else 2
        classes = ("moments", "requests", "log_entries", "told_to_programs")
        assert [counts[name] for name in classes] == [1, 1, whole, whole]
        assert dry_run(village.db, settings) == counts
        retain(village, settings)
        counts = village.db.run_sync(lambda tx: count(tx, settings))
        assert [counts[name] for name in classes] == [0, 0, 0, 0]
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
