"""What sealing costs: the same commands with the vault, and with one that stores plain JSON."""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bridge.db import Database
from bridge.db.sealing import Row
from bridge.db.tables import metadata
from bridge.vault import Vault
from tests.bench.measure import Operation, compare
from tests.bench.measure import Row as Result
from tests.features.village import Village, user_id
from tests.vaults import new_vault

FRIENDS = 20
WORDS = "The first frost came in the night, and the pumpkins are all in the barn by now. " * 3
PAGE = "feed (page of 5)"
TARGETS = {PAGE: 1.15}
"""Ratios that are not to be passed; others: 1.10."""


class Plain(Vault):
    """Seals nothing. For this comparison alone; it has keys like the other, and never asks for one."""

    def seal(self, owner: int, table: str, row: Row, column: str, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")

    def open(self, owner: int, table: str, row: Row, column: str, sealed: bytes | None) -> Any:
        assert sealed is not None
        return json.loads(bytes(sealed).decode("utf-8", "surrogatepass"))

    def read(self, owner: int, table: str, row: Row, column: str, sealed: bytes | None) -> Any | None:
        return None if sealed is None else self.open(owner, table, row, column, sealed)

    def prepare(self, owners: Iterable[int]) -> None:
        pass

    def create(self, owner: int) -> None:
        pass

    def lookup(self, kind: str, value: str) -> bytes:
        return f"{kind} {value}".encode()


def run(directory: Path, rounds: int, calls: int) -> Sequence[Result]:
    """The comparison; databases are made in `directory`."""
    with contextlib.ExitStack() as stack:
        sealed, keys = new_vault(), new_vault().keys
        stack.callback(sealed.keys.close)
        stack.callback(keys.close)
        plain = stack.enter_context(_operations(directory / "plain.db", Plain(keys)))
        real = stack.enter_context(_operations(directory / "sealed.db", sealed))
        return compare(plain, real, rounds=rounds, calls=calls)


@contextlib.contextmanager
def _operations(path: Path, vault: Vault) -> Iterator[dict[str, Operation]]:
    database = Database.open(f"sqlite:///{path}", vault=vault)
    # What is measured is CPU; waiting for the disk would only make it take longer.
    raw = database.engine.raw_connection()
    raw.cursor().execute("PRAGMA synchronous=OFF").close()
    raw.close()
    metadata.create_all(database.engine)
    village = Village(database)
    try:
        yield _prepared(village)
    finally:
        village.close()
        database.close_sync()


def _prepared(village: Village) -> dict[str, Operation]:
    names = [f"friend{n}" for n in range(FRIENDS)]
    village.open("alice", *names)
    for name in names:
        village.befriend(name, "alice")
        village.say(name, f"profile set name {name.title()} Miller")
        village.say(name, f"post {WORDS}")
    village.say("alice", "profile set name Alice Liddell")
    village.say("alice", f"post {WORDS}")
    for name in names:
        village.say(name, "feed")
        village.say(name, f"comment 1 {WORDS[:80]}")
    village.say("alice", "feed")
    liked = itertools.cycle(("like 1", "unlike 1"))

    def saying(text: Callable[[], str]) -> Operation:
        def say() -> None:
            village.say("alice", text())
            for room in village.rooms.values():
                room.log.clear()

        return say

    commented = itertools.count()

    def comment() -> str:
        number = next(commented)
        if number % 50 == 49:  # nobody may say more than a hundred things about one moment
            village.db.run_sync(lambda tx: tx.sql("DELETE FROM comments WHERE moment_id > 0"))
        return f"comment 1 {WORDS[:80]}"

    return {
        "ping": saying(lambda: "ping"),
        "post": saying(lambda: f"post {WORDS}"),
        "comment": saying(comment),
        "like": saying(lambda: next(liked)),
        "friends": saying(lambda: "friends"),
        "profile": saying(lambda: f"profile {user_id('friend1')}"),
        PAGE: saying(lambda: "feed"),
    }
