"""What was erased stays erased: with every key, every file and a backup from before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bridge.backup.epochs import Epochs
from bridge.db import Tx
from bridge.errors import OperatorError
from bridge.storage import open_storage
from bridge.vault.erasures import ErasureList
from tests.backup.attacker import attack, present_files
from tests.backup.conftest import DAY, POSTGRESQL, SQLITE, House, MakeHouse, Person, settle_in

pytestmark = pytest.mark.usefixtures("migrated_once")

BOTH = pytest.mark.parametrize("engine", [SQLITE, POSTGRESQL])


def erase(house: House, person: Person, words: Person) -> None:
    """As an erasure does it: the key, then the rows, also those of others that hold their words."""
    with open_storage(house.config) as storage:
        storage.vault.destroy([person.id])

        def rows(tx: Tx) -> None:
            tx.sql("DELETE FROM people WHERE id = ?", (person.id,))
            tx.sql("DELETE FROM outbox")
            tx.sql("DELETE FROM rooms WHERE room_id = ?", ("!alice:example.org",))
            tx.sql(
                "DELETE FROM known_users WHERE user_lookup = ?",
                (storage.sealer.lookup("user", f"@{words.words['id']}:example.org"),),
            )

        storage.db.run_sync(rows)
        storage.db.scrub()


@BOTH
def test_an_attacker_with_everything_opens_nothing_of_who_was_erased(make_house: MakeHouse, engine: str) -> None:
    house = make_house(engine)
    people = settle_in(house)
    alice, bob = people["alice"], people["bob"]
    owners = {alice.id, bob.id, 0, -1}
    backup = house.backup("before.backup")
    [epoch] = house.config.epoch_dir.glob("*.epoch")
    kept = Path(shutil.copy(epoch, house.directory.parent / "kept.epoch"))
    erase(house, alice, alice)

    # The attacker can find: within its epoch, the backup gives everything of her.
    loot, opened = attack(house, present_files(house, engine), backup, owners)
    assert opened > 0
    for person in (alice, bob):
        for word in person.words.values():
            assert word.encode() in loot

    house.clock.offset = 8 * DAY
    assert Epochs(house.config.epoch_dir, 7, house.clock).destroy_ended() == 1
    loot, opened = attack(house, present_files(house, engine), backup, owners)
    assert opened == 0
    assert [what for what, word in alice.words.items() if word.encode() in loot] == []
    for what in ("id", "bio", "text"):
        assert bob.words[what].encode() in loot, "who is still there is read with the keys of the present"

    # It is the epoch key alone that makes the difference.
    loot, opened = attack(house, [*present_files(house, engine), kept], backup, owners)
    assert opened > 0
    assert all(word.encode() in loot for word in alice.words.values())


@BOTH
def test_a_restore_erases_again_first(make_house: MakeHouse, engine: str) -> None:
    """Within the epoch, after the loss of the machine: the list beside the epoch keys says who must not come back."""
    house = make_house(engine)
    people = settle_in(house, ("alice", "bob", "carol"))
    backup = house.backup("a.backup")
    with open_storage(house.config) as storage:
        storage.vault.destroy([people["alice"].id])
    fresh = make_house(engine, house)
    restored = fresh.restore(backup)
    assert (restored.people, restored.erased) == (2, 1)

    def rows(tx: Tx) -> list[int]:
        tables = {"people": "id", "profile_fields": "person_id", "moments": "author_id", "outbox": "person_id"}
        return [
            tx.sql(f"SELECT COUNT(*) FROM {table} WHERE {column} = ?", (people["alice"].id,)).scalar_one()
            for table, column in tables.items()
        ] + [
            tx.sql("SELECT COUNT(*) FROM friendships").scalar_one(),
            tx.sql("SELECT COUNT(*) FROM likes").scalar_one(),
        ]

    with open_storage(fresh.config) as storage:
        assert storage.db.run_sync(rows) == [0, 0, 0, 0, 2, 2]
        assert storage.vault.keys.erased().keys() == {people["alice"].id}
        assert storage.vault.keys.get([people["alice"].id]) == {}
    if engine == SQLITE:
        for file in fresh.directory.glob("*.db*"):
            assert people["alice"].id.to_bytes(8, "big") not in file.read_bytes() or file.name.startswith("keys")


@BOTH
@pytest.mark.parametrize("way", ["restore", "start"])
def test_answers_to_who_was_erased_stay(make_house: MakeHouse, engine: str, way: str) -> None:
    house = make_house(engine)
    people = settle_in(house, ("alice", "bob", "carol"))
    alice, bob, carol = people["alice"], people["bob"], people["carol"]

    def say(tx: Tx) -> None:
        first, second = tx.new_ids("comments", 2)
        for comment, writer, answers in ((first, alice.id, None), (second, bob.id, first)):
            tx.sql(
                "INSERT INTO comments (id, moment_id, person_id, answer_to, sealed, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    comment,
                    carol.moment,
                    writer,
                    answers,
                    tx.vault.seal(writer, "comments", comment, "sealed", {"text": "hm"}),
                    tx.now,
                ),
            )

    with open_storage(house.config) as storage:
        storage.db.run_sync(say)
    backup = house.backup("a.backup")
    with open_storage(house.config) as storage:
        storage.vault.destroy([alice.id])
    if way == "restore":
        house = make_house(engine, house)
        house.restore(backup)
    with open_storage(house.config) as storage:
        rows = storage.db.run_sync(lambda tx: tx.sql("SELECT person_id, answer_to FROM comments").all())
    assert [tuple(row) for row in rows] == [(bob.id, None)]


def test_an_older_copy_of_the_files_is_put_right(make_house: MakeHouse, tmp_path: Path) -> None:
    house = make_house(SQLITE)
    people = settle_in(house)
    copy = tmp_path / "copy"
    shutil.copytree(house.directory, copy, ignore=shutil.ignore_patterns("epochs"))
    with open_storage(house.config) as storage:
        storage.vault.destroy([people["alice"].id])
    shutil.copytree(copy, house.directory, dirs_exist_ok=True)
    with open_storage(house.config) as storage:
        assert storage.vault.keys.get([people["alice"].id]) == {}
        assert storage.db.run_sync(lambda tx: tx.sql("SELECT id FROM people").scalars().all()) == [people["bob"].id]
    (house.config.epoch_dir / "erasures.jsonl").unlink()
    with open_storage(house.config):
        pass
    assert ErasureList(house.config.epoch_dir / "erasures.jsonl").read().keys() == {people["alice"].id}


def test_the_list_survives_a_power_cut(tmp_path: Path) -> None:
    path = tmp_path / "epochs" / "erasures.jsonl"
    erasures = ErasureList(path)
    assert erasures.read() == {}
    erasures.add({5: 1, 3: 2})
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole[:-cut])
        erasures.add({9: 9})
        assert erasures.read().keys() >= ({3, 9} if cut < len(whole) // 2 else {9})
    path.write_bytes(whole)
    assert erasures.read() == {3: 2, 5: 1}


@pytest.mark.parametrize("line", ['{"owner": 0, "at": 1}', '{"owner": -1, "at": 1}', '{"at": 1}', "{}", "[1]}", '"}"'])
def test_a_damaged_list_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "erasures.jsonl"
    path.write_text(f'{{"owner": 3, "at": 1}}\n{line}\n')
    with pytest.raises(OperatorError, match="line 2"):
        ErasureList(path).read()


def test_without_the_list_nothing_is_erased(make_house: MakeHouse) -> None:
    house = make_house(SQLITE)
    people = settle_in(house)
    with open_storage(house.config) as storage:
        path = house.config.epoch_dir / "erasures.jsonl"
        path.mkdir(parents=True)
        with pytest.raises(OperatorError, match="nothing was erased"):
            storage.vault.destroy([people["alice"].id])
        assert storage.vault.keys.get([people["alice"].id])
