"""A bot's storage that the tests of backups fill, copy and restore, on both engines. No homeserver is needed."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyrage
import pytest

from bridge.backup.dump import Written, write_backup
from bridge.backup.restore import Restored, restore
from bridge.config import BackupConfig, Config, DatabaseConfig, MatrixConfig, VaultConfig
from bridge.db import Tx
from bridge.db.engine import now_ms
from bridge.delivery import queue
from bridge.storage import Storage, open_storage
from tests.conftest import create_postgres_database

DAY = 24 * 3600 * 1000
BOT = "@courtyard:example.org"
SQLITE, POSTGRESQL = "sqlite", "postgresql"


@dataclass
class Clock:
    """Time that tests move."""

    offset: int = 0

    def __call__(self) -> int:
        return now_ms() + self.offset


@dataclass
class House:
    """One installation: its directory, configuration and databases."""

    directory: Path
    config: Config
    recipient: str
    identity: Path
    clock: Clock = field(default_factory=Clock)

    def backup(self, name: str) -> Path:
        self.last: Written = write_backup(self.config, self.directory / name, (self.recipient,), self.clock)
        return self.directory / name

    def restore(self, file: Path, keys: Path | None = None) -> Restored:
        return restore(self.config, file, self.identity, keys, self.clock)


MakeHouse = Callable[..., House]


@pytest.fixture
def make_house(request: pytest.FixtureRequest, tmp_path: Path) -> MakeHouse:
    """`make_house(engine)`: an empty installation; `like=house`: with the same keys, identity and epoch directory."""

    def make(engine: str, like: House | None = None) -> House:
        name = secrets.token_hex(4)
        directory = tmp_path / name
        directory.mkdir()
        if engine == SQLITE:
            database, keys = f"sqlite:///{directory / 'main.db'}", f"sqlite:///{directory / 'keys.db'}"
        else:
            server = request.getfixturevalue("postgres_url")
            database = create_postgres_database(server, f"backup_{name}")
            keys = create_postgres_database(server, f"backup_{name}_keys")
        epochs = like.config.epoch_dir if like is not None else directory / "epochs"
        config = Config.model_validate(
            {
                "matrix": MatrixConfig(homeserver="https://example.org", user_id=BOT, password="p"),  # type: ignore[arg-type]
                "data_dir": directory,
                "database": DatabaseConfig.model_validate({"url": database}),
                "vault": VaultConfig.model_validate({"key_store_url": keys}),
                "backup": BackupConfig(epoch_dir=epochs),
            }
        )
        if like is None:
            identity = pyrage.x25519.Identity.generate()
            path = directory / "identity"
            path.write_text(f"# made by a test\n{identity}\n")
            return House(directory, config, str(identity.to_public()), path)
        for file in ("store.key", "master.key"):
            (directory / file).write_bytes((like.directory / file).read_bytes())
            (directory / file).chmod(0o600)
        return House(directory, config, like.recipient, like.identity, like.clock)

    return make


def canary(what: str) -> str:
    return f"{what}-{base64.b16encode(os.urandom(8)).decode().lower()}"


@dataclass
class Person:
    """Somebody with a canary in every kind of value."""

    id: int
    words: dict[str, str]
    moment: int = 0


def settle_in(house: House, names: tuple[str, ...] = ("alice", "bob")) -> dict[str, Person]:
    """A bot's account and people with texts; each is everybody's friend, and has something queued for them."""
    with open_storage(house.config) as storage:
        return storage.db.run_sync(lambda tx: _fill(tx, storage, names))


def _fill(tx: Tx, storage: Storage, names: tuple[str, ...]) -> dict[str, Person]:
    sealer = storage.sealer
    tx.sql(
        "INSERT INTO accounts (user_id, device_id, access_token, sync_token, instance, created_at)"
        " VALUES (?, 'OLD', ?, 's1', 'abcd', ?)",
        (BOT, sealer.seal("access token", b"token"), tx.now),
    )
    account = tx.sql("SELECT id FROM accounts").scalar_one()
    for name, value in (("recovery key", b"r" * 32), ("generation", b"3"), ("device since", b"5")):
        tx.sql(
            "INSERT INTO crypto_secrets (account_id, name, value) VALUES (?, ?, ?)",
            (account, name, sealer.seal(f"secret {name}", value)),
        )
    people: dict[str, Person] = {}
    for name in names:
        person = Person(secrets.randbits(62) + 1, {k: canary(f"{name}-{k}") for k in ("id", "bio", "text", "outbox")})
        user = f"@{person.words['id']}:example.org"
        tx.vault.create(person.id)
        tx.sql(
            "INSERT INTO people (id, lookup, card, created_at, opened_at, dm_account_id, dm_room_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                person.id,
                tx.vault.lookup("person", user),
                tx.vault.seal(person.id, "people", person.id, "card", {"user_id": user}),
                tx.now,
                tx.now,
                account,
                f"!{name}:example.org",
            ),
        )
        tx.sql(
            "INSERT INTO profile_fields (person_id, field, sealed, updated_at) VALUES (?, 'bio', ?, ?)",
            (person.id, tx.vault.seal(person.id, "profile_fields", "bio", "sealed", person.words["bio"]), tx.now),
        )
        person.moment = tx.new_ids("moments")[0]
        tx.sql(
            "INSERT INTO moments (id, author_id, sealed, audience, created_at) VALUES (?, ?, ?, 'friends', ?)",
            (
                person.moment,
                person.id,
                tx.vault.seal(person.id, "moments", person.moment, "sealed", {"text": person.words["text"]}),
                tx.now,
            ),
        )
        members = {"members": {user: "join", BOT: "join"}}
        tx.sql(
            "INSERT INTO rooms (account_id, room_id, sealed) VALUES (?, ?, ?)",
            (account, f"!{name}:example.org", sealer.seal_json(f"room !{name}:example.org", members)),
        )
        tx.sql(
            "INSERT INTO known_users (account_id, user_lookup, sealed) VALUES (?, ?, ?)",
            (account, sealer.lookup("user", user), sealer.seal_json("user", {"user": user})),
        )
        people[name] = person
    for one in people.values():
        for other in people.values():
            if one is not other:
                tx.sql(
                    "INSERT INTO friendships (person_id, friend_id, since) VALUES (?, ?, ?)", (one.id, other.id, tx.now)
                )
                tx.sql(
                    "INSERT INTO likes (moment_id, person_id, created_at) VALUES (?, ?, ?)",
                    (one.moment, other.id, tx.now),
                )
                # A text of one, rendered for the other: under the other's key.
                content = {"body": one.words["outbox"]}
                queue.insert(tx, [queue.NewRow("message", person_id=other.id, copy_kind="answer", content=content)])  # type: ignore[arg-type]
    tx.sql("INSERT INTO crypto_accounts (account_id, pickle) VALUES (?, ?)", (account, b"pickle of the former device"))
    return people
