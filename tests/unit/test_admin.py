"""O3: what operators see without being seen, and how they are seen when they look."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest
import typer

from bridge.cli import admin, backup, check_config, mp_operate, vault
from bridge.cli.commands import app
from bridge.db import Database, Tx, ledger
from bridge.db.sealing import HOUSE
from bridge.errors import OperatorError
from bridge.ids import PersonId
from bridge.rights.archive import jobs
from bridge.rights.break_glass import PARTS, open_person
from bridge.storage import open_storage
from tests.backup.conftest import House, Person, settle_in
from tests.features.village import Village, user_id
from tests.vaults import config_at

pytestmark = pytest.mark.usefixtures("migrated_once")

REASON = "A report of 12 May"


@pytest.fixture
def house(tmp_path: Path) -> House:
    identity = pyrage.x25519.Identity.generate()
    return House(tmp_path, config_at(tmp_path), str(identity.to_public()), tmp_path / "identity")


@pytest.fixture
def people(house: House) -> dict[str, Person]:
    return settle_in(house)


def path(house: House) -> Path:
    return house.directory / "courtyard.yaml"


def entries(house: House) -> list[tuple[int, dict[str, Any]]]:
    def read(tx: Tx) -> list[tuple[int, dict[str, Any]]]:
        return [(e.owner, tx.vault.open(e.owner, "ledger", e.number, "sealed", e.sealed)) for e in ledger.entries(tx)]

    with open_storage(house.config, update=False) as storage:
        return storage.db.run_sync(read)


def test_status_counts(house: House, people: dict[str, Person], capsys: pytest.CaptureFixture[str]) -> None:
    assert admin.status(path(house)) == 0
    counts = json.loads(capsys.readouterr().out)
    assert {name: counts[name] for name in ("people", "friendships", "moments", "likes", "waiting_to_be_sent")} == {
        "people": 2,
        "friendships": 1,
        "moments": 2,
        "likes": 2,
        "waiting_to_be_sent": 2,
    }
    assert (counts["exports_under_way"], counts["imports_under_way"], counts["drafts"]) == (0, 0, 0)
    assert counts["ledger"] == {"entries": 0, "head": f"0:{'0' * 64}"}
    assert entries(house) == [], "counting is nothing to be told of"


def test_status_counts_exports_that_are_under_way(
    house: House, people: dict[str, Person], capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(tx: Tx) -> None:
        for kind, person in ((jobs.EXPORT, "alice"), (jobs.EXPORT, "bob"), (jobs.IMPORT, "alice")):
            jobs.add(tx, PersonId(people[person].id), kind, jobs.State.WORKING, {}, 1)
        jobs.end(tx, 2, jobs.State.DONE)

    with open_storage(house.config) as storage:
        storage.db.run_sync(ask)
    admin.status(path(house))
    counts = json.loads(capsys.readouterr().out)
    assert (counts["exports_under_way"], counts["imports_under_way"]) == (1, 1)


def test_break_glass_shows_what_is_asked_and_is_seen(
    house: House, people: dict[str, Person], capsys: pytest.CaptureFixture[str]
) -> None:
    alice, bob = people["alice"], people["bob"]
    who = f"@{alice.words['id']}:example.org"
    assert admin.open_contents(path(house), who, ["moments"], f" {REASON}\n ") == 0
    out = capsys.readouterr().out
    shown = json.loads(out)
    assert shown["moments"] == [{"at": shown["moments"][0]["at"], "text": alice.words["text"]}]
    assert set(shown) == {"entry", "person", "moments"}, "nothing else"
    assert not any(word in out for word in (alice.words["bio"], *bob.words.values()))
    assert entries(house) == [(alice.id, {"kind": "opened", "what": ["moments"], "reason": REASON})]

    def traces(tx: Tx) -> tuple[list[int], list[int]]:
        logged = tx.sql("SELECT person_id FROM access_log").scalars().all()
        notices = tx.sql("SELECT person_id FROM outbox WHERE kind = 'message' ORDER BY id").scalars().all()
        return list(logged), list(notices)

    with open_storage(house.config, update=False) as storage:
        assert storage.db.run_sync(traces) == ([alice.id], [bob.id, alice.id, alice.id])
    assert admin.open_contents(path(house), str(alice.id), list(PARTS), REASON) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["profile"] == [{"field": "bio", "value": alice.words["bio"]}]
    assert shown["friends"] == [f"@{bob.words['id']}:example.org"]


@pytest.mark.parametrize(
    ("who", "what", "reason", "says"),
    [
        ("alice", ["moments"], "", "a reason"),
        ("alice", ["moments"], " \n", "a reason"),
        ("alice", ["moments"], "x" * 301, "a reason"),
        ("alice", [], REASON, "--what"),
        ("alice", ["everything"], REASON, "--what"),
        ("@nobody:example.org", ["moments"], REASON, "nobody"),
        ("-1", ["moments"], REASON, "nobody"),
        ("999", ["moments"], REASON, "nobody"),
    ],
)
def test_bad_requests_show_nothing(
    house: House,
    people: dict[str, Person],
    capsys: pytest.CaptureFixture[str],
    who: str,
    what: list[str],
    reason: str,
    says: str,
) -> None:
    if who == "alice":
        who = f"@{people['alice'].words['id']}:example.org"
    with pytest.raises(OperatorError, match=says):
        admin.open_contents(path(house), who, what, reason)
    assert capsys.readouterr().out == ""
    assert entries(house) == []


def test_nothing_is_shown_that_was_not_written_down(
    house: House, people: dict[str, Person], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(ledger, "append", fail)
    with pytest.raises(OSError, match="full"):
        admin.open_contents(path(house), str(people["alice"].id), ["moments"], REASON)
    assert capsys.readouterr().out == ""


def test_the_person_is_told() -> None:
    village = Village()
    try:
        village.open("alice")
        village.say("alice", "post A secret")

        def look(tx: Tx) -> dict[str, Any]:
            person = village.people.get(tx, user_id("alice"))
            assert person is not None
            return open_person(tx, person, ["moments"], REASON, village.deletions.outbox)

        shown = village.db.run_sync(look)
        assert shown["moments"][0]["text"] == "A secret"
        village.deliver()
        notice = village.bodies("alice")[-1]
        assert REASON in notice
        assert "moments" in notice
        assert str(shown["entry"]).partition(":")[2][:16] in notice
        assert REASON in village.one("alice", "log")
    finally:
        village.close()


# --- the ledger -----------------------------------------------------------------------------------------------
def test_operators_actions_are_written_down(
    house: House, people: dict[str, Person], capsys: pytest.CaptureFixture[str]
) -> None:
    assert backup.backup(path(house), house.directory / "a.backup", [house.recipient]) == 0
    assert vault.rotate(path(house)) == 0
    assert [(owner, said["kind"]) for owner, said in entries(house)] == [(HOUSE, "backup"), (HOUSE, "rotated")]
    assert admin.verify_log(path(house), None) == 0
    assert "2 entries" in capsys.readouterr().out


@pytest.fixture
def logged(house: House, people: dict[str, Person]) -> House:
    with open_storage(house.config) as storage:
        for number in range(3):
            storage.db.run_sync(lambda tx: ledger.append(tx, people["alice"].id, "did", what=number))  # noqa: B023
    assert admin.verify_log(path(house), None) == 0
    return house


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE ledger SET at = 0 WHERE number = 2", "entry 2"),
        ("DELETE FROM ledger WHERE number = 2", "entry 2"),
        ("DELETE FROM ledger WHERE number = 3", "cut"),
        ("DELETE FROM ledger", "cut"),
    ],
)
def test_what_was_changed_is_found(logged: House, capsys: pytest.CaptureFixture[str], change: str, says: str) -> None:
    database = Database.open(logged.config.database_url)
    database.run_sync(lambda tx: tx.sql(change))
    database.close_sync()
    assert admin.verify_log(path(logged), None) == 1
    assert says in capsys.readouterr().err


def test_it_is_whole_after_somebody_was_erased(logged: House, people: dict[str, Person]) -> None:
    with open_storage(logged.config) as storage:
        storage.vault.destroy([people["alice"].id])
    with open_storage(logged.config):
        pass
    assert admin.verify_log(path(logged), None) == 0
    assert admin.verify_log(path(logged), f"1:{'0' * 64}") == 1


# --- the only way ---------------------------------------------------------------------------------------------
ELSEWHERE = {
    "init": "writes a configuration; there are no people yet",
    "run": "what it prints and logs is searched by each end-to-end test (tests/e2e/leaks.py)",
    "demo": "made-up people on this machine",
    "restore": "prints counts; tests/backup",
    "backup-key": "makes a key",
    "identity status": "of the bot's own account: opens no vault",
    "identity fingerprint": "the same",
    "identity recover": "the same",
    "identity reset": "the same",
    "identity export": "the same",
}


DEVELOPERS = {  # open no database
    f"mp {name}" for name in ("new", "check", "run", "test", "replay", "fuzz", "pack", "sign", "conformance")
}
ELSEWHERE |= {  # tests/unit/test_mp_operate.py
    f"mp {name}": "says what it did to a program"
    for name in ("review", "install", "rollback", "remove", "allow", "deny", "key")
}


def commands(group: Any, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name


def test_no_other_command_shows_contents(
    house: House, people: dict[str, Person], capsys: pytest.CaptureFixture[str]
) -> None:
    run: dict[str, Callable[[], int]] = {
        "check-config": lambda: check_config.check_config(path(house)),
        "vault status": lambda: vault.status(path(house)),
        "vault rotate": lambda: vault.rotate(path(house)),
        "backup": lambda: backup.backup(path(house), house.directory / "a.backup", [house.recipient]),
        "admin status": lambda: admin.status(path(house)),
        "admin retention": lambda: admin.retention(path(house)),
        "admin verify-log": lambda: admin.verify_log(path(house), None),
        "mp list": lambda: mp_operate.show(path(house)),
    }
    group: Any = typer.main.get_command(app)  # its class differs by version
    every = {name for name in commands(group) if name not in DEVELOPERS}
    assert every == {*run, *ELSEWHERE, "admin open"}, "a new command belongs into one of these"
    words = [word for person in people.values() for word in person.words.values()]
    for name, call in run.items():
        call()
        said = capsys.readouterr()
        assert said.out + said.err, name
        assert not [word for word in words if word in said.out + said.err], name
    assert not [word for word in words if word.encode() in (house.directory / "a.backup").read_bytes()]
