"""Units of work, over both engines."""

import asyncio
import gc
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from bridge.db import Database, Tx
from bridge.db import works as works_module
from bridge.db.tables import accounts, metadata
from bridge.errors import OperatorError, UserError


def _add(tx: Tx, user_id: str = "@alice:example.org") -> int:
    row = tx.execute(
        sa.insert(accounts).values(user_id=user_id, instance="", created_at=tx.now).returning(accounts.c.id)
    ).one()
    return int(row.id)


def _count(tx: Tx) -> int:
    return int(tx.execute(sa.select(sa.func.count()).select_from(accounts)).scalar_one())


class TestTransactions:
    async def test_ids_are_never_used_again(self, database: Database) -> None:
        first = await database.run(_add)
        await database.run(lambda tx: tx.execute(sa.delete(accounts)))
        assert await database.run(_add) > first

    async def test_each_test_starts_empty(self, database: Database) -> None:
        assert await database.run(_count) == 0

    @pytest.mark.parametrize("error", [UserError("no-such-user"), ZeroDivisionError()])
    async def test_an_error_rolls_back(self, database: Database, error: Exception) -> None:
        called: list[str] = []

        def work(tx: Tx) -> None:
            tx.after_commit(lambda: called.append("after"))
            _add(tx)
            raise error

        with pytest.raises(type(error)):
            await database.run(work)
        assert await database.run(_count) == 0
        assert called == []

    async def test_a_failed_statement_rolls_back(self, database: Database) -> None:
        def work(tx: Tx) -> None:
            _add(tx)
            _add(tx)

        with pytest.raises(IntegrityError):
            await database.run(work)
        assert await database.run(_count) == 0

    async def test_after_commit_runs_on_the_loop(self, database: Database) -> None:
        threads: list[threading.Thread] = []

        def work(tx: Tx) -> None:
            assert threading.current_thread() is not threading.main_thread()
            tx.after_commit(lambda: threads.append(threading.current_thread()))
            _add(tx)

        await database.run(work)
        assert threads == [threading.current_thread()]

    async def test_one_time_for_all_that_it_writes(self, database: Database) -> None:
        times = iter(range(100, 200))
        database.clock = lambda: next(times)
        assert await database.run(lambda tx: {tx.now for _ in range(3)}) == {100}

    async def test_foreign_keys_hold(self, database: Database) -> None:
        with pytest.raises(IntegrityError):
            await database.run(
                lambda tx: tx.sql("INSERT INTO friendships (person_id, friend_id, since) VALUES (1, 2, 3)")
            )

    async def test_run_sync_beside_run(self, database: Database) -> None:
        """The command line's thread and the loop's share one connection on SQLite; neither sees a half transaction."""

        def add_two(tx: Tx, prefix: str) -> None:
            for number in range(2):
                assert _count(tx) % 2 == number
                _add(tx, f"@{prefix}{number}:example.org")

        def many() -> None:
            for number in range(20):
                database.run_sync(lambda tx, number=number: add_two(tx, f"alice{number}-"))  # type: ignore[misc]

        await asyncio.gather(
            asyncio.to_thread(many),
            *(database.run(lambda tx, number=number: add_two(tx, f"bob{number}-")) for number in range(20)),  # type: ignore[misc]
        )
        assert await database.run(_count) == 80


class TestPatience:
    """What is not urgent is committed with what comes next, ahead of it, or after a little while."""

    @pytest.fixture
    def commits(self, database: Database) -> Iterator[list[object]]:
        found: list[object] = []

        def committed(conn: object) -> None:
            found.append(conn)

        sa.event.listen(database.engine, "commit", committed)
        yield found
        sa.event.remove(database.engine, "commit", committed)

    async def test_it_goes_with_the_next_and_ahead_of_it(
        self, database: Database, commits: list[object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(works_module, "PATIENCE_S", 60.0)
        monkeypatch.setattr(works_module, "_LONG_S", 10.0)
        order: list[str] = []
        patient = [
            asyncio.create_task(database.run(lambda tx, n=n: order.append(f"patient {n}"), patient=True))  # type: ignore[misc]
            for n in range(2)
        ]
        await asyncio.sleep(0.05)
        assert (order, commits) == ([], [])
        await database.run(lambda tx: order.append("next"))
        await asyncio.gather(*patient)
        assert order == ["patient 0", "patient 1", "next"]
        assert len(commits) == 1

    async def test_by_itself_after_a_while(self, database: Database) -> None:
        for _ in range(2):
            async with asyncio.timeout(10):
                assert await database.run(_count, patient=True) == 0

    async def test_or_when_somebody_is_in_a_hurry(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(works_module, "PATIENCE_S", 60.0)
        waiting = asyncio.create_task(database.run(_count, patient=True))
        await asyncio.sleep(0)
        database.hurry()
        async with asyncio.timeout(10):
            assert await waiting == 0
        database.hurry()  # nothing is there

    async def test_nothing_of_it_is_lost_at_the_end(self, empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(works_module, "PATIENCE_S", 60.0)
        database = Database.open(empty_url)
        metadata.create_all(database.engine)
        waiting = asyncio.create_task(database.run(_add, patient=True))
        await asyncio.sleep(0)
        await database.close()
        await waiting
        again = Database.open(empty_url)
        assert await again.run(_count) == 1
        await again.close()


class TestTogether:
    """What gathers while the thread is busy is committed at once, and yet each stands for itself."""

    @staticmethod
    async def gathered(database: Database, works: Sequence[Callable[..., Any]]) -> tuple[list[Any], int]:
        """Results of works that were all queued behind one that blocks, and how many commits that took."""
        inside, go = threading.Event(), threading.Event()

        def block(tx: Tx) -> None:
            inside.set()
            assert go.wait(10)
            time.sleep(0.02)  # so long that nobody is taken into the same commit

        commits: list[object] = []

        def committed(conn: object) -> None:
            commits.append(conn)

        first = asyncio.create_task(database.run(block))
        await asyncio.to_thread(inside.wait, 10)
        tasks = [asyncio.create_task(database.run(work)) for work in works]
        await asyncio.sleep(0)
        sa.event.listen(database.engine, "commit", committed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(works_module, "_LONG_S", 10.0)  # however slow the machine is
            go.set()
            try:
                await first
                return await asyncio.gather(*tasks, return_exceptions=True), len(commits) - 1
            finally:
                sa.event.remove(database.engine, "commit", committed)

    async def test_one_commit_for_all(self, database: Database) -> None:
        works = [partial(_add, user_id=f"@alice{n}:example.org") for n in range(5)]
        results, commits = await self.gathered(database, works)
        assert results == sorted(set(results))
        assert commits < 5
        assert await database.run(_count) == 5

    async def test_who_fails_fails_alone(self, database: Database) -> None:
        called: list[str] = []

        def fails(tx: Tx) -> None:
            tx.after_commit(lambda: called.append("failed"))
            _add(tx, "@bob:example.org")
            raise UserError("no-such-user")

        def twice(tx: Tx) -> None:
            _add(tx, "@alice:example.org")

        def follows(tx: Tx) -> int:
            tx.after_commit(lambda: called.append("followed"))
            return _count(tx)

        results, _ = await self.gathered(database, [fails, twice, twice, follows])
        assert [type(result) for result in results] == [UserError, NoneType, IntegrityError, int]
        assert results[3] == 1
        assert called == ["followed"]
        assert await database.run(_count) == 1

    @pytest.mark.parametrize("breaks", [False, True])
    async def test_an_error_keeps_nothing_alive(self, database: Database, breaks: bool) -> None:
        """An exception refers to the frames it went through. What others asked for must not hang on it, nor may it hang
        on itself: it would stay until the collector of garbage comes, which is seldom. `breaks`: nor when they can't be
        committed together."""

        class Words:
            breaks = False

            def say(self, tx: Tx) -> None:
                _count(tx)

            def fail(self, tx: Tx) -> None:
                if self.breaks:
                    self.breaks = False
                    tx.conn.connection.cursor().execute("ROLLBACK")
                raise UserError("no-such-user")

        said = [Words() for _ in range(4)]
        said[3].breaks = breaks
        left = [weakref.ref(words) for words in said]
        works = [said[0].say, said[1].fail, said[2].say, said[3].fail]
        gc.collect()
        gc.disable()
        try:
            results, _ = await self.gathered(database, works)
            assert [type(result) for result in results] == [NoneType, UserError, NoneType, UserError]
            assert not said[3].breaks
            del said, works
            await database.run(_count)
            assert [ref() is None for ref in left] == [True, False, True, False]
            del results
            assert [ref() is None for ref in left] == [True] * 4
        finally:
            gc.enable()

    async def test_each_by_itself_when_they_cant_be_committed_together(self, database: Database) -> None:
        tries: list[int] = []

        def breaks_the_transaction(tx: Tx) -> None:
            tries.append(1)
            if len(tries) == 1:
                tx.conn.connection.cursor().execute("ROLLBACK")
                raise ZeroDivisionError

        works: Sequence[Callable[[Tx], Any]] = [_add, breaks_the_transaction, _count]
        results, _ = await self.gathered(database, works)
        assert results[1:] == [None, 1]
        assert await database.run(_count) == 1


class TestDriverSql:
    async def test_placeholders_and_percent_signs(self, database: Database) -> None:
        await database.run(
            lambda tx: tx.sql(
                "INSERT INTO accounts (user_id, instance, created_at) VALUES (?, '', ?)",
                [("@alice:example.org", 1), ("@bob:example.org", 2)],
            )
        )
        like = "SELECT user_id FROM accounts WHERE user_id LIKE '@a%' AND created_at % 2 = 1"
        assert await database.run(lambda tx: tx.sql(like).scalars().all()) == ["@alice:example.org"]
        assert await database.run(lambda tx: tx.sql(like + " AND created_at = ?", (1,)).scalars().all()) != []

    async def test_no_rows_to_write(self, database: Database) -> None:
        await database.run(
            lambda tx: tx.sql("INSERT INTO accounts (user_id, instance, created_at) VALUES (?, '', ?)", [])
        )
        assert await database.run(_count) == 0

    async def test_values_are_never_part_of_the_statement(self, database: Database) -> None:
        evil = "x'; DROP TABLE accounts; -- ? %s"
        await database.run(
            lambda tx: tx.sql("INSERT INTO accounts (user_id, instance, created_at) VALUES (?, '', ?)", (evil, 1))
        )
        assert await database.run(lambda tx: tx.sql("SELECT user_id FROM accounts").scalar_one()) == evil


class TestCancellation:
    async def test_a_cancelled_caller_does_not_undo_the_commit(self, database: Database) -> None:
        inside, go = threading.Event(), threading.Event()
        called: list[str] = []

        def work(tx: Tx) -> None:
            _add(tx)
            tx.after_commit(lambda: called.append("after"))
            inside.set()
            assert go.wait(10)

        caller = asyncio.create_task(database.run(work))
        await asyncio.to_thread(inside.wait, 10)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        go.set()
        assert await database.run(_count) == 1
        await asyncio.sleep(0)
        assert called == ["after"]

    async def test_a_cancelled_caller_in_the_queue(self, database: Database) -> None:
        inside, go = threading.Event(), threading.Event()

        def block(tx: Tx) -> None:
            inside.set()
            assert go.wait(10)

        first = asyncio.create_task(database.run(block))
        await asyncio.to_thread(inside.wait, 10)
        second = asyncio.create_task(database.run(_add))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        go.set()
        await first
        assert await database.run(_count) == 1

    async def test_close_waits_for_what_runs(self, empty_url: str) -> None:
        database = Database.open(empty_url)
        metadata.create_all(database.engine)
        inside, go = threading.Event(), threading.Event()

        def work(tx: Tx) -> None:
            _add(tx)
            inside.set()
            assert go.wait(10)

        running = asyncio.create_task(database.run(work))
        await asyncio.to_thread(inside.wait, 10)
        closing = asyncio.create_task(database.close())
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(running, closing)
        again = Database.open(empty_url)
        assert await again.run(_count) == 1
        await again.close()

    async def test_nothing_runs_after_the_end(self, empty_url: str) -> None:
        database = Database.open(empty_url)
        await database.close()
        for _ in range(2):  # nobody waits for ever
            with pytest.raises(RuntimeError):
                await asyncio.wait_for(database.run(_count), 10)


class TestTwoPrograms:
    async def test_conflicting_transactions_take_turns(self, empty_url: str) -> None:
        """Read, then write what was read, from several connections at once: serializable means that no turn is lost."""
        databases = [Database.open(empty_url) for _ in range(4)]
        metadata.create_all(databases[0].engine)
        databases[0].run_sync(_add)

        def increment(tx: Tx) -> None:
            before = tx.sql("SELECT created_at FROM accounts").scalar_one()
            tx.sql("UPDATE accounts SET created_at = ?", (before + 1,))

        async def many(database: Database) -> None:
            for _ in range(10):
                await database.run(increment)

        await databases[0].run(lambda tx: tx.sql("UPDATE accounts SET created_at = 0"))
        await asyncio.gather(*(many(database) for database in databases))
        total = await databases[0].run(lambda tx: tx.sql("SELECT created_at FROM accounts").scalar_one())
        for database in databases:
            await database.close()
        assert total == 40

    async def test_after_commit_runs_once_however_often_it_was_tried(self, empty_url: str) -> None:
        if not empty_url.startswith("postgresql"):
            pytest.skip("SQLite's transactions wait for each other; none is run again")
        database, other = Database.open(empty_url), Database.open(empty_url)
        metadata.create_all(database.engine)
        database.run_sync(_add)
        tries: list[int] = []
        called: list[str] = []

        def work(tx: Tx) -> None:
            before = tx.sql("SELECT created_at FROM accounts").scalar_one()
            if not tries:
                other.run_sync(lambda tx: tx.sql("UPDATE accounts SET created_at = created_at + 1"))
            tries.append(1)
            tx.sql("UPDATE accounts SET created_at = ?", (before + 1,))
            tx.after_commit(lambda: called.append("after"))

        await database.run(work)
        await database.close()
        await other.close()
        assert (len(tries), called) == (2, ["after"])


class TestSqliteFile:
    def test_only_its_owner_may_read_it(self, tmp_path: Path) -> None:
        path = tmp_path / "var" / "courtyard.db"
        database = Database.open(f"sqlite:///{path}")
        metadata.create_all(database.engine)
        database.run_sync(_add)
        files = [path, *path.parent.glob("courtyard.db-*")]
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in files}
        database.close_sync()
        assert set(modes.values()) == {0o600}, modes
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_a_killed_process_leaves_no_half_transaction(self, tmp_path: Path) -> None:
        """Pairs of rows are written until the process is killed: all that was acknowledged is there, and only pairs."""
        path = tmp_path / "courtyard.db"
        program = (
            "import sys\n"
            "from bridge.db import Database\n"
            "from bridge.db.tables import metadata\n"
            "db = Database.open(f'sqlite:///{sys.argv[1]}')\n"
            "metadata.create_all(db.engine)\n"
            "def pair(tx, number):\n"
            "    for side in 'ab':\n"
            "        row = (f'{side}{number}', '', number)\n"
            "        tx.sql('INSERT INTO accounts (user_id, instance, created_at) VALUES (?, ?, ?)', row)\n"
            "number = 0\n"
            "while True:\n"
            "    number += 1\n"
            "    db.run_sync(lambda tx: pair(tx, number))\n"
            "    print(number, flush=True)\n"
        )
        for wanted in (1, 7, 20):
            for file in tmp_path.glob("courtyard.db*"):
                file.unlink()
            process = subprocess.Popen(
                [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True, cwd=os.getcwd()
            )
            assert process.stdout is not None
            for _ in range(wanted):
                assert process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            acknowledged = wanted + len(process.stdout.read().splitlines())
            process.wait(10)
            process.stdout.close()
            connection = sqlite3.connect(path)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = connection.execute("SELECT created_at, COUNT(*) FROM accounts GROUP BY created_at").fetchall()
            connection.close()
            assert {count for _, count in rows} == {2}
            assert len(rows) in (acknowledged, acknowledged + 1)

    async def test_in_memory(self) -> None:
        database = Database.open("sqlite://")
        await database.run(lambda tx: metadata.create_all(tx.conn))
        await database.run(_add)
        assert await database.run(_count) == 1
        await database.close()


class TestOpen:
    @pytest.mark.parametrize("url", ["mysql://localhost/x", "nonsense", "sqlite:////proc/nowhere/courtyard.db"])
    def test_what_cant_be_used_gives_one_clear_line(self, url: str) -> None:
        with pytest.raises(OperatorError, match=r"^database: ") as caught:
            Database.open(url)
        assert "\n" not in str(caught.value)
